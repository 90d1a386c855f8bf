/** Times and days as the reader writes them: in the language and the form of their browser. */

/** One format for all: to make one is slow. */
function format(style: Intl.DateTimeFormatOptions): (date: string) => string {
  const made = new Intl.DateTimeFormat([], style);
  return (date) => made.format(new Date(date));
}

const relative = new Intl.RelativeTimeFormat([], { numeric: 'auto' });
const weekday = { long: format({ weekday: 'long' }), short: format({ weekday: 'short' }) };
const fullDate = { long: format({ dateStyle: 'full' }), short: format({ dateStyle: 'short' }) };

/** The time of day, by 12 or by 24 hours. */
export const clock = format({ timeStyle: 'short' });
/** The day and the time. */
export const moment = format({ dateStyle: 'full', timeStyle: 'medium' });

/** The minute of it: what is said within one has one time. */
export const minuteOf = (date: string): number => Math.floor(Date.parse(date) / 60_000);

/** Whether two times are on one day, where the reader is. */
export const isSameDay = (one: string, other: string): boolean => midnightOf(one) === midnightOf(other);

/** Today and yesterday by name, the week before by the day, and then by the date. */
export function dayOf(date: string, length: 'long' | 'short'): string {
  const days = daysAgo(date);
  if (days === 0 || days === 1) return relative.format(-days, 'day');
  return (days > 1 && days < 7 ? weekday : fullDate)[length](date);
}

/** The heading of a day in a conversation. */
export function headingOf(date: string): string {
  const day = dayOf(date, 'long');
  return day.charAt(0).toLocaleUpperCase() + day.slice(1);
}

/** In a list: the time of what was today, and the day of what was before. */
export const whenOf = (date: string): string => (daysAgo(date) === 0 ? clock(date) : dayOf(date, 'short'));

// A day may have 23 or 25 hours.
const daysAgo = (date: string): number => Math.round((midnightOf(Date.now()) - midnightOf(date)) / 86_400_000);

function midnightOf(date: string | number): number {
  return new Date(date).setHours(0, 0, 0, 0);
}
