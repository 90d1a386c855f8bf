/** The events: name → arguments of a listener. */
export type EventMap = { [Name: string]: unknown[] };

type Listener<Args extends unknown[]> = (...args: Args) => void;

/** Listeners by event. A listener that throws does not affect the others; its error is reported as uncaught. */
export class Emitter<Events extends EventMap> {
  #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Adds a listener; the returned function removes it. */
  on<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => this.off(event, listener);
  }

  /** Listens to the next event only. */
  once<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): () => void {
    const off = this.on(event, (...args) => {
      off();
      listener(...args);
    });
    return off;
  }

  /** Removes a listener. */
  off<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): void {
    this.#listeners.get(event)?.delete(listener);
  }

  /** @internal Calls the listeners; whether there were any. */
  emit<Name extends keyof Events>(event: Name, ...args: Events[Name]): boolean {
    const listeners = [...(this.#listeners.get(event) ?? [])] as Listener<Events[Name]>[];
    for (const listener of listeners) safely(() => listener(...args));
    return listeners.length > 0;
  }
}

/** @internal Runs code of the application; what it throws becomes an uncaught error. */
export function safely(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Something that has a state and notifies of its changes, as `useSyncExternalStore` requires. */
export abstract class Store<State> {
  #state: State | undefined;
  #listeners = new Set<() => void>();
  #isDue = false;

  protected abstract compute(): State;

  /** The current state: the same object until something changes. */
  readonly snapshot = (): State => (this.#state ??= this.compute());

  /** Calls the listener after changes (several at once count as one) until the returned function is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const own = () => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  };

  /** @internal */
  changed(): void {
    this.#state = undefined;
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      for (const listener of [...this.#listeners]) safely(listener);
    });
  }
}
