import type { Conversation } from './conversation.js';
import type { ChatzzError } from './error.js';
import type { State } from './link.js';
import type { AddedContact, Message, PresenceChange, PrivacyChange } from './wire.js';

/** What a client tells: event → arguments of a listener. */
export type ChatzzEvents = {
  /** Logged in for the first time. */
  connect: [];
  /** The connection is lost, or ended; why, such as `transport close` or `client`. */
  disconnect: [reason: string];
  /** Logged in again; why the connection was lost. */
  reconnect: [reason: string];
  state: [state: State, reason: string];
  /** A message that is new here, sent by either person: each once, and per conversation in the order of `seq`. */
  message: [message: Message, conversation: Conversation];
  /** The same, those that came together at once. */
  messages: [messages: Message[], conversation: Conversation];
  /** At a login: what the other person wrote meanwhile. All of it also comes as `message`. */
  missed: [messages: Message[], conversation: Conversation];
  /** Messages that became `sent` or `read`. */
  status: [messages: Message[], conversation: Conversation];
  presence: [change: PresenceChange];
  /** The other person began to type, or ended. */
  typing: [typing: boolean, conversation: Conversation];
  /** What another person's `signal` gave. */
  signal: [data: unknown, conversation: Conversation];
  /** Somebody opened a chat room with the user, now or while the user was away. */
  'contact-added': [contact: AddedContact, conversation: Conversation];
  /** Another device of the user blocked or unblocked somebody, or set who may write. */
  privacy: [change: PrivacyChange];
  /** What no promise tells. Without a listener it goes to the console. */
  error: [error: ChatzzError];
};
