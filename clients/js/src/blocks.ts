import type { ChatzzError } from './error.js';
import { userKey } from './key.js';
import type { Link } from './link.js';
import type { UserDetails, UserId } from './wire.js';

/** @internal The users that this user has blocked, from the first request for them on. */
export class Blocks {
  #link: Link;
  #changed: (userId: string) => void;
  #ids = new Set<string>();
  #wanted = false;
  #changes = 0;

  constructor(link: Link, changed: (userId: string) => void) {
    this.#link = link;
    this.#changed = changed;
  }

  has(userId: UserId): boolean {
    return this.#ids.has(userKey(userId));
  }

  set(userId: UserId, blocked: boolean): void {
    this.#changes += 1;
    this.#put(userKey(userId), blocked);
  }

  async load(): Promise<UserDetails[]> {
    this.#wanted = true;
    for (;;) {
      const changes = this.#changes;
      let users: UserDetails[];
      try {
        users = await this.#all();
      } catch (error) {
        // The last one of a page may have been unblocked in the meantime.
        if (changes !== this.#changes) continue;
        throw error;
      }
      // Changes made in the meantime may be newer than the list.
      if (changes !== this.#changes) continue;
      const now = new Set(users.map(({ _id }) => userKey(_id)));
      for (const userId of [...this.#ids, ...now]) this.#put(userId, now.has(userId));
      return users;
    }
  }

  async #all(): Promise<UserDetails[]> {
    const users: UserDetails[] = [];
    for (;;) {
      const after = users.at(-1)?._id;
      const page = await this.#link.request('get-blocked-users', after === undefined ? {} : { after });
      users.push(...page.users);
      // A server of an earlier version sends all at once, and no `hasMore`.
      if (!page.hasMore || page.users.length === 0) return users;
    }
  }

  /** After a login: changes that another device made in the meantime were not announced. */
  resume(error: (error: ChatzzError) => void): void {
    if (this.#wanted) this.load().catch(error);
  }

  #put(userId: string, blocked: boolean): void {
    if (blocked === this.#ids.has(userId)) return;
    if (blocked) this.#ids.add(userId);
    else this.#ids.delete(userId);
    this.#changed(userId);
  }
}
