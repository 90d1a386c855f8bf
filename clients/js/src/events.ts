import type { Conversation } from './conversation.js';
import type { ChatzzError } from './error.js';
import type { State } from './link.js';
import type { AddedContact, AnyUser, Message, PresenceChange, PrivacyChange } from './wire.js';

/** The events of a client: event → arguments of a listener. */
export type ChatzzEvents<User = AnyUser> = {
  /** Logged in for the first time. */
  connect: [];
  /** The connection is lost, or ended; the reason, such as `transport close` or `client`. */
  disconnect: [reason: string];
  /** Logged in again; the reason why the connection was lost. */
  reconnect: [reason: string];
  state: [state: State, reason: string];
  /** A message that is new to this client, from either person: each once, and per conversation in the order of `seq`. */
  message: [message: Message<User>, conversation: Conversation<User>];
  /** The same messages, those that arrived together. */
  messages: [messages: Message<User>[], conversation: Conversation<User>];
  /** At a login: what the other person wrote in the meantime. All of it is also emitted as `message`. */
  missed: [messages: Message<User>[], conversation: Conversation<User>];
  /** Messages that became `sent` or `read`. */
  status: [messages: Message<User>[], conversation: Conversation<User>];
  /** Messages that say something else than before, or nothing any more. */
  changed: [messages: Message<User>[], conversation: Conversation<User>];
  presence: [change: PresenceChange<User>];
  /** The other person started or stopped typing. */
  typing: [typing: boolean, conversation: Conversation<User>];
  /** The data of another person's `signal`. */
  signal: [data: unknown, conversation: Conversation<User>];
  /** The data of a signal of the application's back end. */
  appSignal: [data: unknown];
  /** Somebody opened a chat room with the user, now or while the user was away. */
  'contact-added': [contact: AddedContact<User>, conversation: Conversation<User>];
  /** Another device of the user blocked or unblocked somebody, or set who may write. */
  privacy: [change: PrivacyChange];
  /** Errors that no promise reports. Without a listener they are logged to the console. */
  error: [error: ChatzzError];
};
