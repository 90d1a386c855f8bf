import type { Link } from './link.js';
import type { UserId } from './wire.js';

/** How often it is told that the person still types, in ms; the server shows it for twice as long. */
const AGAIN = 3000;
/** The longest that somebody is shown as typing without being told again, in ms, whatever the clocks say. */
const LONGEST = 10_000;

/** @internal Tells the other that one types, and knows whether the other does. */
export class Typing {
  /** Whether the other person types. */
  shown = false;
  #link: Link;
  #userId: UserId;
  #changed: () => void;
  #told = 0;
  #epoch = 0;

  constructor(link: Link, userId: UserId, changed: () => void) {
    this.#link = link;
    this.#userId = userId;
    this.#changed = changed;
  }

  /** One's own input field now holds this. */
  keystroke(text: string): void {
    const typing = text.trim() !== '';
    const now = Date.now();
    if (typing ? now - this.#told < AGAIN : this.#told === 0) return;
    this.#told = typing ? now : 0;
    // A moment's news: what is lost or refused is not told again.
    this.#link.emit('typing', { userId: this.#userId, typing }).catch(() => {});
  }

  /** What was typed is sent; the message itself tells the other that the typing is over. */
  sent(): void {
    this.#told = 0;
  }

  /** The other types, until a moment on the server's clock. */
  async show(until: string): Promise<void> {
    const rest = Math.min(Date.parse(until) - this.#link.serverNow(), LONGEST);
    if (!(rest > 0)) return this.hide();
    const epoch = (this.#epoch += 1);
    this.#set(true);
    await this.#link.sleep(rest);
    if (epoch === this.#epoch) this.hide();
  }

  /** The other types no more. */
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
