import { useEffect, useId, useRef } from 'preact/hooks';

interface Props {
  question: string;
  /** What it means. */
  meaning: string;
  /** The word on the button that does it. */
  action: string;
  act(): void;
  close(): void;
}

/** Asks before something is done that the other person notices. */
export function Confirm({ question, meaning, action, act, close }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby={id} onClose={close}>
      <h2 id={id}>{question}</h2>
      <p>{meaning}</p>
      <form method="dialog" class="row">
        <button autofocus>Cancel</button>
        <button class="danger" onClick={act}>{action}</button>
      </form>
    </dialog>
  );
}
