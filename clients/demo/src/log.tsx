import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { messageKey, readWhenSeen } from 'chatzz-client';
import type { ChatMessage, Chatzz, Conversation } from 'chatzz-client';

import { clock, dayOf } from './people.ts';
import { PlaceCard } from './place.tsx';
import { Tick } from './tick.tsx';
import { toast } from './toasts.tsx';

/** How near to an end of the list counts as there, in pixels. */
const NEAR = 100;

interface Props {
  chat: Chatzz;
  conversation: Conversation;
  messages: readonly ChatMessage[];
  hasOlder: boolean;
  /** The other person's. */
  name: string;
}

/** The outermost page, this one or `/duo`; none inside that of another server, which cannot be asked. */
const outermost = ((): Window | undefined => {
  try {
    return window.top?.document && window.top;
  } catch {
    return undefined;
  }
})();

/** Whether a person looks at this page; in `/duo`, at either half of it. */
const isWatched = (): boolean => (outermost ? outermost.document.hasFocus() : document.visibilityState === 'visible');

/** The messages, with a line where a day begins. Older ones are fetched when one scrolls up to them. */
export function Log({ chat, conversation, messages, hasOlder, name }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const end = useRef<HTMLDivElement>(null);
  const [loading, setLoading] = useState(false);
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
  useLayoutEffect(() => {
    const log = list.current!;
    const { first: old, height } = before.current;
    // The person may have scrolled since the last change: the place is that of now, the height that of then.
    if (height - log.scrollTop - log.clientHeight < NEAR) log.scrollTop = log.scrollHeight;
    else if (old !== first) log.scrollTop += log.scrollHeight - height;
    before.current = { first: first ?? '', height: log.scrollHeight };
  }, [messages]);
  useEffect(loadAtTop, [loading, first]);
  // One's own message is always shown.
  const own = newest?.status === 'waiting' ? newest.clientId : undefined;
  useLayoutEffect(() => {
    if (own) list.current!.scrollTop = list.current!.scrollHeight;
  }, [own]);

  useEffect(() => {
    const stop = readWhenSeen(conversation, end.current!, isWatched);
    // In `/duo`, the page around this one is that which gets the focus.
    const focused = () => void dispatchEvent(new Event('focus'));
    if (outermost && outermost !== window) outermost.addEventListener('focus', focused);
    return () => {
      stop();
      outermost?.removeEventListener('focus', focused);
    };
  }, [conversation]);

  let day = '';
  return (
    <div
      ref={list} class="log" role="log" aria-live="polite" aria-label="Messages" aria-busy={loading} tabIndex={0}
      onScroll={loadAtTop}
    >
      {hasOlder && (
        <button type="button" class="older small" disabled={loading} onClick={loadOlder}>{loading ? 'Loading …' : 'Older messages'}</button>
      )}
      {messages.flatMap((message) => {
        const key = messageKey(message);
        const before = day;
        day = dayOf(message.createdAt);
        const shown = <Message key={key} chat={chat} message={message} name={name} />;
        return day === before ? [shown] : [<h3 key={`day of ${key}`} class="day">{day}</h3>, shown];
      })}
      <div ref={end} class="end" />
    </div>
  );
}

function Message({ chat, message, name }: { chat: Chatzz; message: ChatMessage; name: string }) {
  const stored = 'from' in message ? message : undefined;
  const mine = chat.isMine(message);
  const { createdAt, status, clientId } = message;
  return (
    <div class={`message ${mine ? 'mine' : ''} ${status}`} data-seq={stored?.seq}>
      <span class="hide">{mine ? 'You' : name}: </span>
      {stored?.redacted ? <p class="dim"><em>This message was removed.</em></p> : <p dir="auto">{message.message}</p>}
      <PlaceCard message={message} />
      <div class="meta">
        <time dateTime={createdAt}>{clock(createdAt)}</time>
        {mine && <Tick status={status} />}
      </div>
      {status === 'failed' && clientId && (
        <div class="meta">
          <span>{message.error?.code === 'blocked' ? `${name} takes no messages from you.` : message.error?.message}</span>
          <button type="button" onClick={() => void chat.retry(clientId).catch(() => {})}>Try again</button>
          <button type="button" onClick={() => chat.discard(clientId)}>Discard</button>
        </div>
      )}
    </div>
  );
}
