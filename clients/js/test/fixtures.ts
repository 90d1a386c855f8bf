/** The server's golden files as TypeScript, each against the type that it must satisfy. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

import { compile, sources } from './compiler.js';

const fixtures = join(sources, 'fixtures');

/** The golden files in a folder of `fixtures`, named without `.json`. */
export function golden(folder: Golden['folder']): Golden[] {
  const files = readdirSync(join(fixtures, folder)).filter((file) => file.endsWith('.json'));
  assert.ok(files.length > 0, `there are golden files in ${fixtures}`);
  return files.map((file) => ({ folder, name: basename(file, '.json'), content: JSON.parse(text(folder, file)) }));
}

/** Its text, with a number where the golden files leave one open. */
function text(folder: Golden['folder'], file: string): string {
  return readFileSync(join(fixtures, folder, file), 'utf8').replaceAll(':<ms>', ':250');
}

/** Without the index signature of user details, under which every unknown field would pass; with the fields of the golden users. */
const PRELUDE = `
import type { Ack, AddedContact, Contact, Envelope, Login, Requests } from '../../dist/index.js';
export type * from '../../dist/react.js';
type Known<T> = { [K in keyof T as string extends K ? never : K]: T[K] };
type Person = { firstName: string; lastName: string; username: string; avatar: string | null };
type Of<Type extends Envelope['type']> = Extract<Envelope, { type: Type }>;
type Strict = {
  'chat-user-added': { type: 'chat-user-added'; data: Known<AddedContact> & Person };
  'user-details': { type: 'user-details'; data: Omit<Login, 'connectedUsers'> & { connectedUsers: (Known<Contact> & Person)[] } };
};
type EnvelopeOf<Type extends Envelope['type']> = Type extends keyof Strict ? Strict[Type] : Of<Type>;
type AckOf<Event extends keyof Requests> = Event extends 'add-chat-user' ? [null, Known<Contact> & Person] : Ack<Event>;
`;

/** The type for a golden file: its name is that of the envelope or event, and after a dot the variant. */
function typeOf(folder: Golden['folder'], name: string): string {
  const [event] = name.split('.');
  if (event === 'error' && folder === 'acks') return 'Ack<\'connect-user\'>';
  return folder === 'acks' ? `AckOf<'${event}'>` : `EnvelopeOf<'${event}'>`;
}

/** A golden file, or what one could become. */
export interface Golden {
  folder: 'acks' | 'envelopes';
  name: string;
  content: any;
}

/** What the compiler says to each; nothing to one that satisfies its type. */
export function complaints(files: Golden[]): string[] {
  const prelude = PRELUDE.split('\n');
  const lines = files.map(({ folder, name, content }, at) => `export const x${at} = ${JSON.stringify(content)} satisfies ${typeOf(folder, name)};`);
  const found = files.map(() => '');
  // With the declarations, as a user's compiler may read them.
  for (const { line, text } of compile({ 'golden.ts': [...prelude, ...lines, ''].join('\n') }, { skipLibCheck: false })) {
    const at = line - prelude.length - 1;
    assert.ok(at in found, `the compiler complains of something else: ${text}`);
    found[at] += text;
  }
  return found;
}
