/** @internal Milliseconds on a clock that is never set back or forward, for durations. */
export const now = (): number => performance.now();

/** @internal The result of something that may never come; rejects if it takes longer than this. */
export function within<T>(milliseconds: number, what: string, result: T | PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer from ${what} within ${milliseconds} ms`)), milliseconds);
    Promise.resolve(result).finally(() => clearTimeout(timer)).then(resolve, reject);
  });
}
