import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import { messageKey } from 'chatzz-client';
import type { ChatMessage, Chatzz, Conversation } from 'chatzz-client';

/** So many messages of the other person, up to a `seq`. */
interface Mark {
  count: number;
  upTo: number;
}

/**
 * Where the line above unread messages stands: the key of the first one that was unread when the person came, or that
 * arrived when they did not look. It stays there while they read, until they write.
 */
export function useUnreadMark(
  { chat, conversation, messages, unread, isLooking }:
  { chat: Chatzz; conversation: Conversation; messages: readonly ChatMessage[]; unread: number; isLooking(): boolean },
): string | undefined {
  const now = (): Mark => ({ count: unread, upTo: conversation.last?.seq ?? 0 });
  const [mark, setMark] = useState<Mark | undefined>(() => (unread > 0 ? now() : undefined));
  const before = useRef(unread);
  useLayoutEffect(() => {
    if (before.current === 0 && unread > 0 && !isLooking()) setMark(now());
    before.current = unread;
  }, [unread]);
  const newest = messages.at(-1);
  const own = newest?.status === 'waiting' ? newest.clientId : undefined;
  useLayoutEffect(() => {
    if (own) setMark(undefined);
  }, [own]);

  if (!mark) return undefined;
  const others = messages.filter((message) => 'from' in message && message.seq <= mark.upTo && !chat.isMine(message));
  // None yet while it is further up than what is loaded.
  const first = others.at(-mark.count);
  return first && messageKey(first);
}
