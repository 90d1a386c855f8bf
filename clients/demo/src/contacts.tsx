import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

import type { Chatzz, Conversation } from 'chatzz-client';
import { useChat, useConversation } from 'chatzz-client/react';

import { Icon } from './icon.tsx';
import { includes, matches, nameOf, seen, usernameOf } from './people.ts';
import { Person } from './person.tsx';
import { Tick } from './tick.tsx';
import { whenOf } from './times.ts';

interface Props {
  chat: Chatzz;
  label: string;
  conversations: readonly Conversation[];
  current: string | undefined;
  open(userId: string): void;
  /** Beside the search. */
  children: ComponentChildren;
}

/** Everybody with whom there is a chat room, the newest conversation first; or those of them who are searched. */
export function Contacts({ chat, label, conversations, current, open, children }: Props) {
  const [search, setSearch] = useState('');
  const wanted = search.trim();
  const found = conversations.filter(({ contact, last }) => !wanted || (contact && matches(contact, wanted)) || includes(last?.message ?? '', wanted));
  return (
    <>
      <div class="find row">
        <div class="search grow">
          <Icon name="search" />
          <input
            type="search" aria-label="Search conversations" placeholder="Search" value={search}
            onInput={({ currentTarget }) => setSearch(currentTarget.value)}
          />
        </div>
        <div class="row tools">{children}</div>
      </div>
      <nav aria-label={label}>
        <ul>
          {found.map(({ userId }) => (
            <li key={userId}><Contact chat={chat} userId={userId} isCurrent={userId === current} open={open} /></li>
          ))}
        </ul>
        <p class={found.length > 0 ? 'hide' : 'empty dim'} role="status">
          {wanted && (found.length > 0 ? `${found.length} found.` : `Nothing found for “${wanted}”.`)}
          {!wanted && found.length === 0 && 'Nobody here yet. Add somebody, or send an invitation.'}
        </p>
      </nav>
    </>
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
        aside={<><span class="hide">, {seen(presence, lastOnline)}, </span><time class={unread > 0 ? 'when new' : 'when'} dateTime={at}>{whenOf(at)}</time></>}
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
