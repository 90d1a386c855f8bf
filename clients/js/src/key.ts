import type { ChatMessage } from './state.js';

/** A key for lists: a message keeps it from the outbox to the store. */
export function messageKey(message: ChatMessage): string {
  return message.clientId ?? ('_id' in message ? message._id : '');
}
