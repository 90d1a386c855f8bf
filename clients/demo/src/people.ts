/** The people of the demo, and how they are called. */
import type { Presence, UserDetails } from 'chatzz-client';

/** A user of the application that `chatzz dev` plays. */
export interface DemoUser extends UserDetails {
  username: string;
}

/** Everybody whom one can be or write to. In a real application: its own search. */
export async function demoUsers(): Promise<DemoUser[]> {
  const answer = await fetch('/demo/users');
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json();
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** What to call somebody, whatever fields the application has. */
export function nameOf(user: UserDetails): string {
  if (user.deleted) return 'Deleted user';
  const both = [user.firstName, user.lastName].map(text).filter(Boolean).join(' ');
  return text(user.displayName) || text(user.name) || both || text(user.username) || String(user._id);
}

export const usernameOf = (user: UserDetails): string => text(user.username);

/** An address that the page's policy lets it load. */
export function pictureOf(user: UserDetails): string | undefined {
  const source = text(user.avatar) || text(user.picture);
  return /^(data:image\/|https:)/.test(source) ? source : undefined;
}

/** Whether a search finds somebody. */
export function matches(user: UserDetails, wanted: string): boolean {
  return `${nameOf(user)} ${usernameOf(user)}`.toLowerCase().includes(wanted.trim().toLowerCase());
}

/** Online, or since when not. */
export function seen(presence: Presence | undefined, lastOnline: string | null | undefined): string {
  if (presence === 'online') return 'online';
  return lastOnline ? `last seen ${isToday(lastOnline) ? 'today' : shortDate(lastOnline)}, ${clock(lastOnline)}` : 'not seen yet';
}

export const clock = (date: string): string => new Date(date).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
export const shortDate = (date: string): string => new Date(date).toLocaleDateString();
export const isToday = (date: string): boolean => new Date(date).toDateString() === new Date().toDateString();

/** The heading of a day in a conversation. */
export function dayOf(date: string): string {
  return isToday(date) ? 'Today' : new Date(date).toLocaleDateString([], { dateStyle: 'full' });
}
