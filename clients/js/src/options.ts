import type { ManagerOptions, Socket, SocketOptions } from 'socket.io-client';

import type { UserId } from './wire.js';

/** Where the outbox is kept: `localStorage`, `AsyncStorage` of React Native, or anything similar. */
export interface ChatzzStorage {
  getItem(key: string): string | null | PromiseLike<string | null>;
  setItem(key: string, value: string): unknown;
  removeItem(key: string): unknown;
}

/** Durations in milliseconds. */
export interface Timing {
  /** How long to wait for an answer; the server needs at most 4,500. Default 10,000. */
  ackTimeout: number;
  /** The first pause before another attempt; it doubles each time. Default 500. */
  retryMin: number;
  /** The longest pause. Default 15,000. */
  retryMax: number;
  /** How long reads are batched before they are sent in one event. Default 100. */
  readDelay: number;
}

/** The options of `connect`. */
export interface Options {
  /** Where the server is, such as `https://chat.example.org`. */
  url: string;
  /** The user's id: the `_id` in the application's users collection. */
  userId: UserId;
  /** A token that does not expire before the page is left. */
  token?: string;
  /** Returns a fresh token; called at every connect and before the last one expires. */
  getToken?: () => string | Promise<string>;
  /** Where messages that are not yet stored survive a reload. Default: nowhere. */
  storage?: ChatzzStorage;
  /** How many messages `loadOlder` fetches, 1 to 500. Default 50. */
  pageSize?: number;
  timing?: Partial<Timing>;
  /** More options of socket.io-client, such as `path`. */
  socket?: Partial<ManagerOptions & SocketOptions>;
  /** An `io` other than that of socket.io-client, for tests. */
  io?: (url: string, options: Partial<ManagerOptions & SocketOptions>) => Socket;
}

/** @internal */
export const TIMING: Timing = { ackTimeout: 10_000, retryMin: 500, retryMax: 15_000, readDelay: 100 };
