import assert from 'node:assert/strict';
import { test } from 'node:test';

import { complaints, golden } from './fixtures.js';
import type { Golden } from './fixtures.js';

const GOLDEN = [...golden('envelopes'), ...golden('acks')];

/** Changes that a server could make, and what has to be said to them. */
const CHANGES: [what: string, file: string, change: (envelope: any) => void, complaint: RegExp][] = [
  ['a field less in a message', 'new-message', ({ data }) => delete data.seq, /'seq' is missing/],
  ['a field more in a message', 'new-message', ({ data }) => { data.edited = true; }, /"edited"' does not exist/],
  ['another type of a field', 'old-messages', ({ data }) => { data[0].seq = '3'; }, /'string' is not assignable to type 'number'/],
  ['a status nobody knows', 'message-status-changed.range', ({ data }) => { data.status = 'seen'; }, /"seen"/],
  ['a field more in a contact', 'user-details', ({ data }) => { data.connectedUsers[0].muted = true; }, /"muted"' does not exist/],
  ['a field less in a contact', 'chat-user-added', ({ data }) => delete data.addedBy, /'addedBy' is missing/],
  ['a field more in an envelope', 'error', (envelope) => { envelope.version = 3; }, /"version"' does not exist/],
  ['an envelope of a new type', 'user-waving', () => {}, /"user-waving"/],
];

const changed: Golden[] = CHANGES.map(([, name, change]) => {
  const content = structuredClone(GOLDEN.find((file) => file.folder === 'envelopes' && file.name === name)?.content ?? {});
  change(content);
  return { folder: 'envelopes', name, content };
});

// One run of the compiler for all of them.
const said = complaints([...GOLDEN, ...changed]);

for (const [at, { folder, name }] of GOLDEN.entries()) {
  test(`the server's ${folder}/${name}.json satisfies its type`, () => assert.equal(said[at], ''));
}

for (const [at, [what, , , complaint]] of CHANGES.entries()) {
  test(`${what} is noticed`, () => assert.match(said[GOLDEN.length + at] ?? '', complaint));
}
