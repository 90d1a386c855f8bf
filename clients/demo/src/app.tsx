import { useEffect, useState } from 'preact/hooks';

import type { Chatzz } from 'chatzz-client';
import { useChat } from 'chatzz-client/react';

import { addressOf, remember, wanted } from './address.ts';
import { AddDialog } from './add.tsx';
import { Banner } from './banner.tsx';
import { Contacts } from './contacts.tsx';
import { Notify } from './notify.tsx';
import { nameOf, usernameOf } from './people.ts';
import type { DemoUser } from './people.ts';
import { Person } from './person.tsx';
import { Talk } from './talk.tsx';
import { Toasts, toast } from './toasts.tsx';

/** The whole chat of one person. */
export function App({ chat, me, users }: { chat: Chatzz; me: DemoUser; users: DemoUser[] }) {
  const { state, unread, conversations } = useChat(chat);
  const [current, setCurrent] = useState<string>();
  const [adding, setAdding] = useState(false);

  const open = (userId: string | undefined) => {
    setCurrent(userId);
    remember(users.find(({ _id }) => String(_id) === userId)?.username);
  };
  const add = (user: DemoUser) => chat.addContact(user._id).then(
    (conversation) => open(conversation.userId),
    (error) => toast(`${nameOf(user)} could not be added: ${error.message}`),
  );

  useEffect(() => chat.on('error', ({ code, message }) => {
    // That one is blocked is said where the message is, and to whom it went; that there is no connection, in the banner.
    if (code !== 'blocked' && code !== 'unreachable') toast(message);
  }), [chat]);
  // Asked once: from then on each conversation knows, also when it was done on another device.
  useEffect(() => void chat.blockedUsers().catch(({ message }) => toast(`Blocked people: ${message}`)), [chat]);
  useEffect(() => {
    const partner = users.find(({ username }) => username === wanted);
    if (partner && partner !== me) {
      // At once, and not when the server has answered: meanwhile the person may have opened another.
      open(String(partner._id));
      void chat.addContact(partner._id).catch(({ message }) => toast(`${nameOf(partner)}: ${message}`));
    } else if (wanted) toast(`There is nobody called “${wanted}” to chat with.`);
  }, [chat]);
  useEffect(() => {
    document.title = `${unread ? `(${unread}) ` : ''}${nameOf(me)} · chatzz demo`;
  }, [unread, me]);

  const invite = async () => {
    const link = new URL(addressOf({ with: me.username }), location.href).href;
    await navigator.clipboard.writeText(link).then(
      () => toast(`Copied: ${link}. Whoever opens it chats with you.`),
      () => toast(`Send this link to somebody: ${link}`),
    );
  };

  return (
    <div class="page">
      <Banner chat={chat} />
      <div class={`app ${current ? 'talking' : ''}`}>
        <aside aria-label="You and your contacts">
          <header class="bar row">
            <h1 class="row grow me">
              <Person user={me} presence={state === 'connected' ? 'online' : 'offline'} detail={`@${usernameOf(me)}`} />
            </h1>
            <a class="button small" href="/">Switch user</a>
          </header>
          <div class="actions row">
            <button type="button" class="primary grow" onClick={() => setAdding(true)}>Add somebody</button>
            <button type="button" onClick={invite}>Invite</button>
            <Notify chat={chat} open={open} />
          </div>
          <Contacts chat={chat} conversations={conversations} current={current} open={open} />
        </aside>
        <main class="talk" aria-label="Conversation">
          {current
            ? <Talk key={current} chat={chat} userId={current} close={() => open(undefined)} />
            : <p class="empty dim">Choose a contact, or add somebody.</p>}
        </main>
      </div>
      {adding && <AddDialog users={users} me={me} conversations={conversations} add={add} close={() => setAdding(false)} />}
      <Toasts />
    </div>
  );
}
