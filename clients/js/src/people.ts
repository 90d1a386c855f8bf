import { userKey } from './key.js';
import type { AddedContact, Contact, Message, UserDetails, UserId } from './wire.js';

/** The details of everybody the user has a chat room with: the server sends them once, and in messages only ids. */
export class People {
  #details = new Map<string, UserDetails>();

  /** Takes the details in an envelope's data or in a result, and puts them where messages in it have ids. */
  complete<Data>(data: Data): Data {
    const { user, connectedUsers, users, missedMessages, messages } = data as Partial<Record<string, any>> ?? {};
    if (connectedUsers) {
      this.#learn(user);
      for (const contact of connectedUsers) this.#contact(contact);
      for (const missed of Object.values<Message[]>(missedMessages)) this.#fill(missed);
    }
    for (const one of users ?? [data]) if (isContact(one)) this.#contact(one);
    this.#fill(Array.isArray(data) ? data : messages ?? [data]);
    return data;
  }

  #learn(user: UserDetails): void {
    this.#details.set(userKey(user._id), user);
  }

  #contact({ chatRoomId, status, lastOnline, addedBy, addedAt, ...more }: AddedContact & Partial<Contact>): void {
    const { unreadCount, lastMessage, addedWhileAway, missedCount, missedFrom, ...user } = more;
    this.#learn(user);
  }

  #fill(messages: unknown[]): void {
    for (const message of messages) {
      if (!isMessage(message)) continue;
      message.from = this.#person(message.from);
      message.to = this.#person(message.to);
    }
  }

  #person(of: UserId | UserDetails): UserDetails {
    return typeof of === 'object' ? of : this.#details.get(userKey(of)) ?? { _id: of };
  }
}

function isContact(data: any): data is Contact {
  return data?.addedBy !== undefined && data.chatRoomId !== undefined;
}

function isMessage(data: any): data is Message {
  return data?.seq !== undefined && data.from !== undefined;
}
