import { setTimeout as sleep } from 'node:timers/promises';
import { ChatzzError, type Problem } from './error.js';

export interface Options {
  /** Where `CHATZZ_API_LISTEN` is reached, such as `http://127.0.0.1:3001`. */
  url: string;
  /** A key of `chatzz key new`. */
  key: string;
  /** How long a call is repeated before it fails, in milliseconds; 30,000 without it. */
  patience?: number;
  /** How long one attempt may take, in milliseconds; 10,000 without it. */
  timeout?: number;
  /** Hears of each attempt that failed and is repeated, such as to log it. */
  onRetry?: (error: ChatzzError) => void;
}

export interface Call {
  body?: unknown;
  query?: object;
  signal?: AbortSignal | undefined;
  timeout?: number;
  patience?: number;
  /** `false`: what may have arrived is not sent again. */
  isRepeatable?: boolean;
  /** Whether a part of an answer is refused for now only. */
  isForNow?: (answer: any) => boolean;
  /** Whether JSON is an answer of chatzz. */
  isAnswer?: (answer: any) => boolean;
}

/** The pause after a first failure, which doubles up to the longest, and the longest `Retry-After`, in milliseconds. */
const [FIRST_PAUSE, LONGEST_PAUSE, LONGEST_WAIT] = [200, 10_000, 300_000];

/** One call, repeated as long as that is safe, may help, and is in time. */
export async function request(options: Options, method: string, path: string, call: Call): Promise<any> {
  const end = performance.now() + (call.patience ?? options.patience ?? 30_000);
  let stored: Problem['stored'] = 'no';
  for (let failures = 0; ; failures += 1) {
    // Those who failed together do not come back together.
    let pause = Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE) * (0.5 + Math.random() / 2);
    try {
      const answer = await attempt(options, method, path, call);
      if (!call.isForNow?.(answer) || performance.now() + pause > end) return answer;
      stored = 'perhaps'; // the other part
    } catch (error) {
      call.signal?.throwIfAborted();
      if (!(error instanceof ChatzzError)) throw error;
      const { status = 503, retryAfter = 0 } = error;
      const isForNow = status === 408 || status === 429 || status >= 500;
      const isSafe = call.isRepeatable !== false || error.stored === 'no';
      pause = Math.max(pause, Math.min(retryAfter, LONGEST_WAIT));
      // An earlier attempt may have stored what the last one could not.
      if (error.stored === 'perhaps') stored = 'perhaps';
      if (!isForNow || !isSafe || performance.now() + pause > end) throw Object.assign(error, { stored });
      options.onRetry?.(error);
    }
    await sleep(pause, undefined, call.signal ? { signal: call.signal } : {});
  }
}

async function attempt({ url, key, ...usual }: Options, method: string, path: string, call: Call): Promise<unknown> {
  const { body, query = {}, timeout = usual.timeout ?? 10_000, signal } = call;
  const target = new URL(`${url.replace(/\/+$/, '')}/v1/${path}`);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) target.searchParams.set(name, String(value));
  const json = body === undefined ? null : JSON.stringify(body);
  const limit = AbortSignal.timeout(timeout);
  const stored = method === 'GET' ? 'no' : 'perhaps';
  const headers = { authorization: `Bearer ${key}`, ...(json !== null && { 'content-type': 'application/json' }) };
  const asked = fetch(target, { method, headers, body: json, redirect: 'manual', signal: signal ? AbortSignal.any([signal, limit]) : limit });
  const [response, text] = await asked.then(async (response) => [response, await response.text()] as const).catch((cause) => {
    throw new ChatzzError('unreachable', `${target.origin}: ${limit.aborted ? `no answer within ${timeout} ms` : 'no answer'}`, { stored, cause });
  });
  const { ok, status } = response;
  const retryAfter = 1_000 * Number(response.headers.get('retry-after')) || 0;
  const answer: any = await new Response(text).json().catch(() => undefined);
  if (ok && answer !== undefined && call.isAnswer?.(answer) !== false) return answer;
  const said = { status, ...(retryAfter > 0 && { retryAfter }) };
  if (answer?.stored) throw new ChatzzError(answer.code, answer.detail, { ...said, stored: answer.stored, problem: answer });
  throw new ChatzzError('unreachable', `${target.origin}: what answers there is not chatzz (status ${status})`, { ...said, stored });
}
