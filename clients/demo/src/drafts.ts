/** What was written and not sent, kept in this browser for each conversation. */
const key = (me: unknown, other: string) => `chatzz-draft ${me} ${other}`;

export const draft = (me: unknown, other: string): string => localStorage.getItem(key(me, other)) ?? '';

export function keepDraft(me: unknown, other: string, text: string): void {
  if (text) localStorage.setItem(key(me, other), text);
  else localStorage.removeItem(key(me, other));
}
