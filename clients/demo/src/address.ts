/** What the page's address says: `?as=alice&with=bob`. */

const query = new URLSearchParams(location.search);

/** The user name of the person who sits here. */
export const as = query.get('as');
/** With whom to chat at once; alone it makes the link an invitation. */
export const wanted = query.get('with');

/** The address of this page for somebody. */
export function addressOf(person: { as?: string | null; with?: string | null }): string {
  const given = Object.entries(person).filter((pair): pair is [string, string] => Boolean(pair[1]));
  return `/?${new URLSearchParams(given)}`;
}

/** Keeps the open conversation in the address, so that a reload returns to it. */
export function remember(partner: string | undefined): void {
  history.replaceState(null, '', addressOf({ as, with: partner }));
}
