import type { ServerCode, WireError } from './wire.js';

/**
 * The codes of this library: `unreachable` (there is no chatzz at the address, or it refuses the page's origin),
 * `timeout` (no answer), `disconnected` (not trying to connect), `discarded` (the message was removed from the outbox),
 * `storage` (the storage failed).
 */
export type ClientCode = 'unreachable' | 'timeout' | 'disconnected' | 'discarded' | 'storage';

/** Decide by it; later servers may have more. */
export type ErrorCode = ServerCode | ClientCode | (string & {});

/** The error that every promise of this library rejects with. */
export class ChatzzError extends Error {
  override readonly name = 'ChatzzError';
  readonly code: ErrorCode;
  /** How long to wait before the next attempt, in milliseconds, if the server says so. */
  readonly retryAfterMs: number | undefined;
  /** Why the application refused it, in its own words: with `refused`, and with `unauthorized` if it is the login. */
  readonly reason: string | undefined;
  /** The object that the application adds to its reason. */
  readonly meta: Record<string, unknown> | undefined;

  /** @internal */
  constructor(code: ErrorCode, message: string, cause?: unknown, said: Omit<WireError, 'code' | 'message'> = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retryAfterMs = said.retryAfterMs;
    this.reason = said.reason;
    this.meta = said.meta;
  }

  /** @internal */
  static of({ code, message, ...said }: WireError): ChatzzError {
    return new ChatzzError(code, message, undefined, said);
  }

  /** @internal The error of a handshake: a refusal of the server begins with its code, and may have `meta` behind it. */
  static ofHandshake(error: Error, url: string): ChatzzError {
    const [, code = 'unreachable', said = `no chatzz at ${url}, or it refuses this page's origin: ${error.message}`] =
      /^([a-z]+(?:-[a-z]+)*): (.*)$/s.exec(error.message) ?? [];
    const [message = said, json] = code === 'unauthorized' ? said.split('\n') : [said];
    return new ChatzzError(code, message, error, json === undefined ? {} : { reason: message, ...added(json) });
  }
}

/** What the application added, if it can be read. */
function added(json: string): { meta?: Record<string, unknown> } {
  try {
    return { meta: JSON.parse(json) as Record<string, unknown> };
  } catch {
    return {};
  }
}

const FINAL = new Set<string>([
  'bad-request', 'forbidden', 'already-connected', 'user-not-found', 'cannot-add-self', 'no-chat-room',
  'message-not-found', 'message-too-long', 'client-id-conflict', 'blocked', 'refused', 'disconnected',
]);
const RETRIED = new Set<string>([
  'unreachable', 'timeout', 'unauthorized', 'not-connected', 'overloaded', 'unavailable', 'unknown-outcome', 'rate-limited',
]);

/** How many attempts are made for an event that fails with `internal` or with an unknown code. */
const TRIES = 5;

/** @internal Whether another attempt can help after this many. */
export function mayRetry(error: ChatzzError, tries: number): boolean {
  return !FINAL.has(error.code) && (RETRIED.has(error.code) || tries < TRIES);
}
