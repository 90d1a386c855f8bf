import type { ChatzzError } from './error.js';
import type { components, operations } from './openapi.js';
import { type Call, type Options, request } from './request.js';

type Schemas = components['schemas'];
type Content<Of> = Of extends { content: { 'application/json': infer Json } } ? Json : never;
type Body<Name extends keyof operations> = Content<NonNullable<operations[Name]['requestBody']>>;
type Query<Name extends keyof operations> = NonNullable<operations[Name]['parameters']['query']>;
type Answer<Name extends keyof operations> = Promise<Content<operations[Name]['responses'][200 & keyof operations[Name]['responses']]>>;
export type Message = Schemas['Message'];
export type UserId = Schemas['UserIdInput'];
/** A message to send; `key` is your own name for it, which makes repeats safe. */
export type NewMessage = Schemas['SendMessage'] & { key: string };
/** Something that happened. */
export type Event = Schemas['Event'];
/** With the cursor behind it: store it, and write it as `after` to go on there. */
export type PulledEvent = Event & { cursor: string };
export interface EventOptions extends Omit<Query<'listEvents'>, 'wait' | 'types'> {
  /** Only these types; without it, all but `user.online` and `user.offline`. */
  types?: Event['type'][];
  /** Ends the waiting. */
  signal?: AbortSignal;
  /** Hears from where to go on once you are done with a page of events, also if none was for you. */
  onCursor?: (cursor: string) => unknown;
}

const WAIT = 25; // seconds that a call for events waits for the first

