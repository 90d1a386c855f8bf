/** The people of the demo, and how they are called. */
import type { Presence, UserDetails } from 'chatzz-client';

import { clock, dayOf } from './times.ts';

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
  return includes(`${nameOf(user)} ${usernameOf(user)}`, wanted);
}

/** Whether a text contains what is searched; capitals and accents make no difference. */
export function includes(text: string, wanted: string): boolean {
  const plain = (words: string) => words.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  return plain(text).includes(plain(wanted.trim()));
}

/** Online, or since when not. */
export function seen(presence: Presence | undefined, lastOnline: string | null | undefined): string {
  if (presence === 'online') return 'online';
  return lastOnline ? `last seen ${dayOf(lastOnline, 'short')}, ${clock(lastOnline)}` : 'offline';
}
