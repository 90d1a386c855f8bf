import type { Timeline } from './timeline.js';
import type { Contact, Message } from './wire.js';

/** @internal How many messages of the other person are unread: those that are shown, and those that only the server can count. */
export class Unread {
  count = 0;
  #timeline: Timeline;
  #fetch: () => Promise<Contact>;
  #changed: () => void;
  /** The server has counted up to here. */
  #counted = 0;
  #asking: Promise<void> | undefined;
  #again = false;

  constructor(timeline: Timeline, fetch: () => Promise<Contact>, changed: () => void) {
    this.#timeline = timeline;
    this.#fetch = fetch;
    this.#changed = changed;
  }

  /** Sets the server's count up to a `seq`. */
  set(count: number, counted: number): void {
    this.#counted = counted;
    this.count = count + this.#timeline.unread(counted + 1).length;
    this.settle();
  }

  /** These are shown from now on. */
  add(fresh: Message[]): void {
    this.count += fresh.filter((message) => message.seq > this.#counted && this.#timeline.isUnread(message)).length;
    this.settle();
  }

  /** These became read. */
  less(read: Message[]): void {
    // A message that is neither counted nor shown yet will not be counted.
    const counted = read.filter(({ seq }) => seq <= Math.max(this.#counted, this.#timeline.high));
    this.count = Math.max(this.#timeline.unread(1).length, this.count - counted.length);
    this.settle();
  }

  /** Recounts, if all of them are shown. */
  settle(): void {
    const { readTo, low, isBehind } = this.#timeline;
    if (!isBehind && readTo + 1 >= (low ?? Infinity)) this.count = this.#timeline.unread(readTo + 1).length;
  }

  /** Has the server count, if what was read is below what is shown. */
  ask(): void {
    const { readTo, low } = this.#timeline;
    if (low === undefined || readTo + 1 >= low) return;
    this.#again = true;
    this.#asking ??= this.#ask();
  }

  async #ask(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        const { unreadCount, lastMessage } = await this.#fetch();
        this.set(unreadCount, lastMessage?.seq ?? 0);
        this.#changed();
      }
    } catch {
      // The next login has the count.
    } finally {
      this.#asking = undefined;
    }
  }
}
