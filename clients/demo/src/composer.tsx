import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { Chatzz, Conversation } from 'chatzz-client';

import { draft, keepDraft } from './drafts.ts';
import { SharePlace } from './place.tsx';

/** Where one writes. Enter sends, Shift+Enter begins a line; what is not sent stays here, also after a reload. */
export function Composer({ chat, conversation }: { chat: Chatzz; conversation: Conversation }) {
  const [text, setText] = useState(() => draft(chat.userId, conversation.userId));
  const field = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    // A phone would cover the page with its keyboard.
    if (matchMedia('(hover: hover)').matches) field.current?.focus({ preventScroll: true });
  }, []);
  useLayoutEffect(() => {
    const element = field.current!;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight + 2}px`;
  }, [text]);

  const write = (written: string) => {
    setText(written);
    keepDraft(chat.userId, conversation.userId, written);
  };
  const send = (event: Event) => {
    event.preventDefault();
    if (!text.trim()) return;
    // It shows at once, and a failure shows with the message.
    conversation.send(text).catch(() => {});
    write('');
  };
  const typed = (written: string) => {
    write(written);
    conversation.keystroke(written);
  };
  return (
    <form class="composer" onSubmit={send}>
      <label class="hide" for="text">Message</label>
      <textarea
        id="text" ref={field} rows={1} placeholder="Write a message" value={text}
        onInput={({ currentTarget }) => typed(currentTarget.value)}
        onKeyDown={(event) => { if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) send(event); }}
      />
      <SharePlace conversation={conversation} />
      <button class="primary">Send</button>
    </form>
  );
}
