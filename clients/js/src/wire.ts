/**
 * The messages between the server and its clients: protocol version 3,
 * `docs/protocol.md`. The tests compare these types with the server's schemas
 * (`docs/asyncapi.json`), field by field, and with its golden files.
 */

/** The application's own id of a user: text, or a number for integer ids. */
export type UserId = string | number;

/** Whether a user has a logged-in socket. */
export type Presence = 'online' | 'offline';

/** `not_sent` (stored) → `sent` (sent to a device of the receiver) → `read`; never back. */
export type MessageStatus = 'not_sent' | 'sent' | 'read';

/** The fields of a user where the application does not say which there are. */
export type AnyUser = Record<string, unknown>;

/**
 * The application's document of a user, reduced to the fields that the operator lists. Each may be absent: a user whom
 * the application has deleted has none.
 */
export type UserDetails<User = AnyUser> = Omit<Partial<User>, '_id' | 'deleted'> & {
  _id: UserId;
  /** `true` if the application has deleted this user. */
  deleted?: boolean;
};

interface MessageOf<Person> {
  /** 24 hex digits, globally unique. */
  _id: string;
  /** RFC 3339, UTC, with milliseconds. */
  createdAt: string;
  from: Person;
  to: Person;
  message: string;
  /** What the message is besides its text: one of the kinds that the operator has named. */
  kind?: string;
  /** What belongs to that kind. */
  data?: Record<string, unknown>;
  status: MessageStatus;
  chatRoomId: string;
  /** 1, 2, 3 … within the chat room, without a gap. */
  seq: number;
  /** The sender's own key for this message. */
  clientId?: string;
  /** `server` if the application sent it in its sender's name: no device of theirs can say so. */
  via?: 'server';
  /** The number of the change, in its chat room, that made it what it is. */
  rev?: number;
  /** `true` when what it said was removed: `message` is empty. */
  redacted?: boolean;
  /** When it was sent to a device of the receiver. */
  sentAt?: string;
  readAt?: string;
}

/** What makes a message more than text; see `kind` and `data` in `docs/protocol.md`. */
export type Custom = Pick<MessageOf<unknown>, 'kind' | 'data'>;

/** A message as the server has stored it. */
export interface Message<User = AnyUser> extends MessageOf<UserDetails<User>> {}

/** The newest message of a contact: with ids as `from` and `to`. */
export interface LastMessage extends MessageOf<UserId> {}

/** The data of `chat-user-added`. */
export type AddedContact<User = AnyUser> = UserDetails<User> & {
  chatRoomId: string;
  status: Presence;
  /** When the person last went offline; `null` if never. */
  lastOnline: string | null;
  addedBy: UserId;
  addedAt: string;
};

/** A person with whom the user has a chat room. */
export type Contact<User = AnyUser> = AddedContact<User> & {
  unreadCount: number;
  /** `true`, only in `user-details`: this person added the user while the user was away. */
  addedWhileAway?: boolean;
  /** Absent while there is none. */
  lastMessage?: LastMessage;
  /** How many messages were missed, when not all are in `missedMessages`. */
  missedCount?: number;
  /** The `seq` from which messages were missed, when not all are in `missedMessages`. */
  missedFrom?: number;
  /** The last change of a message with this person; absent while there was none. */
  rev?: number;
};

/** The data of `user-details`. */
export interface Login {
  user: UserDetails;
  status: Presence;
  lastOnline: string | null;
  connectedUsers: Contact[];
  /** `true` when there are more contacts than these. */
  moreContacts?: boolean;
  /** By the sender's id, ascending by `seq`. */
  missedMessages: Record<string, Message[]>;
  /** What the application returned at the login. */
  meta?: Record<string, unknown>;
}

/** The data of `chat-user-status-changed`. */
export interface PresenceChange<User = AnyUser> {
  user: UserDetails<User>;
  status: Presence;
  lastOnline: string | null;
}

/** The data of `message-status-changed`. */
export interface StatusChange extends Message {
  /** Every message of the same sender whose `seq` lies in it, both ends included. */
  range?: { from: number; to: number };
}

/** The codes of the server; see "Errors" in `docs/protocol.md`. */
export type ServerCode =
  | 'bad-request' | 'unauthorized' | 'forbidden' | 'not-connected' | 'already-connected' | 'user-not-found'
  | 'cannot-add-self' | 'no-chat-room' | 'message-not-found' | 'message-too-long' | 'client-id-conflict'
  | 'overloaded' | 'unavailable' | 'unknown-outcome' | 'internal' | 'blocked' | 'refused' | 'rate-limited';

