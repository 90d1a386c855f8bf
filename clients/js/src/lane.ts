/** How many requests of one kind are under way at the same time. */
const MOST = 8;

/** @internal Requests of one kind: a few at a time, those that somebody waits for first; one at a time after the server has asked for a pause. */
export class Lane {
  #most = MOST;
  #busy = 0;
  #rest: Promise<void> | undefined;
  /** Those that somebody waits for, and the others. */
  #waiting: [(() => void)[], (() => void)[]] = [[], []];

  /** Resolves when it is the caller's turn; `leave` ends the turn. */
  async enter(background: boolean): Promise<void> {
    while (this.#busy >= this.#most) await new Promise<void>((resolve) => this.#waiting[background ? 1 : 0].push(resolve));
    this.#busy += 1;
    await this.#rest;
  }

  leave(): void {
    this.#busy -= 1;
    const next = this.#waiting[0].shift() ?? this.#waiting[1].shift();
    if (next) next();
    else if (this.#busy === 0) this.#most = MOST;
  }

  /** The next request waits until then: each refusal counts as an error, and the server closes a socket with twenty errors. */
  rest(end: Promise<void>): void {
    this.#most = 1;
    this.#rest = end;
  }
}