/** The HTTP API of a chatzz server. Every method rejects with a {@link ChatzzError}. */
export class Chatzz {
  readonly #options: Options;
  constructor(options: Options) {
    if (!/^https?:\/\//.test(options.url)) throw new TypeError('url: write where the API of chatzz is, such as http://127.0.0.1:3001');
    if (typeof options.key !== 'string' || options.key === '') throw new TypeError('key: write the key that `chatzz key new` printed');
    this.#options = { ...options };
  }

  /** Sends a message as a user, once under its key, and opens the chat room if there is none. */
  send = (message: NewMessage): Answer<'sendMessage'> => this.#call('POST', ['messages'], { body: message });
  /** Sends up to 500 messages: a result for each, in their order. All are sent again while one is refused for now. */
  sendBatch = (messages: NewMessage[]): Answer<'sendBatch'> => this.#call('POST', ['messages', 'batch'], { body: { messages }, isForNow: ({ results }) => results.some(({ status }: Schemas['MessageResult']) => status === 429 || status >= 500) });
  /** A message as it is now. */
  message = (id: string): Answer<'getMessage'> => this.#call('GET', ['messages', id]);
  /** Removes what a message says, for both people and for ever. */
  redact = (messageId: string): Answer<'redactMessage'> => this.#call('POST', ['messages', messageId, 'redact']);
  /** Opens the chat room of two users, as if `from` had added `to`. */
  openChatRoom = (people: Body<'openChatRoom'>): Answer<'openChatRoom'> => this.#call('PUT', ['chat-rooms'], { body: people });
  /** A chat room, and how far its two people have read. */
  chatRoom = (id: string): Answer<'getChatRoom'> => this.#call('GET', ['chat-rooms', id]);
  /** The chat room of two users. */
  chatRoomOf = (user: UserId, other: UserId): Answer<'findChatRoom'> => this.#call('GET', ['chat-rooms'], { query: { user, with: other } });
  /** A page of messages, ascending; without `after` the newest. Marks nothing as read. */
  messages = (chatRoomId: string, page: Query<'listMessages'> = {}): Answer<'listMessages'> => this.#call('GET', ['chat-rooms', chatRoomId, 'messages'], { query: page });
  /** Removes what messages of a chat room say, up to 500 at a time: go on while `hasMore`. */
  redactChatRoom = (id: string, which: Body<'redactChatRoom'> = {}): Answer<'redactChatRoom'> => this.#call('POST', ['chat-rooms', id, 'redact'], { body: which });
  /** A user, and whether they are online at any server. */
  user = (id: UserId): Answer<'getUser'> => this.#call('GET', ['users', id]);
  /** The contacts of a user with unread counts and last messages, a page at a time. */
  chatRooms = (userId: UserId, page: Query<'listChatRooms'> = {}): Answer<'listChatRooms'> => this.#call('GET', ['users', userId, 'chat-rooms'], { query: page });
  /** Which of up to 1,000 users are online at any server, in their order. */
  presence = (users: UserId[]): Answer<'getPresence'> => this.#call('POST', ['presence'], { body: { users } });
  /** How many unread messages up to 1,000 users have, in their order. */
  unread = (users: UserId[]): Answer<'getUnread'> => this.#call('POST', ['unread'], { body: { users } });
  /** Marks what a user received from another one as read. */
  markRead = (userId: UserId, what: Body<'markRead'>): Answer<'markRead'> => this.#call('POST', ['users', userId, 'read'], { body: what });
  /** Marks what a user received from another one as sent. */
  markDelivered = (userId: UserId, what: Body<'markDelivered'>): Answer<'markDelivered'> => this.#call('POST', ['users', userId, 'delivered'], { body: what });
  /** Who may write to a user. */
  privacy = (userId: UserId): Answer<'getPrivacy'> => this.#call('GET', ['users', userId, 'privacy']);
  /** Sets who may write to a user; what is left out stays. */
  setPrivacy = (userId: UserId, privacy: Body<'setPrivacy'>): Answer<'setPrivacy'> => this.#call('PUT', ['users', userId, 'privacy'], { body: privacy });
  /** Whom a user blocked, a page at a time, the first blocked first. */
  blocked = (userId: UserId, page: Query<'listBlocked'> = {}): Answer<'listBlocked'> => this.#call('GET', ['users', userId, 'blocks'], { query: page });
  /** Lets a user block another one. */
  block = (userId: UserId, other: UserId): Answer<'blockUser'> => this.#call('PUT', ['users', userId, 'blocks', other]);
  /** Lets a user unblock another one. */
  unblock = (userId: UserId, other: UserId): Answer<'unblockUser'> => this.#call('DELETE', ['users', userId, 'blocks', other]);
  /** Ends a user's sockets at all servers. */
  endSockets = (userId: UserId): Answer<'endSockets'> => this.#call('DELETE', ['users', userId, 'sockets']);
  /** Hands any JSON to the devices of a user that are connected. It is not sent again if it may have arrived. */
  signal = (userId: UserId, data: unknown): Answer<'sendSignal'> => this.#call('POST', ['users', userId, 'signals'], { body: { data }, isRepeatable: false });
  /** About how much there is, who is online, and how the servers are. */
  stats = (): Answer<'getStats'> => this.#call('GET', ['stats']);
  /** Events that were pushed and not taken, and were set aside. */
  letters = (page: Query<'listLetters'> = {}): Answer<'listLetters'> => this.#call('GET', ['events', 'letters'], { query: page });
  /** Has an event that was set aside pushed again. */
  retryLetter = (id: string): Answer<'retryLetter'> => this.#call('POST', ['events', 'letters', id, 'retry']);
  /** What happens from a cursor on, in order, however often the connection is lost; `signal` ends it. */
  async *events({ signal, types, onCursor, ...from }: EventOptions): AsyncGenerator<PulledEvent, void> {
    // The first call does not wait: what happens after it is behind its cursor, whatever becomes of the next.
    const query: Query<'listEvents'> = { ...from, ...(types && { types: types.join() }) };
    const isAnswer = (page: any) => Array.isArray(page?.events) && typeof page.cursor === 'string';
    const call = { query, signal, isAnswer, patience: Infinity, timeout: WAIT * 1_000 + (this.#options.timeout ?? 10_000) };
    while (!signal?.aborted) {
      const page = await this.#call('GET', ['events'], call).catch((error) => signal?.aborted || Promise.reject(error));
      for (const event of page.events ?? []) if (!signal?.aborted) yield event;
      if (!signal?.aborted) await onCursor?.(page.cursor);
      Object.assign(query, { after: page.cursor, wait: `${WAIT}s` });
    }
  }

  async #call(method: string, path: UserId[], call: Call = {}): Promise<any> {
    // A URL would take these for steps, also when they are encoded.
    for (const part of path) if (/^\.{0,2}$/.test(String(part))) throw new TypeError(`“${part}” is no id`);
    return request(this.#options, method, path.map((part) => encodeURIComponent(part)).join('/'), call);
  }
}
