import type { ChatMessage } from './state.js';
import type { AnyUser, UserId } from './wire.js';

const HEX = /^([0-9a-f]{24}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/** @internal The key by which a user is found: ObjectIds and UUIDs may be given in capitals, and come back in lower case. */
export function userKey(id: UserId): string {
  const text = String(id);
  return HEX.test(text) ? text.toLowerCase() : text;
}

/** A key for lists: a message keeps it when it moves from the outbox to the stored messages. */
export function messageKey<User = AnyUser>(message: ChatMessage<User>): string {
  return message.clientId ?? ('_id' in message ? message._id : '');
}
