import { Store } from './emitter.js';
import type { ChatzzError } from './error.js';
import { Reader } from './reader.js';
import { Typing } from './typing.js';
import { newClientId } from './outbox.js';
import type { Outbox } from './outbox.js';
import type { ChatMessage, ConversationState } from './state.js';
import type { Link } from './link.js';
import type { AddedContact, Contact, LastMessage, Message, PresenceChange, StatusChange, UserId } from './wire.js';

/** @internal */
export interface ConversationHost {
  link: Link;
  outbox: Outbox;
  pageSize: number;
  isMine(message: Message | LastMessage): boolean;
  isBlocked(userId: string): boolean;
  changed(): void;
  arrived(messages: Message[], conversation: Conversation): void;
  typing(conversation: Conversation): void;
  error(error: ChatzzError): void;
}

const RANK = { not_sent: 0, sent: 1, read: 2 };
/** The most messages of one page. */
const PAGE = 500;

/** Everything with one other person. */
export class Conversation extends Store<ConversationState> {
  /** The other person's id. */
  readonly userId: string;
  #id: UserId;
  #host: ConversationHost;
  #contact: AddedContact | undefined;
  #last: Message | LastMessage | undefined;
  #unread = 0;
  /** Up to here the server has counted what is unread. */
  #counted = 0;
  #messages = new Map<number, Message>();
  /** What is shown: from `low` to `high` nothing is missing. No `low`: nothing is known yet. */
  #low: number | undefined;
  #high = 0;
  #newest = 0;
  #filling: Promise<void> | undefined;
  #older: Promise<boolean> | undefined;
  #reader: Reader;
  #typing: Typing;

