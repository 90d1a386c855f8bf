/** The server's schemas as TypeScript, and each of them against the type of `src/wire.ts` that says the same. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { compile as typescriptOf } from 'json-schema-to-typescript';

import { compile, root, sources } from './compiler.js';

/** What `chatzz spec` says; `docs/asyncapi.json` is the same, a test of the server sees to it. */
export const spec = (): any => JSON.parse(readFileSync(join(sources, 'docs/asyncapi.json'), 'utf8'));
export const wire = (): string => readFileSync(join(root, 'src/wire.ts'), 'utf8');

/**
 * What both sides are reduced to before they are compared, in both directions: an optional field is one that may not
 * be missing here, as otherwise a field that one side does not know would pass; so is what an index signature allows.
 */
const CHECKS = `
import type { Wire } from './generated.js';
import type { Envelopes, Requests, ServerCode, WireError } from './wire.js';
type Shape<T> = unknown extends T ? 'anything'
  : T extends readonly (infer Item)[] ? { item: Shape<Item> }
  : T extends object ? [T[keyof T]] extends [never] ? 'nothing' : Fields<T>
  : T;
type Fields<T> = {
  [Key in keyof T as string extends Key ? 'any other' : Key]-?:
    {} extends Pick<T, Key> ? { optional: Shape<Exclude<T[Key], undefined>> } : Shape<T[Key]>;
};
// The server also takes null for what is absent. The library has its answers in acks, never in envelopes of their own.
type Given<T> = T extends unknown ? { [Key in keyof T as Exclude<Key, 'envelope'>]: Exclude<T[Key], null> } : never;
type Payloads = { [Event in keyof Wire['payloads']]: Given<Wire['payloads'][Event]> };
type Of<Event extends keyof Payloads> =
  // By one name.
  Event extends 'get-old-messages' ? Omit<Payloads[Event], 'fromDate'>
  // Without it nothing could be repeated.
  : Event extends 'send-message' ? Payloads[Event] & { clientId: string }
  : Payloads[Event];
// Typed as text, as later servers may know more.
type Coded<T> = { [Key in keyof T]: Key extends 'code' ? ServerCode : T[Key] };
type Told<Type extends keyof Envelopes> = Type extends 'error' ? Coded<Envelopes[Type]> : Envelopes[Type];
declare function as<T>(): T;
`;

/** Both ways, as what one side may say the other has to take. */
const pair = (what: string, one: string, other: string) =>
  `export const ${what}: [Shape<${one}>, Shape<${other}>] = [as<Shape<${other}>>(), as<Shape<${one}>>()];`;

type Properties = Record<string, unknown>;
const object = (properties: Properties, required = Object.keys(properties)) =>
  ({ type: 'object', properties, required, additionalProperties: false });

/** What the generator of types does not understand as it is meant. */
function plain(schema: any): any {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map(plain);
  // A description alone allows everything.
  if (Object.keys(schema).join() === 'description' && typeof schema.description === 'string') return { tsType: 'unknown' };
  const { oneOf, ...rest } = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, plain(value)]));
  if (!oneOf?.every((one: object) => Object.keys(one).filter((key) => key !== 'title').join() === 'required')) return { ...rest, ...(oneOf && { oneOf }) };
  // Required together or instead of each other: one type for each of these ways, with what belongs to none of them.
  const ways: string[][] = oneOf.map(({ required }: { required: string[] }) => required);
  const more = Object.keys(rest.properties).filter((name) => !ways.flat().includes(name));
  return { oneOf: ways.map((way) => object(Object.fromEntries([...way, ...more].map((name) => [name, rest.properties[name]])), way)) };
}

/** A module that exports `Wire`: the data of the envelopes, the payloads and results of the events, and an error. */
async function generated({ components }: any): Promise<{ text: string; events: string[]; envelopes: string[] }> {
  const [envelopes, payloads, results]: [Properties, Properties, Properties] = [{}, {}, {}];
  for (const [name, { payload }] of Object.entries<any>(components.messages)) {
    const [event = '', part = ''] = name.split('.');
    if (event === 'chatzz') envelopes[part] = payload.properties.data;
    else if (part === 'ack') results[event] = payload.oneOf[0].items[1];
    else payloads[event] = payload;
  }
  const error = { $ref: '#/components/schemas/ErrorBody' };
  const all = object({ envelopes: object(envelopes), payloads: object(payloads), results: object(results), error });
  const text = await typescriptOf(plain({ ...all, components }), 'Wire', { additionalProperties: false, bannerComment: '', format: false });
  return { text, events: Object.keys(payloads), envelopes: Object.keys(envelopes) };
}

/** One state of the server, and one of the library. */
export interface Sides {
  spec: any;
  wire: string;
}

/** What the compiler says to each; nothing where both sides say the same. */
export async function differences(all: Sides[]): Promise<string[]> {
  const files: Record<string, string> = {};
  for (const [at, sides] of all.entries()) {
    const { text, events, envelopes } = await generated(sides.spec);
    files[`${at}/generated.ts`] = text;
    files[`${at}/wire.ts`] = sides.wire;
    files[`${at}/checks.ts`] = [
      CHECKS,
      pair('names_of_events', 'keyof Wire[\'payloads\'] | keyof Wire[\'results\']', 'keyof Requests'),
      // The other name of one, which an operator can choose.
      pair('names_of_envelopes', 'keyof Wire[\'envelopes\'] | \'user-status-changed\'', 'keyof Envelopes'),
      pair('renamed', 'Wire[\'envelopes\'][\'chat-user-status-changed\']', 'Envelopes[\'user-status-changed\']'),
      pair('refusal', 'Wire[\'error\']', 'Coded<WireError>'),
      ...envelopes.map((type, nr) => pair(`envelope_${nr}`, `Wire['envelopes']['${type}']`, `Told<'${type}'>`)),
      ...events.map((event, nr) => pair(`payload_${nr}`, `Of<'${event}'>`, `Requests['${event}'][0]`)),
      ...events.map((event, nr) => pair(`result_${nr}`, `Wire['results']['${event}']`, `Requests['${event}'][1]`)),
      '',
    ].join('\n');
  }
  const found = all.map(() => '');
  for (const { file, text } of compile(files, { noUnusedLocals: false })) {
    assert.match(file, /^\d+\/checks\.ts$/, `the compiler complains of something else: ${text}`);
    found[parseInt(file, 10)] += `${text}\n`;
  }
  return found;
}
