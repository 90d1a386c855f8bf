import type { Link } from './link.js';
import { isBlank } from './text.js';
import { now } from './time.js';
import type { UserId } from './wire.js';

/** How often typing is repeated while the user goes on, in ms; the server announces it for twice as long. */
const AGAIN = 3000;
/** The longest that the other is shown as typing without another notice, in ms, whatever the clocks say. */
const LONGEST = 10_000;

/** @internal Reports that the user is typing, and knows whether the other person is. */
export class Typing {
  /** Whether the other person is typing. */
  shown = false;
  #link: Link;
  #userId: UserId;
  #changed: () => void;
  /** When the other person was last notified; absent after the end of typing. */
  #notified: number | undefined;
  #epoch = 0;

  constructor(link: Link, userId: UserId, changed: () => void) {
    this.#link = link;
    this.#userId = userId;
    this.#changed = changed;
  }

  /** The user's own input field now contains this text. */
  keystroke(text: string): void {
    const typing = !isBlank(text);
    if (typing ? now() - (this.#notified ?? -AGAIN) < AGAIN : this.#notified === undefined) return;
    this.#notified = typing ? now() : undefined;
    // Ephemeral: a lost or refused notice is not repeated.
    this.#link.emit('typing', { userId: this.#userId, typing }).catch(() => {});
  }

  /** The text was sent; the message itself shows the other person that the typing is over. */
  sent(): void {
    this.#notified = undefined;
  }

  /** The other person is typing, until a moment on the server's clock. */
  async show(until: string): Promise<void> {
    const rest = Math.min(Date.parse(until) - this.#link.serverNow(), LONGEST);
    if (!(rest > 0)) return this.hide();
    const epoch = (this.#epoch += 1);
    this.#set(true);
    await this.#link.sleep(rest);
    if (epoch === this.#epoch) this.hide();
  }

  /** The other person has stopped typing. */
  hide(): void {
    this.#epoch += 1;
    this.#set(false);
  }

  #set(shown: boolean): void {
    if (shown === this.shown) return;
    this.shown = shown;
    this.#changed();
  }
}
