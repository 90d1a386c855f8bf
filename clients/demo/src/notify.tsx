import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { Chatzz } from 'chatzz-client';

import { IconButton } from './icon.tsx';
import { nameOf } from './people.ts';

/** Asks whether the page may notify the person, and does so while nobody sees the page. A page that is closed needs push. */
export function Notify({ chat, open }: { chat: Chatzz; open(userId: string): void }) {
  const [permission, setPermission] = useState(() => ('Notification' in window ? Notification.permission : 'denied'));
  // The newest of each conversation, by the other person.
  const shown = useRef(new Map<string, Notification>());

  // At once, and not after the next paint: a page in the background is painted late.
  useLayoutEffect(() => {
    if (permission !== 'granted') return;
    const close = (isOver: (userId: string) => boolean) => {
      for (const [userId, notification] of shown.current) {
        if (!isOver(userId)) continue;
        notification.close();
        shown.current.delete(userId);
      }
    };
    const look = () => void (document.hidden || close(() => true));
    document.addEventListener('visibilitychange', look);
    const ends = [
      chat.on('message', (message, { userId, contact }) => {
        if (!document.hidden || chat.isMine(message) || !contact) return;
        const notification = notificationOf(nameOf(contact), { body: message.message, tag: userId });
        if (!notification) return;
        shown.current.set(userId, notification);
        notification.onclick = () => {
          window.focus();
          open(userId);
        };
      }),
      // It may have been read on another device.
      chat.subscribe(() => close((userId) => chat.conversation(userId).unread === 0)),
      () => document.removeEventListener('visibilitychange', look),
    ];
    return () => ends.forEach((end) => end());
  }, [chat, permission]);

  if (permission !== 'default') return null;
  return <IconButton icon="bell" label="Notify me" onClick={async () => setPermission(await Notification.requestPermission())} />;
}

/** On phones only a service worker may show one. */
function notificationOf(title: string, options: NotificationOptions): Notification | undefined {
  try {
    return new Notification(title, options);
  } catch {
    return undefined;
  }
}
