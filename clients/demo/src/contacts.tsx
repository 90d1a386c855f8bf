import type { Chatzz, Conversation } from 'chatzz-client';
import { useChat, useConversation } from 'chatzz-client/react';

import { clock, isToday, nameOf, seen, shortDate, usernameOf } from './people.ts';
import { Person } from './person.tsx';
import { Tick } from './tick.tsx';

interface Props {
  chat: Chatzz;
  conversations: readonly Conversation[];
  current: string | undefined;
  open(userId: string): void;
}

/** Everybody with whom there is a chat room, the newest conversation first. */
export function Contacts({ chat, conversations, current, open }: Props) {
  return (
    <nav aria-label="Contacts">
      <ul>
        {conversations.map(({ userId }) => (
          <li key={userId}><Contact chat={chat} userId={userId} isCurrent={userId === current} open={open} /></li>
        ))}
      </ul>
      {conversations.length === 0 && <p class="empty dim">Nobody here yet.</p>}
    </nav>
  );
}

function Contact({ chat, userId, isCurrent, open }: { chat: Chatzz; userId: string; isCurrent: boolean; open(userId: string): void }) {
  const { contact, last, messages, unread, presence, lastOnline, typing, blocked } = useConversation(chat, userId);
  const { state } = useChat(chat);
  if (!contact) return null;
  const newest = messages.at(-1);
  // What waits in the outbox is newer than the newest that is stored.
  const shown = newest?.status === 'waiting' || newest?.status === 'failed' ? newest : last;
  const mine = shown && chat.isMine(shown);
  const at = shown?.createdAt ?? contact.addedAt;
  return (
    <button
      type="button" class="person row" data-user={usernameOf(contact)} data-presence={presence}
      aria-current={isCurrent ? 'true' : undefined} onClick={() => open(userId)}
    >
      <Person
        user={contact} presence={state === 'connected' ? presence : undefined}
        aside={<><span class="hide">, {seen(presence, lastOnline)}, </span><time class="dim" dateTime={at}>{isToday(at) ? clock(at) : shortDate(at)}</time></>}
        detail={
          <>
            {typing
              ? <span class="cut grow typing">{nameOf(contact)} is typing …</span>
              : <>{mine && <Tick status={shown.status} />}<span class="cut grow preview" dir="auto">{shown?.message ?? seen(presence, lastOnline)}</span></>}
            {blocked && <span class="mark">blocked</span>}
            {unread > 0 && <span class="badge">{unread}<span class="hide"> unread</span></span>}
          </>
        }
      />
    </button>
  );
}
