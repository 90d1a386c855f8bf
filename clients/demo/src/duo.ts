/** `/duo?as=alice&with=bob`: the same page twice, as one person and as the other. */
import './style.css';

const query = new URLSearchParams(location.search);
const [one, other] = [query.get('as') ?? 'alice', query.get('with') ?? 'bob'];

for (const [as, partner] of [[one, other], [other, one]]) {
  const frame = document.createElement('iframe');
  frame.title = `The page of ${as}`;
  frame.name = as ?? '';
  frame.src = `/?${new URLSearchParams({ as: as ?? '', with: partner ?? '' })}`;
  document.querySelector('#duo')?.append(frame);
}
