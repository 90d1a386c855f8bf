import type { ChatzzError } from './error.js';
import type { Link } from './link.js';
import type { Message, UserId } from './wire.js';

/** The most messages of one page. */
const PAGE = 500;

/** @internal What becomes of changed messages: in which order, and what is asked for after a gap. */
export class Changes {
  /** Up to this change everything that is shown is as it is now. */
  #rev = 0;
  #fetching: Promise<void> | undefined;
  #link: Link;
  #id: UserId;
  #apply: (messages: Message[]) => void;
  #error: (error: ChatzzError) => void;

  constructor(link: Link, id: UserId, apply: (messages: Message[]) => void, error: (error: ChatzzError) => void) {
    this.#link = link;
    this.#id = id;
    this.#apply = apply;
    this.#error = error;
  }

  /** A login says how many changes there were; what is loaded later is as it is now. */
  login(rev: number, isCurrent: boolean): void {
    if (isCurrent) this.#rev = Math.max(this.#rev, rev);
    else if (this.#rev < rev) this.#fetch();
  }

  /** A message as it is since it was changed. */
  heard(message: Message): void {
    const { rev = 0 } = message;
    // Of many changes at once only the last one is announced, and one of another server may come late.
    if (rev > this.#rev + 1) this.#fetch();
    else if (!this.#fetching) this.#rev = Math.max(this.#rev, rev);
    this.#apply([message]);
  }

  /** Fetches what was changed since the last change that is known. */
  #fetch(): void {
    this.#fetching ??= this.#pages().catch(this.#error).finally(() => (this.#fetching = undefined));
  }

  async #pages(): Promise<void> {
    for (let more = true; more;) {
      const page = { userId: this.#id, afterRev: this.#rev, limit: PAGE };
      const { messages, rev, hasMore } = await this.#link.request('get-changes', page, { background: true });
      this.#apply(messages);
      this.#rev = Math.max(this.#rev, rev);
      more = hasMore;
    }
  }
}
