import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Event } from './chatzz.js';
import { ChatzzError } from './error.js';

/** Headers of Node's `http` and Express, or of the Fetch API. */
export type HeadersLike = Record<string, string | string[] | undefined> | { get(name: string): string | null };

/** The questions of hooks, by their type. */
export interface Questions {
  'before-send': { from: string | number; to: string | number; chatRoomId: string; message: string; kind?: string; data?: Record<string, unknown>; clientId?: string; via?: string };
  'before-add': { from: string | number; to: string | number };
  'user-details': { users: ({ _id: string | number } & Record<string, unknown>)[] };
}

type Refuse = { action: 'refuse'; reason: string; meta?: Record<string, unknown> };
/** What may be answered to each. */
export interface Answers {
  'before-send': { action: 'allow' | 'withhold' } | Refuse | { action: 'replace'; message: string };
  'before-add': { action: 'allow' } | Refuse;
  'user-details': { action: 'allow' } | { action: 'replace'; users: Questions['user-details']['users'] };
}

/** A function for each hook that is asked, and one for events that are pushed. */
export type Handlers = { [Type in keyof Questions]?: (data: Questions[Type]) => Answers[Type] | Promise<Answers[Type]> } & {
  event?: (event: Event) => unknown;
};

const MAX_BYTES = 4 * 1024 * 1024; // of a request
/**
 * The JSON of a request of chatzz, signed as Standard Webhooks say: a hook's question, or a pushed event. Throws
 * `bad-signature` unless one of the secrets signed exactly these bytes, at most `tolerance` seconds ago.
 */
export function verify(headers: HeadersLike, rawBody: string | Uint8Array, secret: string | string[], tolerance = 300): any {
  const [id, time, signatures] = ['id', 'timestamp', 'signature'].map((name) => header(headers, `webhook-${name}`)) as [string, string, string];
  const given = signatures.split(' ').filter((one) => one.startsWith('v1,')).map((one) => Buffer.from(one.slice(3), 'base64'));
  const isSigned = keysOf(secret).some((key) => {
    const wanted = createHmac('sha256', key).update(`${id}.${time}.`).update(rawBody).digest();
    return given.some((one) => one.length === wanted.length && timingSafeEqual(one, wanted));
  });
  if (!isSigned) throw new ChatzzError('bad-signature', 'the request is not signed with this secret');
  if (!/^\d+$/.test(time) || Math.abs(Date.now() / 1000 - Number(time)) > tolerance) throw new ChatzzError('bad-signature', 'the request was signed at another time');
  return JSON.parse(typeof rawBody === 'string' ? rawBody : new TextDecoder().decode(rawBody));
}

/** What the secrets are, without what a file has around them. */
function keysOf(secret: string | string[]): Buffer[] {
  const texts = [secret].flat().map((text) => String(text ?? '').trim()).flatMap((text) => (text.startsWith('whsec_') ? text.split(/[\s,]+/) : text || []));
  const keys = texts.map((text) => (text.startsWith('whsec_') ? Buffer.from(text.slice(6), 'base64') : Buffer.from(text)));
  if (!keys[0] || keys.some(({ length }) => length === 0)) throw new TypeError('secret: is empty, and anybody could sign with it');
  return keys;
}

function header(headers: HeadersLike, name: string): string {
  const value = typeof headers.get === 'function' ? headers.get(name) : (headers as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : '';
}

/**
 * A listener of `http.createServer`, or a route of Express without a body parser before it. It answers hooks and takes
 * events that are pushed. When a function throws, chatzz asks or posts again, or does what `CHATZZ_HOOK_FAILURE` says.
 */
export function listener(secret: string | string[], handlers: Handlers, onError: (error: unknown) => unknown = console.error) {
  keysOf(secret); // A mistake shows when the program begins.
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const end = (status: number, json: unknown = {}, text = JSON.stringify(json)) => void res.writeHead(status, { 'content-type': 'application/json' }).end(text);
    try {
      if (req.readableDidRead) throw new Error('a body parser ran before, and the signature is of the bytes: put this route in front of express.json()');
      let [parts, length]: [Buffer[], number] = [[], 0];
      // What is too large is read and not kept: whoever sends it would not hear the answer before.
      for await (const part of req) if ((length += part.length) <= MAX_BYTES) parts.push(part);
      if (length > MAX_BYTES) return end(413);
      const { type, ...rest } = verify(req.headers, Buffer.concat(parts), secret);
      const hook = handlers[type as keyof Questions] as ((data: unknown) => unknown) | undefined;
      if (hook) return end(200, await hook(rest.data));
      if (!handlers.event || /^before-|^user-details$/.test(type)) throw new Error(`there is no function for ${type}`);
      await handlers.event({ type, ...rest });
      end(200);
    } catch (error) {
      end(error instanceof ChatzzError && error.code === 'bad-signature' ? 401 : 500);
      await Promise.resolve(error).then(onError).catch(console.error);
    }
  };
}
