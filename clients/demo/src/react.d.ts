/** What the library's hooks take of React, as Preact has it: the third argument is for servers, and ignored here. */
export declare function useSyncExternalStore<T>(subscribe: (changed: () => void) => () => void, snapshot: () => T, onServer?: () => T): T;
