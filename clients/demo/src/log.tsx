import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { messageKey, readWhenSeen } from 'chatzz-client';
import type { ChatMessage, Chatzz, Conversation } from 'chatzz-client';

import { Icon } from './icon.tsx';
import { Message, continues } from './message.tsx';
import { headingOf, isSameDay } from './times.ts';
import { toast } from './toasts.tsx';
import { useUnreadMark } from './unread.ts';
import { isWatched, shareFocus } from './watched.ts';

/** How near to an end of the list counts as there, in pixels. */
const NEAR = 100;

interface Props {
  chat: Chatzz;
  conversation: Conversation;
  messages: readonly ChatMessage[];
  hasOlder: boolean;
  unread: number;
  /** The other person's. */
  name: string;
}

/** The messages, with a line where a day begins. Older ones are fetched when one scrolls up to them. */
export function Log({ chat, conversation, messages, hasOlder, unread, name }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const end = useRef<HTMLDivElement>(null);
  const [loading, setLoading] = useState(false);
  /** Whether the end is on the screen: then it stays there. */
  const [isAtEnd, setAtEnd] = useState(true);
  const stays = useRef(true);
  /** The room that there was when that was looked at. */
  const room = useRef(0);
  const mark = useUnreadMark({ chat, conversation, messages, unread, isLooking: () => stays.current && isWatched() });
  /** The first message that was there when one came, as long as the first that is unread has yet to be shown. */
  const came = useRef(unread > 0 ? '' : undefined);
  /** What was on the screen before the change: a place to return to. */
  const before = useRef({ first: '', height: 0 });
  const first = messages[0] && messageKey(messages[0]);
  const newest = messages.at(-1);

  const loadOlder = () => {
    if (loading || !conversation.hasOlder) return;
    setLoading(true);
    conversation.loadOlder().catch((error) => toast(`Older messages: ${error.message}`)).finally(() => setLoading(false));
  };
  /** Also where all fits: a login brings only what was missed, and the page before it is wanted at once. */
  const loadAtTop = () => {
    if (list.current!.scrollTop < NEAR) loadOlder();
  };
  const toEnd = () => {
    list.current!.scrollTop = list.current!.scrollHeight;
    stays.current = true;
  };
  const look = () => {
    const { scrollHeight, scrollTop, clientHeight } = list.current!;
    stays.current = scrollHeight - scrollTop - clientHeight < NEAR;
    setAtEnd(stays.current);
  };
  const scrolled = () => {
    // Where there is less room now, the end went away, and not the person: see below.
    if (list.current!.clientHeight === room.current) look();
    loadAtTop();
  };
  useLayoutEffect(() => {
    const log = list.current!;
    const { first: old, height } = before.current;
    // The person may have scrolled since the last change: the place is that of now, the height that of then.
    if (height - log.scrollTop - log.clientHeight < NEAR) toEnd();
    else if (old !== first) log.scrollTop += log.scrollHeight - height;
    if (first && came.current !== undefined) {
      const line = log.querySelector<HTMLElement>('.unread');
      came.current ||= first;
      // One page further up is on its way; meanwhile nothing is read. More than that nobody waits for.
      const isNear = hasOlder && came.current === first;
      if (line) log.scrollTop = Math.min(log.scrollTop, line.offsetTop);
      else log.scrollTop = isNear ? 0 : log.scrollHeight;
      if (line || !isNear) came.current = undefined;
      look();
    }
    before.current = { first: first ?? '', height: log.scrollHeight };
  }, [messages, mark]);
  useEffect(loadAtTop, [loading, first]);
  // One's own message is always shown.
  const own = newest?.status === 'waiting' ? newest.clientId : undefined;
  useLayoutEffect(() => {
    if (own) toEnd();
  }, [own]);
  // A keyboard, or a draft of several lines, takes room away.
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => {
      if (stays.current) toEnd();
      room.current = list.current!.clientHeight;
      look();
      loadAtTop();
    });
    observer.observe(list.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const ends = [readWhenSeen(conversation, end.current!, isWatched), shareFocus()];
    return () => ends.forEach((end) => end());
  }, [conversation]);

  const goToEnd = () => {
    toEnd();
    // The button is gone then, and the focus must not be.
    list.current!.focus({ preventScroll: true });
  };
  return (
    <div class="scene">
      <div
        ref={list} class="log" role="log" aria-live="polite" aria-label="Messages" aria-busy={loading} tabIndex={0}
        onScroll={scrolled}
      >
        {hasOlder
          ? <button type="button" class="older small" disabled={loading} onClick={loadOlder}>{loading ? 'Loading …' : 'Older messages'}</button>
          : messages.length === 0 && <p class="empty dim">You and {name} have not written to each other yet.</p>}
        {messages.flatMap((message, at) => {
          const key = messageKey(message);
          const [previous, next] = [messages[at - 1], messages[at + 1]];
          const isNewDay = !previous || !isSameDay(previous.createdAt, message.createdAt);
          const isFirst = isNewDay || key === mark || !continues(chat, message, previous);
          const isLast = !next || messageKey(next) === mark || !continues(chat, next, message);
          return [
            isNewDay && <h3 key={`day of ${key}`} class="day"><span>{headingOf(message.createdAt)}</span></h3>,
            key === mark && <h3 key="unread" class="unread"><span>Unread messages</span></h3>,
            <Message key={key} chat={chat} message={message} name={name} isFirst={isFirst} isLast={isLast} />,
          ];
        })}
        <div ref={end} class="end" />
      </div>
      {!isAtEnd && (
        <button type="button" class={`down ${unread > 0 ? 'new' : ''}`} onClick={goToEnd} aria-label={unread > 0 ? undefined : 'Newest messages'} title="Newest messages">
          {unread > 0 && `${unread} new ${unread === 1 ? 'message' : 'messages'}`}
          <Icon name="down" />
        </button>
      )}
    </div>
  );
}