  /** @internal */
  constructor(host: ConversationHost, id: UserId) {
    super();
    this.#host = host;
    this.#id = id;
    this.userId = String(id);
    this.#reader = new Reader(host.link, id, () => this.#applyRead(this.#reader.upTo));
    this.#typing = new Typing(host.link, id, () => {
      this.#changed();
      host.typing(this);
    });
  }

  get contact() { return this.snapshot().contact; }
  get messages() { return this.snapshot().messages; }
  get last() { return this.snapshot().last; }
  get unread() { return this.snapshot().unread; }
  get presence() { return this.snapshot().presence; }
  get hasOlder() { return this.snapshot().hasOlder; }
  get blocked() { return this.#host.isBlocked(this.userId); }
  get typing() { return this.#typing.shown; }

  /** Sends a text; see `Chatzz.send`. */
  send(message: string, clientId = newClientId()): Promise<Message> {
    this.#typing.sent();
    return this.#host.outbox.add(this.#id, message, clientId);
  }

  /** Says what the input field holds now, at each change of it: the other person sees that one types. Calls are gathered. */
  keystroke(text: string): void {
    this.#typing.keystroke(text);
  }

  /** Fetches the page before the oldest message that is shown; whether there is more. */
  loadOlder(): Promise<boolean> {
    return (this.#older ??= this.#loadOlder().finally(() => (this.#older = undefined)));
  }

  /** Says that the person has seen everything up to a `seq`, or all that is shown. Calls are gathered. */
  markRead(upTo = this.#lastOfOther()): Promise<void> {
    return upTo > 0 ? this.#reader.read(upTo) : Promise.resolve();
  }

  /** @internal What a login says; the missed messages are ascending. Returns those that are new. */
  login(contact: Contact, missed: Message[]): Message[] {
    const { unreadCount, lastMessage, missedCount: _, missedFrom, addedWhileAway: __, ...person } = contact;
    const newest = lastMessage?.seq ?? 0;
    this.#contact = person;
    this.#unread = unreadCount;
    this.#counted = Math.max(newest, missed.at(-1)?.seq ?? 0);
    this.#begin(missedFrom ?? missed[0]?.seq ?? newest + 1);
    this.#newest = Math.max(this.#newest, newest);
    if (lastMessage) this.#show(lastMessage);
    const fresh = missed.filter(({ _id, seq }) => this.#messages.get(seq)?._id !== _id);
    this.take(missed);
    if (missed.length > 0) void this.#confirm();
    this.#reader.resume();
    return fresh;
  }

  /** @internal */
  added(contact: AddedContact): void {
    this.#contact = contact;
    this.#begin(1);
    this.#changed();
  }

  /** @internal Keeps messages, and tells those that follow what is shown without a hole. */
  take(messages: Message[]): void {
    for (const message of messages) {
      this.#begin(message.seq);
      this.#keep(message);
      this.#newest = Math.max(this.#newest, message.seq);
      if (this.#host.isMine(message)) this.#host.outbox.stored(message);
    }
    const fresh: Message[] = [];
    for (let next; (next = this.#messages.get(this.#high + 1)); this.#high += 1) {
      fresh.push(next);
      if (!this.#host.isMine(next)) this.#typing.hide();
      if (next.seq > this.#counted && !this.#host.isMine(next) && next.status !== 'read') this.#unread += 1;
    }
    if (this.#high < this.#newest) void this.#fill();
    this.#changed();
    if (fresh.length > 0) this.#host.arrived(fresh, this);
  }

  /** @internal The messages whose status went forward. */
  status({ range, ...newest }: StatusChange): Message[] {
    const { from, to } = range ?? { from: newest.seq, to: newest.seq };
    const changed: Message[] = [];
    const keep = (message: Message) => this.#keep(message) && changed.push(this.#messages.get(message.seq) ?? message);
    for (const message of range ? this.#between(from, to) : []) {
      const same = this.#host.isMine(message) === this.#host.isMine(newest);
      if (same && message.seq !== newest.seq) keep({ ...message, status: newest.status });
    }
    keep(newest);
    if (newest.status === 'read' && !this.#host.isMine(newest)) {
      if (range) this.#applyRead(to);
      else this.#unread = Math.max(0, this.#unread - changed.length);
    }
    this.#changed();
    return changed;
  }

  /** @internal */
  presenceChanged({ user, status, lastOnline }: PresenceChange): void {
    if (!this.#contact) return;
    this.#contact = { ...this.#contact, ...user, status, lastOnline };
    if (status === 'offline') this.#typing.hide();
    this.#changed();
  }

  /** @internal The other person types. */
  typed(until: string): void {
    void this.#typing.show(until);
  }

  /** @internal What lies elsewhere changed: in the outbox, or whom the user has blocked. */
  refresh(): void {
    this.#changed();
  }

  protected override compute(): ConversationState {
    const messages: ChatMessage[] = [];
    for (let seq = this.#low ?? 1; seq <= this.#high; seq += 1) {
      const message = this.#messages.get(seq);
      if (message) messages.push(message);
    }
    // One's own behind a hole was on the screen already, and stays while the hole is filled.
    messages.push(...this.#between(this.#high + 1, this.#newest).filter((message) => this.#host.isMine(message)));
    messages.push(...this.#host.outbox.list(this.userId));
    return {
      contact: this.#contact,
      messages,
      last: this.#last,
      unread: this.#unread,
      presence: this.#contact?.status,
      lastOnline: this.#contact?.lastOnline,
      typing: this.#typing.shown,
      blocked: this.blocked,
      hasOlder: this.#low === undefined || this.#low > 1,
    };
  }

  #changed(): void {
    this.changed();
    this.#host.changed();
  }

  #begin(low: number): void {
    if (this.#low !== undefined) return;
    this.#low = low;
    this.#high = low - 1;
  }

  #between(from: number, to: number): Message[] {
    const found: Message[] = [];
    for (let seq = Math.max(from, this.#low ?? 1); seq <= Math.min(to, this.#newest); seq += 1) {
      const message = this.#messages.get(seq);
      if (message) found.push(message);
    }
    return found;
  }

  /** Whether it was new or went forward. */
  #keep(message: Message): boolean {
    this.#show(message);
    const known = this.#messages.get(message.seq);
    if (known?._id === message._id && RANK[known.status] >= RANK[message.status]) return false;
    this.#messages.set(message.seq, message);
    return true;
  }

  /** Takes it for the newest one, if it is. */
  #show(message: Message | LastMessage): void {
    const last = this.#last;
    const further = last?.seq === message.seq && RANK[message.status] >= RANK[last.status];
    if (!last || message.seq > last.seq || further) this.#last = message;
  }

  /** Fetches what lies between what is shown and the newest message. */
  #fill(): Promise<void> {
    return (this.#filling ??= this.#fetch().catch(this.#host.error).finally(() => (this.#filling = undefined)));
  }

  async #fetch(): Promise<void> {
    while (this.#high < this.#newest) {
      const { messages } = await this.#host.link.request('get-old-messages', { userId: this.#id, after: this.#high, limit: PAGE });
      // The server has nothing there: do not ask for ever.
      if (messages.length === 0) this.#newest = this.#high;
      this.take(messages);
    }
  }

  /** Tells the server that the missed messages are here. */
  async #confirm(): Promise<void> {
    await this.#filling;
    if (this.#high < this.#newest) return;
    await this.#host.link.request('message-delivered', { userId: this.#id, upTo: this.#high }).catch(this.#host.error);
  }

  async #loadOlder(): Promise<boolean> {
    if (this.#low === 1) return false;
    const before = this.#low === undefined ? {} : { before: this.#low };
    const page = { userId: this.#id, ...before, limit: this.#host.pageSize };
    const { messages } = await this.#host.link.request('get-old-messages', page);
    for (const message of messages) this.#keep(message);
    const [first, last] = [messages[0], messages.at(-1)];
    if (this.#low === undefined) {
      this.#high = last?.seq ?? 0;
      this.#newest = Math.max(this.#newest, this.#high);
    }
    this.#low = first?.seq ?? 1;
    this.#changed();
    return this.#low > 1;
  }

  #lastOfOther(): number {
    return this.#between(1, this.#high).findLast((message) => !this.#host.isMine(message))?.seq ?? 0;
  }

  /** Everything of the other person up to here is read. */
  #applyRead(upTo: number): void {
    const read = this.#between(1, upTo).filter((message) => !this.#host.isMine(message) && message.status !== 'read');
    for (const message of read) this.#keep({ ...message, status: 'read' });
    const left = this.#between(upTo + 1, this.#high).filter((message) => !this.#host.isMine(message) && message.status !== 'read');
    // What is unread above is known when all of it is shown.
    const known = this.#high >= this.#newest && upTo + 1 >= (this.#low ?? Infinity);
    this.#unread = known ? left.length : Math.max(left.length, this.#unread - read.length);
    this.#changed();
  }
}
