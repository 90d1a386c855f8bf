import { useState } from 'preact/hooks';

import type { Chatzz } from 'chatzz-client';
import { useChat, useConversation } from 'chatzz-client/react';

import { Blocked } from './blocked.tsx';
import { Composer } from './composer.tsx';
import { Confirm } from './confirm.tsx';
import { IconButton } from './icon.tsx';
import { Log } from './log.tsx';
import { nameOf, seen } from './people.ts';
import { Person } from './person.tsx';
import { toast } from './toasts.tsx';

/** One conversation. */
export function Talk({ chat, userId, close }: { chat: Chatzz; userId: string; close(): void }) {
  const { conversation, contact, messages, hasOlder, unread, presence, lastOnline, typing, blocked } = useConversation(chat, userId);
  const { state } = useChat(chat);
  const [asking, setAsking] = useState(false);

  if (!contact) return <p class="empty dim">Opening the conversation …</p>;
  const name = nameOf(contact);
  // Without a connection nobody knows.
  const known = state === 'connected';
  // A repeat changes nothing, and without a connection it waits for the next.
  const setBlocked = (block: boolean) => void (block ? chat.block(contact._id) : chat.unblock(contact._id))
    .catch(({ message }) => toast(`${name} could not be ${block ? 'blocked' : 'unblocked'}: ${message}`));
  const now = contact.deleted ? 'account deleted' : known && seen(presence, lastOnline);
  return (
    <>
      <div class="bar row head">
        <IconButton icon="back" label="Back to contacts" class="back" onClick={close} />
        <Person
          user={contact} presence={known ? presence : undefined} heading
          detail={<><span class="typing" role="status">{typing && <><span class="hide">{name} is </span>typing …</>}</span>{!typing && <span class="cut">{now}</span>}</>}
        />
        {!blocked && !contact.deleted && <IconButton icon="block" label={`Block ${name}`} onClick={() => setAsking(true)} />}
      </div>
      <Log chat={chat} conversation={conversation} messages={messages} hasOlder={hasOlder} unread={unread} name={name} />
      {blocked
        ? <Blocked name={name} unblock={() => setBlocked(false)} />
        : !contact.deleted && <Composer chat={chat} conversation={conversation} />}
      {asking && (
        <Confirm
          question={`Block ${name}?`} action="Block" act={() => setBlocked(true)} close={() => setAsking(false)}
          meaning="Their messages are refused, and they can see that. You can unblock them at any time."
        />
      )}
    </>
  );
}
