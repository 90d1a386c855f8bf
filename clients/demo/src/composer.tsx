import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { Chatzz, Conversation } from 'chatzz-client';

import { draft, keepDraft } from './drafts.ts';
import { IconButton } from './icon.tsx';
import { maxChars } from './limits.ts';
import { SharePlace } from './place.tsx';

/** Characters that are left when they begin to be counted: a twentieth, or these. */
const FEW = 20;

/** Where one writes. Enter sends, Shift+Enter begins a line; what is not sent stays here, also after a reload. */
export function Composer({ chat, conversation }: { chat: Chatzz; conversation: Conversation }) {
  const [text, setText] = useState(() => draft(chat.userId, conversation.userId));
  const field = useRef<HTMLTextAreaElement>(null);
  // As the server counts: not by UTF-16 units.
  const left = maxChars - [...text].length;
  const isCounted = left <= Math.max(FEW, maxChars / 20);

  useEffect(() => {
    // A phone would cover the page with its keyboard.
    if (matchMedia('(hover: hover)').matches) field.current?.focus({ preventScroll: true });
  }, []);
  useLayoutEffect(() => {
    const element = field.current!;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight}px`;
  }, [text]);

  const write = (written: string) => {
    setText(written);
    keepDraft(chat.userId, conversation.userId, written);
  };
  const send = (event: Event) => {
    event.preventDefault();
    if (!text.trim() || left < 0) return;
    // It shows at once, and a failure shows with the message.
    conversation.send(text).catch(() => {});
    write('');
    field.current?.focus({ preventScroll: true });
  };
  const typed = (written: string) => {
    write(written);
    conversation.keystroke(written);
  };
  return (
    <form class="composer" onSubmit={send}>
      {isCounted && <Counter left={left} />}
      <div class="field">
        <label class="hide" for="text">Message</label>
        <textarea
          id="text" ref={field} rows={1} placeholder="Write a message" value={text} aria-describedby={isCounted ? 'left' : undefined} aria-invalid={left < 0}
          onInput={({ currentTarget }) => typed(currentTarget.value)}
          onKeyDown={(event) => { if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) send(event); }}
        />
        <SharePlace conversation={conversation} />
      </div>
      <IconButton type="submit" icon="send" label="Send" class="primary" disabled={!text.trim() || left < 0} />
    </form>
  );
}

/** How much room there is; said aloud once there is none. */
function Counter({ left }: { left: number }) {
  const count = `${Math.abs(left)} ${Math.abs(left) === 1 ? 'character' : 'characters'}`;
  return <p id="left" class={`counter ${left < 0 ? 'over' : ''}`} role={left < 0 ? 'alert' : undefined}>{left < 0 ? `${count} too many` : `${count} left`}</p>;
}
