import { useEffect, useState } from 'preact/hooks';

import type { Chatzz } from 'chatzz-client';
import { useChat } from 'chatzz-client/react';

import { addressOf, enter, leave, onMove, remember, wanted } from './address.ts';
import { AddDialog } from './add.tsx';
import { Banner } from './banner.tsx';
import { Contacts } from './contacts.tsx';
import { Icon, IconButton } from './icon.tsx';
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
  const name = nameOf(me);

  const open = (userId: string) => {
    const partner = users.find(({ _id }) => String(_id) === userId)?.username;
    if (current) remember(partner);
    else enter(partner);
    setCurrent(userId);
  };
  const close = () => {
    if (leave()) return;
    remember(undefined);
    setCurrent(undefined);
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
      setCurrent(String(partner._id));
      void chat.addContact(partner._id).catch(({ message }) => toast(`${nameOf(partner)}: ${message}`));
    } else if (wanted) toast(`There is nobody called “${wanted}” to chat with.`);
  }, [chat]);
  useEffect(() => onMove((username) => {
    const partner = users.find((user) => user.username === username);
    setCurrent(partner && String(partner._id));
  }), [users]);
  useEffect(() => {
    document.title = `${unread ? `(${unread}) ` : ''}${name} · chatzz demo`;
  }, [unread, name]);

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
      {/* In `/duo` there are two: the labels tell them apart. */}
      <main class={`app ${current ? 'talking' : ''}`} aria-label={`The chats of ${name}`}>
        <h1 class="hide">The chats of {name}</h1>
        <section class="side" aria-label={`You, ${name}`}>
          <div class="bar row">
            <div class="row grow me">
              <Person user={me} presence={state === 'connected' ? 'online' : 'offline'} detail={`@${usernameOf(me)}`} />
            </div>
            <div class="row tools">
              <Notify chat={chat} open={open} />
              <a class="button iconic" href="/" aria-label="Switch user" title="Switch user"><Icon name="leave" /></a>
            </div>
          </div>
          <Contacts chat={chat} label={`Contacts of ${name}`} conversations={conversations} current={current} open={open}>
            <IconButton icon="link" label="Invite" onClick={invite} />
            <IconButton icon="add" label="Add somebody" onClick={() => setAdding(true)} />
          </Contacts>
        </section>
        <section class="talk" aria-label={`What ${name} reads and writes`}>
          {current
            ? <Talk key={current} chat={chat} userId={current} close={close} />
            : (
              <div class="empty dim">
                <Icon name="chat" />
                <p>Choose a conversation, or add somebody to begin one.</p>
              </div>
            )}
        </section>
      </main>
      {adding && <AddDialog users={users} me={me} conversations={conversations} add={add} close={() => setAdding(false)} />}
      <Toasts />
    </div>
  );
}
