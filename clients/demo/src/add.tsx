import { useEffect, useRef, useState } from 'preact/hooks';

import type { Conversation } from 'chatzz-client';

import { IconButton } from './icon.tsx';
import { matches } from './people.ts';
import type { DemoUser } from './people.ts';
import { Person } from './person.tsx';

interface Props {
  users: DemoUser[];
  me: DemoUser;
  conversations: readonly Conversation[];
  add(user: DemoUser): Promise<void>;
  close(): void;
}

/** A search among those who are no contacts yet. */
export function AddDialog({ users, me, conversations, add, close }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [search, setSearch] = useState('');
  // A modal dialog of the browser keeps the focus, closes with Escape and gives the focus back.
  useEffect(() => dialog.current?.showModal(), []);

  const known = new Set(conversations.map(({ userId }) => userId));
  const found = users.filter((user) => user !== me && !known.has(String(user._id)) && matches(user, search));
  return (
    <dialog ref={dialog} aria-labelledby="adding" onClose={close}>
      <form method="dialog" class="row">
        <h2 id="adding" class="grow">Add somebody</h2>
        <IconButton type="submit" icon="close" label="Close" />
      </form>
      <label class="hide" for="search">Search people</label>
      <input id="search" type="search" placeholder="Search people" value={search} onInput={({ currentTarget }) => setSearch(currentTarget.value)} autofocus />
      <p class="hide" role="status">{found.length === 0 ? 'Nobody found.' : `${found.length} found.`}</p>
      <ul>
        {found.map((user) => (
          <li key={user._id}>
            <button type="button" class="person row" data-user={user.username} onClick={() => void add(user).then(() => dialog.current?.close())}>
              <Person user={user} detail={`@${user.username}`} />
            </button>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="dim">Nobody found.</p>}
    </dialog>
  );
}
