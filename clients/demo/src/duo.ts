/** `/duo?as=alice&with=bob`: the same page twice, as one person and as the other; with several servers, at different ones. */
import { demoUsers, nameOf, pictureOf } from './people.ts';
import type { DemoUser } from './people.ts';
import './style.css';

const query = new URLSearchParams(location.search);
const [one, other] = [query.get('as') ?? 'alice', query.get('with') ?? 'bob'];

/** The ports of the servers of this `chatzz dev`. */
const ports: number[] = await fetch('/demo/servers').then((answer) => (answer.ok ? answer.json() : []), () => []);
const users: DemoUser[] = await demoUsers().catch(() => []);

for (const [index, [as, partner]] of [[one, other], [other, one]].entries()) {
  const user = users.find(({ username }) => username === as);
  const name = user ? nameOf(user) : String(as);
  const frame = document.createElement('iframe');
  frame.title = `The page of ${name}`;
  frame.name = as ?? '';
  const page = `/?${new URLSearchParams({ as: as ?? '', with: partner ?? '' })}`;
  const port = ports.length > 1 ? ports[index] : undefined;
  frame.src = port ? `${location.protocol}//${location.hostname}:${port}${page}` : page;
  const whose = document.createElement('h2');
  const picture = user && pictureOf(user);
  if (picture) whose.append(Object.assign(document.createElement('img'), { src: picture, alt: '' }));
  whose.append(port ? `${name}, at server ${index + 1} of ${ports.length} (port ${port})` : `This half is ${name}`);
  const pane = document.createElement('section');
  pane.append(whose, frame);
  document.querySelector('#duo')?.append(pane);
}
