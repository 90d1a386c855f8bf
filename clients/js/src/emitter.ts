/** What events there are: name → arguments of a listener. */
export type EventMap = { [Name: string]: unknown[] };

type Listener<Args extends unknown[]> = (...args: Args) => void;

/** Listeners by event. A listener that throws disturbs nobody else; its error is reported as uncaught. */
export class Emitter<Events extends EventMap> {
  #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Listens, until the function that it returns is called. */
  on<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => this.off(event, listener);
  }

  /** Listens to the next one only. */
  once<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): () => void {
    const off = this.on(event, (...args) => {
      off();
      listener(...args);
    });
    return off;
  }

  /** Ends listening. */
  off<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): void {
    this.#listeners.get(event)?.delete(listener);
  }

  /** @internal Whether anybody listened. */
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

/** Something that shows a state and tells when it changed, as `useSyncExternalStore` wants it. */
export abstract class Store<State> {
  #state: State | undefined;
  #told = new Set<() => void>();
  #telling = false;

  protected abstract compute(): State;

  /** The state now: the same object until something changes. */
  readonly snapshot = (): State => (this.#state ??= this.compute());

  /** Calls the listener after changes, several of them once, until the function that it returns is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const own = () => listener();
    this.#told.add(own);
    return () => void this.#told.delete(own);
  };

  /** @internal */
  changed(): void {
    this.#state = undefined;
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const listener of [...this.#told]) safely(listener);
    });
  }
}
