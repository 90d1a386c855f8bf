import type { Chatzz } from 'chatzz-client';
import { useChat, useConversation } from 'chatzz-client/react';

import { Blocked } from './blocked.tsx';
import { Composer } from './composer.tsx';
import { Log } from './log.tsx';
import { nameOf, seen } from './people.ts';
import { Person } from './person.tsx';
import { toast } from './toasts.tsx';

/** One conversation. */
export function Talk({ chat, userId, close }: { chat: Chatzz; userId: string; close(): void }) {
  const { conversation, contact, messages, hasOlder, presence, lastOnline, typing, blocked } = useConversation(chat, userId);
  const { state } = useChat(chat);

  if (!contact) return <p class="empty dim">Opening the conversation …</p>;
  const name = nameOf(contact);
  // Without a connection nobody knows.
  const known = state === 'connected';
  // A repeat changes nothing, and without a connection it waits for the next.
  const setBlocked = (block: boolean) => void (block ? chat.block(contact._id) : chat.unblock(contact._id))
    .catch(({ message }) => toast(`${name} could not be ${block ? 'blocked' : 'unblocked'}: ${message}`));
  return (
    <>
      <header class="bar row head">
        <button type="button" class="back" aria-label="Back to contacts" onClick={close}>←</button>
        <h2 class="row grow">
          <Person user={contact} presence={known ? presence : undefined} detail={contact.deleted ? 'account deleted' : known && seen(presence, lastOnline)} />
        </h2>
        {!blocked && !contact.deleted && (
          <button type="button" class="small" aria-label={`Block ${name}`} onClick={() => setBlocked(true)}>Block</button>
        )}
      </header>
      <Log chat={chat} conversation={conversation} messages={messages} hasOlder={hasOlder} name={name} />
      <p class="typing dim" role="status">{typing ? `${name} is typing …` : ''}</p>
      {blocked
        ? <Blocked name={name} unblock={() => setBlocked(false)} />
        : !contact.deleted && <Composer chat={chat} conversation={conversation} />}
    </>
  );
}
