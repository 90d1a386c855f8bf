import type { Conversation } from './conversation.js';

/**
 * Marks a conversation as read whenever a person can see its end: `end`, an element after the newest message, is on the
 * screen, and the page has the focus. `isWatched` replaces `document.hasFocus()`. The returned function ends it.
 */
export function readWhenSeen(
  conversation: Pick<Conversation, 'markRead' | 'subscribe'>, end: { readonly tagName: string }, isWatched = (): boolean => document.hasFocus(),
): () => void {
  const observer = new IntersectionObserver((entries) => {
    if (entries.at(-1)?.isIntersecting && isWatched()) conversation.markRead().catch(() => {});
  });
  // Observed anew, it is looked at after the next layout, also if nothing was scrolled.
  const look = () => {
    observer.unobserve(end as Element);
    observer.observe(end as Element);
  };
  const off = conversation.subscribe(look);
  globalThis.addEventListener('focus', look);
  look();
  return () => {
    off();
    globalThis.removeEventListener('focus', look);
    observer.disconnect();
  };
}
