import { useEffect, useState } from 'preact/hooks';

import type { Chatzz } from 'chatzz-client';
import { useChat } from 'chatzz-client/react';

/** How long a first login may take before it is worth a word, in ms. */
const PATIENCE = 700;

/** The state of the connection, while it is not good. Always there, so that a screen reader follows it. */
export function Banner({ chat }: { chat: Chatzz }) {
  const { state, user } = useChat(chat);
  const [patient, setPatient] = useState(true);
  useEffect(() => {
    const timer = setTimeout(() => setPatient(false), PATIENCE);
    return () => clearTimeout(timer);
  }, []);
  return <p class="banner" role="status" data-state={state}>{words(state, user === undefined, patient)}</p>;
}

function words(state: Chatzz['state'], first: boolean, patient: boolean): string {
  if (state === 'connected' || (first && patient)) return '';
  if (state === 'disconnected') return 'Not connected. Reload the page to try again.';
  return first ? 'Connecting …' : 'Connection lost, reconnecting … What you write is kept and sent later.';
}
