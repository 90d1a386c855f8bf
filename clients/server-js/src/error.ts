import type { components } from './openapi.js';

/** What chatzz says of a call that it did not do. */
export type Problem = components['schemas']['Problem'];
/** The codes of chatzz, and two of this package. */
export type ErrorCode = Problem['code'] | 'unreachable' | 'bad-signature';

/** Why a call was not done, or that a request is not from chatzz. */
export class ChatzzError extends Error {
  override readonly name = 'ChatzzError';
  /** `no`: the call stored nothing. `perhaps`: repeat it with the same key to find out. */
  readonly stored: Problem['stored'] = 'no';
  /** The HTTP status, if there was an answer. */
  readonly status?: number;
  /** The whole answer: with the code `refused` it has the hook's `reason` and `meta`. */
  readonly problem?: Problem;
  /** How long to wait before the next attempt, in milliseconds, if chatzz says so. */
  readonly retryAfter?: number;

  /** Decide by `code`, which is stable. `unreachable`: there was no answer, or none of chatzz. */
  constructor(readonly code: ErrorCode, message: string, more: Partial<Pick<ChatzzError, 'stored' | 'status' | 'problem' | 'retryAfter' | 'cause'>> = {}) {
    super(message);
    Object.assign(this, more);
  }
}