/** The answer to a failed event. */
export interface WireError {
  /** A `ServerCode`; later servers may have more. */
  code: string;
  message: string;
  /** With `rate-limited`: how long to wait, in milliseconds. */
  retryAfterMs?: number;
  /** With `refused`, and with `unauthorized` where the application refused the login: why. */
  reason?: string;
  /** The object that the application adds to its reason. */
  meta?: Record<string, unknown>;
}

/** Who may write to a user. */
export interface Privacy {
  /** Whether only people on the whitelist may. */
  whitelistOnly: boolean;
  whitelist: UserId[];
}

/** The data of `privacy-changed`. */
export type PrivacyChange = { userId: UserId; blocked: boolean } | Privacy;

/** The data of `user-typing`. */
export interface Typing {
  user: UserDetails;
  chatRoomId: string;
  /** Show it until then, by the server's clock; the moment it was sent when the person has stopped. */
  until: string;
}

/** The envelopes of the server: `type` → `data`. */
export interface Envelopes {
  'user-details': Login;
  'chat-user-status-changed': PresenceChange;
  /** The same, under the name that `CHATZZ_STATUS_EVENT` can choose. */
  'user-status-changed': PresenceChange;
  'chat-user-added': AddedContact;
  'old-messages': Message[];
  'new-message': Message;
  'message-changed': Message;
  'message-status-changed': StatusChange;
  'privacy-changed': PrivacyChange;
  'user-typing': Typing;
  'user-signal': { userId: UserId; data: unknown };
  'app-signal': { data: unknown };
  result: Answered;
  error: WireError & { event: string };
}

/** The data of `result`: an event with `envelope: true` succeeded; a page of history is `old-messages`. */
export type Answered = {
  [Event in Exclude<keyof Requests, 'get-old-messages'>]: { event: Event; data: Requests[Event][1] };
}[Exclude<keyof Requests, 'get-old-messages'>];

/** One envelope; `old-messages` also says whether the history goes on. */
export type Envelope = {
  [Type in keyof Envelopes]: { type: Type; data: Envelopes[Type] } & (Type extends 'old-messages' ? { hasMore?: true } : unknown);
}[keyof Envelopes];

/** Which page of the history; see `get-old-messages` in the protocol. */
export interface HistoryPage {
  userId: UserId;
  date?: string | number;
  /** Only messages with a smaller `seq`. */
  before?: number;
  /** Only messages with a greater `seq`. */
  after?: number;
  /** 1 to 500; the server's default is 100. */
  limit?: number;
}

/** The events of the client: payload and result. */
export interface Requests {
  'connect-user': [
    { userId: UserId; deliveryAcks?: boolean; compact?: boolean; protocol?: number },
    {
      userId: UserId;
      status: Presence;
      serverTime: string;
      protocol: number;
      features: string[];
      meta?: Record<string, unknown>;
    },
  ];
  'add-chat-user': [{ userToAdd: UserId }, Contact];
  'get-old-messages': [HistoryPage, { messages: Message[]; hasMore: boolean }];
  'get-changes': [{ userId: UserId; afterRev: number; limit?: number }, { messages: Message[]; hasMore: boolean; rev: number }];
  'send-message': [{ userId: UserId; message: string; clientId: string } & Custom, Message & { duplicate?: boolean }];
  'message-read': [{ userId: UserId; upTo: number }, { read: number }] | [{ messageId: string }, Message];
  'message-delivered': [{ userId: UserId; upTo: number }, { delivered: number }];
  'block-user': [{ userId: UserId }, { blocked: boolean }];
  'unblock-user': [{ userId: UserId }, { blocked: boolean }];
  'get-blocked-users': [{ after?: UserId }, { users: UserDetails[]; hasMore: boolean }];
  'set-privacy': [Partial<Privacy>, Privacy];
  typing: [{ userId: UserId; typing?: boolean }, Record<string, never>];
  signal: [{ userId: UserId; data: unknown }, { online: boolean }];
  'get-active-users': [{ all?: boolean; after?: UserId; limit?: number }, { users: Contact[]; hasMore: boolean }];
  'refresh-token': [{ token: string }, { expiresAt: string | null }];
}

/** The payload of an event. */
export type Payload<Event extends keyof Requests> = Requests[Event][0];

/** The result of an event, for a payload of this type. */
export type Result<Event extends keyof Requests, Given = Payload<Event>> =
  Requests[Event] extends infer Pair ? (Pair extends [infer Takes, infer Gives] ? (Given extends Takes ? Gives : never) : never) : never;

/** The arguments of an ack callback. */
export type Ack<Event extends keyof Requests> = [null, Requests[Event][1]] | [WireError, null];
