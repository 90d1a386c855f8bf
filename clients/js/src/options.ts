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
  /** How long to wait for an answer, of the server or of `getToken`; the server needs at most 4,500. Default 10,000. */
  ackTimeout: number;
  /** The first pause before another attempt; it doubles each time. Default 500. */
  retryMin: number;
  /** The longest pause. Default 15,000. */
  retryMax: number;
  /** How long reads are batched before they are sent in one event. Default 100. */
  readDelay: number;
  /** How long to wait for the storage; after that, messages are sent without being kept. Default 2,000. */
  storageTimeout: number;
}

/** The options of `connect`. */
export interface Options {
  /** Where the server is, such as `https://chat.example.org`. */
  url: string;
  /** The user's id: the `_id` in the application's users collection. */
  userId: UserId;
  /** A token that does not expire before the page is left. */
  token?: string | undefined;
  /** Returns a fresh token; called at every connect and before the last one expires. */
  getToken?: (() => string | Promise<string>) | undefined;
  /** Where messages that are not yet stored survive a reload. Default: nowhere. */
  storage?: ChatzzStorage | undefined;
  /** How many messages `loadOlder` fetches, 1 to 500. Default 50. */
  pageSize?: number | undefined;
  /** The server's `CHATZZ_MESSAGE_MAX_CHARS`: longer texts fail at once. Default: only what no server takes does. */
  maxChars?: number | undefined;
  timing?: Partial<Timing> | undefined;
  /** More options of socket.io-client, such as `path`. */
  socket?: Partial<ManagerOptions & SocketOptions> | undefined;
  /** An `io` other than that of socket.io-client, for tests. */
  io?: ((url: string, options: Partial<ManagerOptions & SocketOptions>) => Socket) | undefined;
}

/** @internal */
export const TIMING: Timing = { ackTimeout: 10_000, retryMin: 500, retryMax: 15_000, readDelay: 100, storageTimeout: 2000 };

type Rule = [holds: (value: any) => boolean, must: string, isRequired?: boolean];

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const isWhole = (value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): boolean =>
  Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
/** The longest that a timer waits, in ms. */
const LONGEST = 2 ** 31 - 1;

const RULES: Record<keyof Options, Rule> = {
  url: [(url) => isText(url) && /^(http|ws)s?:\/\/[^\s/?#]+\/?(\?|$)/i.test(url), 'an address such as https://chat.example.org; a path goes into socket.path', true],
  userId: [(id) => isText(id) || isWhole(id, Number.MIN_SAFE_INTEGER), 'a user\'s _id: text, or a whole number', true],
  token: [isText, 'text'],
  getToken: [(getToken) => typeof getToken === 'function', 'a function'],
  storage: [
    (storage) => ['getItem', 'setItem', 'removeItem'].every((name) => typeof storage?.[name] === 'function'),
    'an object with getItem, setItem and removeItem',
  ],
  pageSize: [(size) => isWhole(size, 1, 500), 'a whole number from 1 to 500'],
  maxChars: [(most) => isWhole(most, 1), 'a whole number from 1'],
  timing: [
    (timing) => isObject(timing) && Object.entries(timing).every(([name, value]) => name in TIMING && Number.isFinite(value) && value >= 0 && value <= LONGEST),
    `an object of milliseconds: ${Object.keys(TIMING).join(', ')}`,
  ],
  socket: [isObject, 'an object'],
  io: [(io) => typeof io === 'function', 'a function'],
};

/** @internal Throws a `TypeError` that names the option which is wrong, missing or unknown. */
export function checked(options: Options): Options {
  for (const name of Object.keys({ ...RULES, ...options }) as (keyof Options)[]) {
    if (!(name in RULES)) throw new TypeError(`chatzz: there is no option ${name}`);
    const [holds, must, isRequired] = RULES[name];
    const value = options?.[name];
    if ((isRequired || value !== undefined) && !holds(value)) throw new TypeError(`chatzz: the option ${name} must be ${must}`);
  }
  return options;
}

/** @internal The query of an address. */
export function queryOf(url: string): Record<string, string> {
  const query: Record<string, string> = {};
  new URL(url).searchParams.forEach((value, name) => { query[name] = value; });
  return query;
}
