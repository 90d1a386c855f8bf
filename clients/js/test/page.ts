/** What a page has and Node.js lacks: events of its window, and a storage that its pages share. */
import type { ChatzzStorage } from '../src/index.js';

type Listener = (event: any) => void;

/** The events of a window, while a test has it. */
export class Window {
  #listeners = new Map<string, Set<Listener>>();

  constructor() {
    Object.assign(globalThis, {
      addEventListener: (event: string, listener: Listener) => this.#of(event).add(listener),
      removeEventListener: (event: string, listener: Listener) => this.#of(event).delete(listener),
    });
  }

  fire(event: string, what: object = {}): void {
    for (const listener of [...this.#of(event)]) listener(what);
  }

  /** How many listen to an event. */
  count(event: string): number {
    return this.#of(event).size;
  }

  close(): void {
    for (const name of ['addEventListener', 'removeEventListener']) Reflect.deleteProperty(globalThis, name);
  }

  #of(event: string): Set<Listener> {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    return listeners;
  }
}

/** A storage of several pages: with a window, the page of that window hears what the others change. */
export class Shared implements ChatzzStorage {
  items = new Map<string, string>();
  readonly getItem = (key: string): string | null => this.items.get(key) ?? null;
  readonly setItem = (key: string, newValue: string): void => this.#set(key, newValue);
  readonly removeItem = (key: string): void => this.#set(key, null);
  #window: Window | undefined;

  constructor(window?: Window) {
    this.#window = window;
  }

  /** The texts that it holds. */
  texts(): string[] {
    return [...this.items.values()].flatMap((list) => JSON.parse(list).map(({ message }: { message: string }) => message));
  }

  #set(key: string, newValue: string | null): void {
    const oldValue = this.getItem(key);
    if (newValue === null) this.items.delete(key);
    else this.items.set(key, newValue);
    this.#window?.fire('storage', { key, oldValue, newValue });
  }
}
