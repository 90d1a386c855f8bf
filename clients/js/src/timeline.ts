import type { LastMessage, Message } from './wire.js';

const RANK = { not_sent: 0, sent: 1, read: 2 };

/** The further status, and the content of the newer `rev`; `known` itself if the other has neither. */
function merge<One extends Message | LastMessage>(known: One, message: One): One {
  const newer = (message.rev ?? 0) - (known.rev ?? 0);
  const further = RANK[message.status] - RANK[known.status];
  if (newer <= 0 && further <= 0) return known;
  if (newer < 0) return { ...known, status: message.status };
  return further < 0 ? { ...message, status: known.status } : message;
}

/** @internal */
export interface TimelineHost {
  isMine(message: Message | LastMessage): boolean;
  outbox: { stored(message: Message): void };
}

/** @internal The messages of a conversation that this client has. */
export class Timeline {
  /** What is shown: from `low` to `high` no existing message is missing. No `low`: nothing is known yet. */
  low: number | undefined;
  high = 0;
  /** The newest message that exists, as far as this client knows. */
  newest = 0;
  /** From here on statuses may be older than those of the server. */
  stale = Infinity;
  /** Everything of the other person is read up to here. */
  readTo = 0;
  /** The newest stored message, also when this client does not have it. */
  last: Message | LastMessage | undefined;
  #messages = new Map<number, Message>();
  /** Changed messages that this client does not have: what arrives late may be as they were before. */
  #changed = new Map<number, Message>();
  #host: TimelineHost;

  constructor(host: TimelineHost) {
    this.#host = host;
  }

  /** Whether there is something to fetch. */
  get isBehind(): boolean { return this.high < this.newest || this.stale <= this.high; }

  has({ _id, seq }: Message): boolean {
    return this.#messages.get(seq)?._id === _id;
  }

  begin(low: number): void {
    if (this.low !== undefined) return;
    this.low = low;
    this.high = low - 1;
  }

  /** Those from `low` on, ascending. */
  between(from: number, to: number): Message[] {
    const first = Math.max(from, this.low ?? 1);
    // Not by counting: there may be gaps, of any size.
    const found = [...this.#messages.values()].filter(({ seq }) => seq >= first && seq <= to);
    return found.sort((one, other) => one.seq - other.seq);
  }

  isUnread(message: Message): boolean {
    return message.status !== 'read' && !this.#host.isMine(message);
  }

  /** Messages of the other person that are shown and unread. */
  unread(from: number, to = this.high): Message[] {
    return this.between(from, to).filter((message) => this.isUnread(message));
  }

  /** Adds a message; whether it was new or its status moved forward. */
  keep(message: Message): boolean {
    this.show(message);
    if (this.#host.isMine(message)) this.#host.outbox.stored(message);
    const known = this.#messages.get(message.seq);
    const other = known ?? this.#changed.get(message.seq);
    if (other?._id === message._id) {
      const merged = merge(other, message);
      if (merged === known) return false;
      message = merged;
    }
    const isRead = message.seq <= this.readTo && this.isUnread(message);
    this.#messages.set(message.seq, isRead ? { ...message, status: 'read' } : message);
    return true;
  }

  /** Takes what a message says by now; whether it is shown, and says something else. */
  change(message: Message): boolean {
    const known = this.#messages.get(message.seq);
    // Its status has envelopes of its own.
    if (known?._id === message._id) return this.keep({ ...message, status: known.status });
    this.show(message);
    this.#changed.set(message.seq, message);
    if (this.#changed.size > 500) this.#changed.delete(this.#changed.keys().next().value!);
    return false;
  }

  /** Applies a further status to a range of messages; returns those that moved forward. */
  forward(messages: Message[], status: Message['status']): Message[] {
    return messages.map((message) => ({ ...message, status })).filter((message) => this.keep(message));
  }

  /** Keeps it as the newest message, if it is. */
  show(message: Message | LastMessage): void {
    const { last } = this;
    if (!last || message.seq > last.seq) this.last = message;
    else if (message.seq === last.seq) this.last = merge(last, message);
  }

  /** Shows the messages up to `seq`, whatever the gaps, and those that follow without one. */
  advance(seq = 0): Message[] {
    const fresh = seq > this.high ? this.between(this.high + 1, seq) : [];
    this.high = fresh.at(-1)?.seq ?? this.high;
    for (let next; (next = this.#messages.get(this.high + 1)); this.high += 1) fresh.push(next);
    return fresh;
  }

  /** Adds the page after a `seq`, requested when the newest was `known`; returns shown messages that moved forward. */
  takePage(messages: Message[], hasMore: boolean, after: number, known: number): { changed: Message[]; fresh: Message[] } {
    const changed = messages.filter((message) => this.has(message) && this.keep(message) && message.seq <= this.high);
    for (const message of messages) this.keep(message);
    // The page is complete: a position that it leaves out is empty, and without `hasMore` so is everything after it.
    const last = messages.at(-1)?.seq ?? 0;
    const end = hasMore && last > after ? last : Math.max(last, known);
    // A login in the meantime may have asked for more.
    if (this.stale > after) this.stale = end < this.high ? end + 1 : Infinity;
    const fresh = this.advance(end);
    this.newest = this.newest <= end ? this.high : this.newest;
    return { changed, fresh };
  }
}
