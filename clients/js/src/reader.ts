import type { Link } from './link.js';
import type { UserId } from './wire.js';

/** @internal Collects what the user reads and reports it in as few events as possible. */
export class Reader {
  /** The user has read up to here. */
  upTo = 0;
  #link: Link;
  #userId: UserId;
  #applied: (reported: boolean) => void;
  #reported = 0;
  #telling: Promise<void> | undefined;

  constructor(link: Link, userId: UserId, applied: (reported: boolean) => void) {
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

  /** Continues with what is not reported yet. */
  resume(): Promise<void> {
    if (this.#telling) return this.#telling;
    if (this.#reported >= this.upTo) return Promise.resolve();
    this.#telling = this.#tell();
    // A read that is not awaited must not become an uncaught error: it continues at the next login.
    this.#telling.catch(() => {});
    return this.#telling;
  }

  async #tell(): Promise<void> {
    try {
      while (this.#reported < this.upTo) {
        await this.#link.sleep(this.#link.timing.readDelay);
        const upTo = this.upTo;
        await this.#link.request('message-read', { userId: this.#userId, upTo });
        this.#reported = upTo;
        this.#applied(true);
      }
    } finally {
      this.#telling = undefined;
    }
  }
}
