import assert from 'node:assert/strict';
import { test } from 'node:test';

import { differences, spec, wire } from './schemas.js';
import type { Sides } from './schemas.js';

type Schemas = Record<string, any>;

/** Changes that a server could make, and what has to be said to them. */
const OF_THE_SERVER: [what: string, change: (schemas: Schemas, messages: Schemas) => void, complaint: RegExp][] = [
  ['a renamed field of a message', ({ Message }) => rename(Message, 'seq', 'number'), /Property 'number' is missing/],
  ['a renamed field of a contact', ({ Contact }) => rename(Contact, 'unreadCount', 'unread'), /Property 'unread' is missing/],
  ['an optional field more', ({ Contact }) => { Contact.properties.muted = { type: 'boolean' }; }, /Property 'muted' is missing/],
  ['an optional field less', ({ Contact }) => delete Contact.properties.missedFrom, /Property 'missedFrom' is missing/],
  ['a field that is no longer always there', ({ Login }) => Login.required.shift(), /optional/],
  ['another type of a field', ({ UserTyping }) => { UserTyping.properties.until = { type: 'integer' }; }, /'string' is not assignable to type 'number'/],
  ['a status nobody knows', ({ Status }) => Status.oneOf.push({ const: 'seen' }), /"seen"/],
  ['a code nobody knows', ({ Code }) => Code.enum.push('too-late'), /"too-late"/],
  ['a code less', ({ Code }) => Code.enum.shift(), /"bad-request"/],
  ['a renamed field of a payload', ({ AddChatUser }) => rename(AddChatUser, 'userToAdd', 'userId'), /Property 'userId' is missing/],
  ['a payload with a field that has to be there', ({ Typing }) => Typing.required.push('typing'), /optional/],
  ['one way less to say what was read', ({ MessageRead }) => MessageRead.oneOf.pop(), /upTo/],
  ['an answer of another type', ({ Privacy }) => { Privacy.properties.whitelist.items = { type: 'boolean' }; }, /'boolean'/],
  ['an answer without what it said', ({ Online }) => { Online.properties = {}; Online.required = []; }, /nothing/],
  ['a new event', (_, messages) => {
    messages.wave = messages.typing;
    messages['wave.ack'] = messages['typing.ack'];
  }, /"wave"/],
  ['an event less', (_, messages) => { delete messages.signal; delete messages['signal.ack']; }, /"signal"/],
  ['a new envelope', (_, messages) => { messages['chatzz.user-waving'] = messages['chatzz.user-typing']; }, /"user-waving"/],
];

/** The same on this side. */
const OF_THE_LIBRARY: [what: string, from: string, to: string, complaint: RegExp][] = [
  ['a renamed field of a message', '  seq: number;', '  number: number;', /Property 'seq' is missing/],
  ['a renamed optional field', '  missedCount?: number;', '  missed?: number;', /Property 'missedCount' is missing/],
  ['another type of a field', '  lastOnline: string | null;', '  lastOnline: string;', /null/],
  ['a renamed field of a payload', '{ userToAdd: UserId }', '{ userId: UserId }', /Property 'userToAdd' is missing/],
  ['a misspelt event', '\'get-active-users\': ', '\'get-active-user\': ', /"get-active-users?"/],
  ['an envelope less', '  \'user-signal\': { userId: UserId; data: unknown };\n', '', /user-signal/],
  ['a code that no server has', '\'bad-request\' |', '\'bad-request\' | \'bad-day\' |', /"bad-day"/],
];

function rename({ properties, required }: any, from: string, to: string): void {
  properties[to] = properties[from];
  delete properties[from];
  required[required.indexOf(from)] = to;
}

const now: Sides = { spec: spec(), wire: wire() };
const changed: Sides[] = [
  ...OF_THE_SERVER.map(([what, change]) => {
    const sides = structuredClone(now);
    change(sides.spec.components.schemas, sides.spec.components.messages);
    assert.notDeepEqual(sides, now, what);
    return sides;
  }),
  ...OF_THE_LIBRARY.map(([what, from, to]) => {
    assert.ok(now.wire.includes(from), what);
    return { ...now, wire: now.wire.replace(from, to) };
  }),
];

// One run of the compiler for all of them.
const [said, ...saidToChanged] = await differences([now, ...changed]);

test('the types of src/wire.ts say what the schemas of the server say', () => assert.equal(said, ''));

for (const [at, [what, , complaint]] of OF_THE_SERVER.entries()) {
  test(`at the server ${what} is noticed`, () => assert.match(saidToChanged[at] ?? '', complaint));
}

for (const [at, [what, , , complaint]] of OF_THE_LIBRARY.entries()) {
  test(`in the library ${what} is noticed`, () => assert.match(saidToChanged[OF_THE_SERVER.length + at] ?? '', complaint));
}
