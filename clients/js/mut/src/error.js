/** What every promise of this library rejects with. */
export class ChatzzError extends Error {
    name = 'ChatzzError';
    code;
    /** How long to wait before the next try, in milliseconds, when the server says so. */
    retryAfterMs;
    /** @internal */
    constructor(code, message, cause, retryAfterMs) {
        super(message, cause === undefined ? undefined : { cause });
        this.code = code;
        this.retryAfterMs = retryAfterMs;
    }
    /** @internal */
    static of({ code, message, retryAfterMs }) {
        return new ChatzzError(code, message, undefined, retryAfterMs);
    }
    /** @internal The error of a refused handshake, whose message begins with a code. */
    static ofHandshake(error) {
        const [, code = 'unavailable', said = error.message] = /^([a-z]+(?:-[a-z]+)*): (.*)$/s.exec(error.message) ?? [];
        return new ChatzzError(code, said, error);
    }
}
const FINAL = new Set([
    'bad-request', 'forbidden', 'already-connected', 'user-not-found', 'cannot-add-self', 'no-chat-room',
    'message-not-found', 'message-too-long', 'client-id-conflict', 'blocked', 'disconnected',
]);
const RETRIED = new Set([
    'timeout', 'unauthorized', 'not-connected', 'overloaded', 'unavailable', 'unknown-outcome', 'rate-limited',
]);
/** How often an event is tried that fails with `internal` or with a code nobody knows. */
const TRIES = 5;
/** @internal Whether another try can help after this many. */
export function mayRetry(error, tries) {
    return !FINAL.has(error.code) && (RETRIED.has(error.code) || tries < TRIES);
}
