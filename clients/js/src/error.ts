import type { ServerCode, WireError } from './wire.js';

/**
 * The codes of this library: `timeout` (no answer came), `disconnected` (nobody tries to connect),
 * `discarded` (the message was taken out of the outbox), `storage` (the storage refused).
 */
export type ClientCode = 'timeout' | 'disconnected' | 'discarded' | 'storage';

/** Decide by it; later servers may know more. */
export type ErrorCode = ServerCode | ClientCode | (string & {});

/** What every promise of this library rejects with. */
export class ChatzzError extends Error {
  override readonly name = 'ChatzzError';
  readonly code: ErrorCode;
  /** How long to wait before the next try, in milliseconds, when the server says so. */
  readonly retryAfterMs: number | undefined;

  /** @internal */
  constructor(code: ErrorCode, message: string, cause?: unknown, retryAfterMs?: number) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  /** @internal */
  static of({ code, message, retryAfterMs }: WireError): ChatzzError {
    return new ChatzzError(code, message, undefined, retryAfterMs);
  }

  /** @internal The error of a refused handshake, whose message begins with a code. */
  static ofHandshake(error: Error): ChatzzError {
    const [, code = 'unavailable', said = error.message] = /^([a-z]+(?:-[a-z]+)*): (.*)$/s.exec(error.message) ?? [];
    return new ChatzzError(code, said, error);
  }
}

const FINAL = new Set<string>([
  'bad-request', 'forbidden', 'already-connected', 'user-not-found', 'cannot-add-self', 'no-chat-room',
  'message-not-found', 'message-too-long', 'client-id-conflict', 'blocked', 'disconnected',
]);
const RETRIED = new Set<string>([
  'timeout', 'unauthorized', 'not-connected', 'overloaded', 'unavailable', 'unknown-outcome', 'rate-limited',
]);

/** How often an event is tried that fails with `internal` or with a code nobody knows. */
const TRIES = 5;

/** @internal Whether another try can help after this many. */
export function mayRetry(error: ChatzzError, tries: number): boolean {
  return !FINAL.has(error.code) && (RETRIED.has(error.code) || tries < TRIES);
}
