/** Listeners by event. A listener that throws disturbs nobody else; its error is reported as uncaught. */
export class Emitter {
    #listeners = new Map();
    /** Listens, until the function that it returns is called. */
    on(event, listener) {
        const listeners = this.#listeners.get(event) ?? new Set();
        this.#listeners.set(event, listeners.add(listener));
        return () => this.off(event, listener);
    }
    /** Listens to the next one only. */
    once(event, listener) {
        const off = this.on(event, (...args) => {
            off();
            listener(...args);
        });
        return off;
    }
    /** Ends listening. */
    off(event, listener) {
        this.#listeners.get(event)?.delete(listener);
    }
    /** @internal Whether anybody listened. */
    emit(event, ...args) {
        const listeners = [...(this.#listeners.get(event) ?? [])];
        for (const listener of listeners)
            safely(() => listener(...args));
        return listeners.length > 0;
    }
}
/** @internal Runs code of the application; what it throws becomes an uncaught error. */
export function safely(run) {
    try {
        run();
    }
    catch (error) {
        queueMicrotask(() => {
            throw error;
        });
    }
}
/** @internal Something that shows a state and tells when it changed, as `useSyncExternalStore` wants it. */
export class Store {
    #state;
    #told = new Set();
    #telling = false;
    /** The state now: the same object until something changes. */
    snapshot = () => (this.#state ??= this.compute());
    /** Calls the listener after changes, several of them once, until the function that it returns is called. */
    subscribe = (listener) => {
        const own = () => listener();
        this.#told.add(own);
        return () => void this.#told.delete(own);
    };
    /** @internal */
    changed() {
        this.#state = undefined;
        if (this.#telling)
            return;
        this.#telling = true;
        queueMicrotask(() => {
            this.#telling = false;
            for (const listener of [...this.#told])
                safely(listener);
        });
    }
}
