/** What the page's address says: `?as=alice&with=bob`. */

const partner = (): string | null => new URLSearchParams(location.search).get('with');

/** The user name of the person who sits here. */
export const as = new URLSearchParams(location.search).get('as');
/** With whom to chat at once; alone it makes the link an invitation. */
export const wanted = partner();

/** The address of this page for somebody. */
export function addressOf(person: { as?: string | null; with?: string | null }): string {
  const given = Object.entries(person).filter((pair): pair is [string, string] => Boolean(pair[1]));
  return `/?${new URLSearchParams(given)}`;
}

/** Whether there is room for the contacts or the conversation, and not for both; as in `style.css`. */
const isNarrow = (): boolean => matchMedia('(max-width: 700px)').matches;
/** One page of several, as in `/duo`, shares its history with them: a step back may be another one's. */
const isAlone = window.top === window;

/** Keeps the open conversation in the address, so that a reload returns to it. */
export function remember(name: string | undefined): void {
  history.replaceState(history.state, '', addressOf({ as, with: name }));
}

/** The same for one that is opened from the contacts: where it hides them, Back returns to them. */
export function enter(name: string | undefined): void {
  if (!isAlone || !isNarrow()) return remember(name);
  history.pushState({ isEntered: true }, '', addressOf({ as, with: name }));
}

/** Returns to the contacts; whether that is under way, or left to the caller. */
export function leave(): boolean {
  if (!history.state?.isEntered) return false;
  history.back();
  return true;
}

/** Calls back with the partner in the address when the person goes back or forth. */
export function onMove(moved: (name: string | null) => void): () => void {
  const listener = () => moved(partner());
  addEventListener('popstate', listener);
  return () => removeEventListener('popstate', listener);
}
