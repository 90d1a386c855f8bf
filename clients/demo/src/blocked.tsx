import { useEffect, useRef } from 'preact/hooks';

interface Props {
  name: string;
  unblock(): void;
}

/** What stands where one would write, when one has blocked the other. */
export function Blocked({ name, unblock }: Props) {
  const notice = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // What had the focus is gone. It goes to the words, not to the button: who was typing would press that.
    if (document.activeElement === document.body) notice.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div class="composer blocked" ref={notice} tabIndex={-1}>
      <p class="grow" role="status">You blocked {name}.</p>
      <button type="button" onClick={unblock}>Unblock</button>
    </div>
  );
}
