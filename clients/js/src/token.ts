import { ChatzzError } from './error.js';
import type { Payload, Result } from './wire.js';
import type { Timing } from './options.js';

interface Line {
  readonly timing: Timing;
  emit(event: 'refresh-token', payload: Payload<'refresh-token'>): Promise<Result<'refresh-token'>>;
  serverNow(): number;
  sleep(milliseconds: number, connected: true): Promise<void>;
}

/** How long before its expiry a token is replaced, at most; a quarter of its remaining time, if that is less. */
const AHEAD = 60_000;
/** The longest wait at a time: a timer holds 2^31 − 1 ms. */
const DAY = 86_400_000;

/** @internal Sends fresh tokens, each before the previous one expires, for as long as the connection is open. */
export async function keepToken(
  line: Line, token: string, getToken: () => string | Promise<string>,
  alive: () => boolean, failed: (error: ChatzzError) => void,
): Promise<void> {
  const left = (expiresAt: string) => Date.parse(expiresAt) - line.serverNow();
  // The token of the handshake once more: the answer says when it expires, whatever kind it is.
  let next: string | Promise<string> | undefined = token;
  let end: string | null | undefined;
  while (alive()) {
    try {
      next ??= getToken();
      const shown: string = await next;
      if (!alive()) return;
      end = (await line.emit('refresh-token', { token: shown })).expiresAt;
    } catch (cause) {
      if (!alive()) return;
      failed(cause instanceof ChatzzError ? cause : new ChatzzError('unauthorized', 'getToken failed', cause));
    }
    next = undefined;
    if (end === null) return;
    const rest = end === undefined ? line.timing.retryMax : left(end);
    // Too late: the server closes the socket, and the next connect asks for a token.
    if (rest <= 0) return;
    let pause = Math.max(rest - Math.min(AHEAD, rest / 4), line.timing.retryMin);
    for (; pause > 0 && alive(); pause -= DAY) await line.sleep(Math.min(pause, DAY), true);
  }
}
