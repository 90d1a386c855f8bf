import { useEffect, useState } from 'preact/hooks';

import { IconButton } from './icon.tsx';

/** How long a word stays, in ms. */
const STAYS = 8000;

let latest = 0;
let listener: (text: string) => void = () => {};

/** Says something in a corner of the page. */
export function toast(text: string): void {
  listener(text);
}

export function Toasts() {
  const [shown, setShown] = useState<{ id: number; text: string }[]>([]);
  const remove = (id: number) => setShown((all) => all.filter((one) => one.id !== id));
  useEffect(() => {
    listener = (text) => {
      const id = (latest += 1);
      setShown((all) => [...all, { id, text }]);
      setTimeout(() => remove(id), STAYS);
    };
  }, []);
  return (
    <div class="toasts" role="alert">
      {shown.map(({ id, text }) => (
        <div key={id} class="toast row">
          <span class="grow">{text}</span>
          <IconButton icon="close" label="Dismiss" onClick={() => remove(id)} />
        </div>
      ))}
    </div>
  );
}
