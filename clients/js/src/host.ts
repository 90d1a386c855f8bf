import type { Conversation } from './conversation.js';
import type { ChatzzError } from './error.js';
import type { Link } from './link.js';
import type { Outbox } from './outbox.js';
import type { LastMessage, Message } from './wire.js';

/** @internal What a conversation needs of its client. */
export interface ConversationHost {
  link: Link;
  outbox: Outbox;
  pageSize: number;
  isMine(message: Message | LastMessage): boolean;
  changed(): void;
  arrived(messages: Message[], conversation: Conversation): void;
  typing(conversation: Conversation): void;
  error(error: ChatzzError): void;
}
