/** @internal */
export const TIMING = { ackTimeout: 10_000, retryMin: 500, retryMax: 15_000, readDelay: 100 };
