/** A key for lists: a message keeps it from the outbox to the store. */
export function messageKey(message) {
    return message.clientId ?? ('_id' in message ? message._id : '');
}
