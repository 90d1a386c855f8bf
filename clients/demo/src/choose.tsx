import { addressOf } from './address.ts';
import { Icon } from './icon.tsx';
import type { DemoUser } from './people.ts';
import { Person } from './person.tsx';

/** The first page: as whom to chat. With a partner it is an invitation. */
export function Choose({ users, unknown, partner }: { users: DemoUser[]; unknown: string | null; partner: string | null }) {
  const host = users.find(({ username }) => username === partner);
  return (
    <main class="choose">
      <p class="brand row"><Icon name="chat" />chatzz demo</p>
      <h1>{host ? `${host.firstName} invites you to a chat. Who are you?` : 'Who are you?'}</h1>
      {unknown && <p role="alert">There is no demo user “{unknown}”.</p>}
      <p class="dim">
        Open this page in a second window as somebody else, or <a href="/duo">see two people side by side</a>.
      </p>
      <ul class="people">
        {users.filter((user) => user !== host).map((user) => (
          <li key={user._id}>
            <a class="card row" href={addressOf({ as: user.username, with: partner })} data-user={user.username}>
              <Person user={user} detail={`@${user.username}`} />
            </a>
          </li>
        ))}
      </ul>
    </main>
  );
}
