import type { Link } from './link.js';
import type { UserId } from './wire.js';

/** @internal Gathers what a person reads and tells it in as few events as possible. */
export class Reader {
  /** Up to here the person has read. */
  upTo = 0;
  #link: Link;
  #userId: UserId;
  #applied: (told: boolean) => void;
  #told = 0;
  #telling: Promise<void> | undefined;

  constructor(link: Link, userId: UserId, applied: (told: boolean) => void) {
    this.#link = link;
    this.#userId = userId;
    this.#applied = applied;
  }

  /** Resolves when the server knows. */
  read(upTo: number): Promise<void> {
    if (upTo > this.upTo) {
      this.upTo = upTo;
      this.#applied(false);
    }
    return this.resume();
  }

  /** Goes on with what is not told yet. */
  resume(): Promise<void> {
    if (this.#telling) return this.#telling;
    if (this.#told >= this.upTo) return Promise.resolve();
    this.#telling = this.#tell();
    // Not to await a read is no uncaught error: it goes on at the next login.
    this.#telling.catch(() => {});
    return this.#telling;
  }

  async #tell(): Promise<void> {
    try {
      while (this.#told < this.upTo) {
        await this.#link.sleep(this.#link.timing.readDelay);
        const upTo = this.upTo;
        await this.#link.request('message-read', { userId: this.#userId, upTo });
        this.#told = upTo;
        this.#applied(true);
      }
    } finally {
      this.#telling = undefined;
    }
  }
}
