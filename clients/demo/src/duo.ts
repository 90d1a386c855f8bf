/** `/duo?as=alice&with=bob`: the same page twice, as one person and as the other; with several servers, at different ones. */
import './style.css';

const query = new URLSearchParams(location.search);
const [one, other] = [query.get('as') ?? 'alice', query.get('with') ?? 'bob'];

/** The ports of the servers of this `chatzz dev`. */
const ports: number[] = await fetch('/demo/servers').then((answer) => (answer.ok ? answer.json() : []), () => []);

for (const [index, [as, partner]] of [[one, other], [other, one]].entries()) {
  const frame = document.createElement('iframe');
  frame.title = `The page of ${as}`;
  frame.name = as ?? '';
  const page = `/?${new URLSearchParams({ as: as ?? '', with: partner ?? '' })}`;
  const pane = document.createElement('section');
  const port = ports.length > 1 ? ports[index] : undefined;
  if (port) {
    frame.src = `${location.protocol}//${location.hostname}:${port}${page}`;
    const place = document.createElement('h2');
    place.textContent = `${as}, at server ${index + 1} of ${ports.length} (port ${port})`;
    pane.append(place);
  } else {
    frame.src = page;
  }
  pane.append(frame);
  document.querySelector('#duo')?.append(pane);
}
