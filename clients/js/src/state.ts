import type { Conversation } from './conversation.js';
import type { State } from './link.js';
import type { PendingMessage } from './outbox.js';
import type { AddedContact, AnyUser, LastMessage, Message, Presence, UserDetails } from './wire.js';

/** A stored message, or one in the outbox; `status` tells which. */
export type ChatMessage<User = AnyUser> = Message<User> | PendingMessage;

/** What a conversation shows. Unchanged objects stay the same from one state to the next. */
export interface ConversationState<User = AnyUser> {
  /** The other person; absent until both have a chat room. */
  readonly contact: AddedContact<User> | undefined;
  /** By `seq`, with no gap that the server could fill, followed by the messages in the outbox. */
  readonly messages: readonly ChatMessage<User>[];
  /** The newest stored message, also when `messages` does not reach it yet. */
  readonly last: Message<User> | LastMessage | undefined;
  /** How many messages of the other person are unread. */
  readonly unread: number;
  readonly presence: Presence | undefined;
  /** When the other person last went offline; `null` if never. */
  readonly lastOnline: string | null | undefined;
  /** Whether the other person is typing at this moment; it ends by itself. */
  readonly typing: boolean;
  /** Whether the user has blocked the other person, as far as known: see `Chatzz.blockedUsers`. */
  readonly blocked: boolean;
  /** Whether `loadOlder` can find something. */
  readonly hasOlder: boolean;
}

/** What a client shows. */
export interface ChatzzState<User = AnyUser> {
  readonly state: State;
  /** The user's own details, once logged in. */
  readonly user: UserDetails<User> | undefined;
  /** The conversations with a chat room, the newest first. */
  readonly conversations: readonly Conversation<User>[];
  /** The number of all unread messages. */
  readonly unread: number;
}
