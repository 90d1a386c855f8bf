import { Store } from './emitter.js';
import { Changes } from './changes.js';
import type { ChatzzError } from './error.js';
import { Reader } from './reader.js';
import { Timeline } from './timeline.js';
import { Typing } from './typing.js';
import { Unread } from './unread.js';
import type { Outbox, SendOptions } from './outbox.js';
import type { ChatMessage, ConversationState } from './state.js';
import type { Link } from './link.js';
import type { AddedContact, AnyUser, Contact, LastMessage, Message, PresenceChange, StatusChange, UserId } from './wire.js';

/** @internal */
export interface ConversationHost {
  link: Link;
  outbox: Outbox;
  pageSize: number;
  isMine(message: Message | LastMessage): boolean;
  isBlocked(userId: string): boolean;
  changed(): void;
  arrived(messages: Message[], conversation: Conversation<any>): void;
  advanced(messages: Message[], conversation: Conversation<any>): void;
  edited(messages: Message[], conversation: Conversation<any>): void;
  typing(conversation: Conversation<any>): void;
  error(error: ChatzzError): void;
}

/** The most messages of one page. */
const PAGE = 500;
/** How many messages back statuses are fetched again after a login: two pages. */
const BACK = 2 * PAGE;

/** The conversation with one other user. */
export class Conversation<User = AnyUser> extends Store<ConversationState<User>> {
  #id: UserId;
  #host: ConversationHost;
  #contact: AddedContact | undefined;
  #timeline: Timeline;
  #unread: Unread;
  #filling: Promise<void> | undefined;
  #older: Promise<boolean> | undefined;
  #reader: Reader;
  #typing: Typing;
  #changes: Changes;

