import type { ChatMessage, Chatzz } from 'chatzz-client';

import { Linked } from './linked.tsx';
import { PlaceCard } from './place.tsx';
import { Tick } from './tick.tsx';
import { clock, minuteOf, moment } from './times.ts';

/** Whether a message goes on with what the same person said within the same minute, and the same became of it. */
export function continues(chat: Chatzz, message: ChatMessage, before: ChatMessage | undefined): boolean {
  if (!before || chat.isMine(message) !== chat.isMine(before)) return false;
  if (minuteOf(message.createdAt) !== minuteOf(before.createdAt)) return false;
  return !chat.isMine(message) || (message.status === before.status && message.status !== 'failed');
}

interface Props {
  chat: Chatzz;
  message: ChatMessage;
  /** The other person's. */
  name: string;
  /** Whether it is the first, and the last, of those that have one time and one tick. */
  isFirst: boolean;
  isLast: boolean;
}

/** One message. */
export function Message({ chat, message, name, isFirst, isLast }: Props) {
  const stored = 'from' in message ? message : undefined;
  const mine = chat.isMine(message);
  const { createdAt, status, clientId } = message;
  const look = `message ${mine ? 'mine' : ''} ${status} ${isFirst ? 'first' : ''} ${isLast ? 'last' : ''}`;
  return (
    <div class={look} data-seq={stored?.seq}>
      {isFirst && <span class="hide">{mine ? 'You' : name}: </span>}
      {stored?.redacted ? <p class="dim"><em>This message was removed.</em></p> : <p dir="auto"><Linked text={message.message} /></p>}
      <PlaceCard message={message} />
      {isLast && (
        <div class="meta">
          <time dateTime={createdAt} title={moment(createdAt)}>{clock(createdAt)}</time>
          {mine && <Tick status={status} />}
        </div>
      )}
      {status === 'failed' && clientId && (
        <div class="failure">
          <span class="grow">{message.error?.code === 'blocked' ? `${name} takes no messages from you.` : message.error?.message}</span>
          <button type="button" onClick={() => void chat.retry(clientId).catch(() => {})}>Try again</button>
          <button type="button" onClick={() => chat.discard(clientId)}>Discard</button>
        </div>
      )}
    </div>
  );
}