  /** @internal */
  constructor(host: ConversationHost, id: UserId) {
    super();
    this.#host = host;
    this.#id = id;
    this.#timeline = new Timeline(host);
    // Adding a contact again changes nothing, and returns the contact.
    const contact = () => host.link.request('add-chat-user', { userToAdd: id }, { background: true });
    this.#unread = new Unread(this.#timeline, contact, () => this.#changed());
    this.#changes = new Changes(host.link, id, (messages) => this.#change(messages), (error) => host.error(error));
    this.#reader = new Reader(host.link, id, (reported) => this.#applyRead(this.#reader.upTo, reported));
    this.#typing = new Typing(host.link, id, () => {
      this.#changed();
      host.typing(this);
    });
  }

  /** The other person's id: the server's own form of it, once it is known. */
  get userId(): string { return String(this.#contact?._id ?? this.#id); }
  /** The other person's details; absent until both have a chat room. */
  get contact() { return this.snapshot().contact; }
  /** By `seq`, with no gap that the server could fill, followed by the messages in the outbox. */
  get messages() { return this.snapshot().messages; }
  /** The newest stored message, also when `messages` does not reach it yet. */
  get last() { return this.snapshot().last; }
  /** How many messages of the other person are unread. */
  get unread() { return this.snapshot().unread; }
  /** Whether the other person is online; absent until it is known. */
  get presence() { return this.snapshot().presence; }
  /** Whether `loadOlder` can find something. */
  get hasOlder() { return this.snapshot().hasOlder; }
  /** Whether the user has blocked the other person, as far as known: see `Chatzz.blockedUsers`. */
  get blocked() { return this.#host.isBlocked(this.userId); }
  /** Whether the other person is typing at this moment. */
  get typing() { return this.#typing.shown; }

  /** Sends a text; see `Chatzz.send`. */
  send(message: string, more: string | SendOptions = {}): Promise<Message<User>> {
    this.#typing.sent();
    return this.#host.outbox.add(this.#id, message, typeof more === 'string' ? { clientId: more } : more) as Promise<Message<any>>;
  }

  /** Call it with the text of the input field at each change: the other person sees that the user is typing. Calls are batched. */
  keystroke(text: string): void {
    this.#typing.keystroke(text);
  }

  /** Fetches the page before the oldest message that is shown; resolves with whether there is more. */
  loadOlder(): Promise<boolean> {
    return (this.#older ??= this.#loadOlder().finally(() => (this.#older = undefined)));
  }

  /** Marks everything up to a `seq`, or everything that is shown, as read. Calls are batched. */
  markRead(upTo = this.#lastOfOther()): Promise<void> {
    return upTo > 0 ? this.#reader.read(upTo) : Promise.resolve();
  }

  /** @internal Applies what a login contains; the missed messages are ascending. Returns the new ones. */
  login(contact: Contact, missed: Message[]): Message[] {
    const { unreadCount, lastMessage, missedCount: _, missedFrom, addedWhileAway: __, rev = 0, ...person } = contact;
    const newest = lastMessage?.seq ?? 0;
    const timeline = this.#timeline;
    this.#contact = person;
    // Receipts from the meantime are not announced again.
    const old = timeline.between(timeline.high + 1 - BACK, timeline.high).find(({ status }) => status !== 'read');
    timeline.stale = old?.seq ?? Infinity;
    timeline.begin(missedFrom ?? missed[0]?.seq ?? newest + 1);
    timeline.newest = Math.max(timeline.newest, newest);
    if (lastMessage) timeline.show(lastMessage);
    const fresh = missed.filter((message) => !timeline.has(message));
    // The count is as old as `lastMessage`; the missed messages were fetched later, so it may lack some of them.
    const counted = missed.filter((message) => message.seq <= newest && timeline.isUnread(message));
    this.#unread.set(Math.max(unreadCount, counted.length), newest);
    this.take(missed);
    if (missed.length > 0) void this.#confirm();
    this.#reader.resume();
    this.#changes.login(rev, timeline.between(1, Infinity).length === missed.length);
    return fresh;
  }

  /** @internal */
  added(contact: AddedContact): void {
    this.#contact = contact;
    this.#timeline.begin(1);
    this.#changed();
  }

  /** @internal Stores messages, and announces those that follow the shown ones without a gap. */
  take(messages: Message[]): void {
    const timeline = this.#timeline;
    for (const message of messages) {
      timeline.begin(message.seq);
      timeline.keep(message);
      timeline.newest = Math.max(timeline.newest, message.seq);
    }
    this.#tell(timeline.advance());
    if (timeline.isBehind) void this.#fill();
  }

  /** @internal */
  status({ range, ...newest }: StatusChange): void {
    const timeline = this.#timeline;
    const isMine = this.#host.isMine(newest);
    const others = range ? timeline.between(range.from, range.to) : [];
    const changed = timeline.forward(others.filter((message) => message.seq !== newest.seq && this.#host.isMine(message) === isMine), newest.status);
    if (timeline.keep(newest)) changed.push(newest);
    if (newest.status === 'read' && !isMine) {
      if (range) this.#applyRead(range.to, true, changed);
      else this.#unread.less(changed);
    }
    this.#changed();
    if (changed.length > 0) this.#host.advanced(changed, this);
  }

  /** @internal */
  edited(message: Message): void {
    this.#changes.heard(message);
  }

  #change(messages: Message[]): void {
    const changed = messages.filter((message) => this.#timeline.change(message));
    this.#changed();
    if (changed.length > 0) this.#host.edited(changed, this);
  }

  /** @internal */
  presenceChanged({ user, status, lastOnline }: PresenceChange): void {
    if (!this.#contact) return;
    this.#contact = { ...this.#contact, ...user, status, lastOnline };
    if (status === 'offline') this.#typing.hide();
    this.#changed();
  }

  /** @internal The other person is typing. */
  typed(until: string): void {
    void this.#typing.show(until);
  }

  /** @internal Something outside this object changed: the outbox, or the users that this user has blocked. */
  refresh(): void {
    this.#changed();
  }

  protected override compute(): ConversationState<any> {
    const { low, high, last } = this.#timeline;
    const messages: ChatMessage[] = this.#timeline.between(1, high);
    // The user's own message after a gap was on the screen already, and stays while the gap is filled.
    messages.push(...this.#timeline.between(high + 1, Infinity).filter((message) => this.#host.isMine(message)));
    messages.push(...this.#host.outbox.list(this.userId));
    return {
      contact: this.#contact,
      messages,
      last,
      unread: this.#unread.count,
      presence: this.#contact?.status,
      lastOnline: this.#contact?.lastOnline,
      typing: this.#typing.shown,
      blocked: this.blocked,
      hasOlder: low !== 1,
    };
  }

  #changed(): void {
    this.changed();
    this.#host.changed();
  }

  /** Announces the messages that are shown from now on. */
  #tell(fresh: Message[]): void {
    if (fresh.some((message) => !this.#host.isMine(message))) this.#typing.hide();
    this.#unread.add(fresh);
    this.#changed();
    if (fresh.length > 0) this.#host.arrived(fresh, this);
  }

  /** Fetches the messages between the shown ones and the newest, and statuses that may be old. */
  #fill(): Promise<void> {
    return (this.#filling ??= this.#fetch());
  }

  async #fetch(): Promise<void> {
    const timeline = this.#timeline;
    try {
      while (timeline.isBehind) {
        const [after, known] = [Math.min(timeline.stale - 1, timeline.high), timeline.newest];
        const page = { userId: this.#id, after, limit: PAGE };
        const { messages, hasMore } = await this.#host.link.request('get-old-messages', page, { background: true });
        const { changed, fresh } = timeline.takePage(messages, hasMore, after, known);
        this.#tell(fresh);
        if (changed.length > 0) this.#host.advanced(changed, this);
      }
    } catch (error) {
      this.#host.error(error as ChatzzError);
    } finally {
      // Here, and not a moment later: in between, somebody may ask for more.
      this.#filling = undefined;
    }
  }

  /** Confirms the missed messages to the server. */
  async #confirm(): Promise<void> {
    await this.#filling;
    const { high, newest } = this.#timeline;
    if (high < newest) return;
    await this.#host.link.request('message-delivered', { userId: this.#id, upTo: high }, { background: true }).catch(this.#host.error);
  }

  async #loadOlder(): Promise<boolean> {
    const timeline = this.#timeline;
    const { link, pageSize } = this.#host;
    // Where to begin is known after the login; if there will be none, the request reports it.
    await link.ready().catch(() => {});
    if (timeline.low === 1) return false;
    const before = timeline.low === undefined ? {} : { before: timeline.low };
    const { messages, hasMore } = await link.request('get-old-messages', { userId: this.#id, ...before, limit: pageSize });
    for (const message of messages) timeline.keep(message);
    const [first, last] = [messages[0], messages.at(-1)];
    if (timeline.low === undefined) {
      timeline.high = last?.seq ?? 0;
      timeline.newest = Math.max(timeline.newest, timeline.high);
    }
    timeline.low = Math.min(timeline.low ?? Infinity, hasMore && first ? first.seq : 1);
    this.#unread.settle();
    this.#changed();
    return timeline.low > 1;
  }

  #lastOfOther(): number {
    return this.#timeline.between(1, this.#timeline.high).findLast((message) => !this.#host.isMine(message))?.seq ?? 0;
  }

  /** Everything of the other person up to here is read: whether the server knows it, and which messages just became read. */
  #applyRead(upTo: number, reported: boolean, changed: Message[] = []): void {
    const timeline = this.#timeline;
    timeline.readTo = Math.max(timeline.readTo, upTo);
    this.#unread.less([...changed, ...timeline.forward(timeline.unread(1, upTo), 'read')]);
    if (reported && this.#contact) this.#unread.ask();
    this.#changed();
  }
}
