import { Blocks } from './blocks.js';
import { Conversation } from './conversation.js';
import type { ConversationHost } from './conversation.js';
import { Emitter, Store } from './emitter.js';
import { ChatzzError } from './error.js';
import type { ChatzzEvents } from './events.js';
import { userKey } from './key.js';
import { Link } from './link.js';
import type { State } from './link.js';
import { checked } from './options.js';
import type { Options } from './options.js';
import { Outbox } from './outbox.js';
import type { SendOptions } from './outbox.js';
import type { ChatMessage, ChatzzState } from './state.js';
import type {
  AddedContact, AnyUser, Contact, Envelope, HistoryPage, LastMessage, Login, Message, Payload, Privacy, Requests, Result,
  UserDetails, UserId,
} from './wire.js';

/** One user's chats, on one connection that is kept open. `User` has the fields of the application's users. */
export class Chatzz<User = AnyUser> extends Store<ChatzzState<User>> {
  #given: UserId;
  #link: Link;
  #outbox: Outbox;
  #blocks: Blocks;
  #host: ConversationHost;
  #events = new Emitter<ChatzzEvents<any>>();
  #conversations = new Map<string, Conversation<User>>();
  #user: UserDetails<any> | undefined;
  #meta: Record<string, unknown> | undefined;
  #loss = '';
  /** Whether there has been a login. */
  #isKnown = false;

  readonly on = this.#events.on.bind(this.#events) as Emitter<ChatzzEvents<User>>['on'];
  readonly once = this.#events.once.bind(this.#events) as Emitter<ChatzzEvents<User>>['once'];
  readonly off = this.#events.off.bind(this.#events) as Emitter<ChatzzEvents<User>>['off'];

  /** Does not connect before `connect` is called. Throws a `TypeError` if an option is wrong. */
  constructor(options: Options) {
    super();
    this.#given = checked(options).userId;
    const error = (error: ChatzzError) => this.#error(error);
    this.#link = new Link(options, {
      error,
      state: (state, reason) => this.#stateChanged(state, reason),
      trouble: (error) => {
        this.#error(error);
        if (this.state === 'reconnecting') this.#events.emit('state', this.state, error.code);
      },
      envelope: (envelope) => this.#envelope(envelope),
    });
    this.#outbox = new Outbox({
      error,
      storage: options.storage,
      key: `chatzz-outbox ${options.url} ${options.userId}`,
      maxChars: options.maxChars,
      storageTimeout: this.#link.timing.storageTimeout,
      pause: () => this.#link.sleep(this.#link.timing.ackTimeout).then(() => this.isConnected()),
      send: (payload, obsolete) => this.#link.request('send-message', payload, { obsolete }),
      stored: ({ duplicate: _, ...message }: Message & { duplicate?: boolean }) => void this.#of(message).take([message]),
      changed: (userId) => this.conversation(userId).refresh(),
    });
    this.#blocks = new Blocks(this.#link, (userId) => this.conversation(userId).refresh());
    this.#host = {
      error: this.#unlessClosed,
      link: this.#link,
      outbox: this.#outbox,
      pageSize: options.pageSize ?? 50,
      isMine: (message) => this.isMine(message),
      isBlocked: (userId) => this.#blocks.has(userId),
      changed: () => this.changed(),
      arrived: (messages, conversation) => {
        for (const message of messages) this.#events.emit('message', message, conversation);
        this.#events.emit('messages', messages, conversation);
      },
      edited: (messages, conversation) => void this.#events.emit('changed', messages, conversation),
      advanced: (messages, conversation) => void this.#events.emit('status', messages, conversation),
      typing: (conversation) => void this.#events.emit('typing', conversation.typing, conversation),
    };
  }

  /** The user's id: the server's own form of it, once logged in. */
  get userId(): UserId { return this.#user?._id ?? this.#given; }
  get state(): State { return this.#link.state; }
  /** The user's own details, once logged in. */
  get user(): UserDetails<User> | undefined { return this.#user; }
  /** What the application returned at the login, with `CHATZZ_AUTH=webhook`. */
  get meta(): Record<string, unknown> | undefined { return this.#meta; }
  get conversations(): readonly Conversation<User>[] { return this.snapshot().conversations; }
  get unread(): number { return this.snapshot().unread; }
  isConnected(): boolean { return this.state === 'connected'; }
  isDisconnected(): boolean { return this.state === 'disconnected'; }
  isReconnecting(): boolean { return this.state === 'reconnecting'; }

  /** Connects, and stays connected. */
  connect(): this {
    this.#link.open();
    return this;
  }

  /** Logs out. Messages in the outbox stay there for the next `connect`. */
  disconnect(): void {
    this.#link.close('client');
  }

  /** Resolves when logged in; rejects when it is clear that there will be no login. */
  ready(): Promise<void> {
    return this.#link.ready();
  }

  /** The conversation with another user: the same object at each call. */
  conversation(userId: UserId): Conversation<User> {
    const key = userKey(userId);
    const known = this.#conversations.get(key);
    if (known) return known;
    const conversation = new Conversation<User>(this.#host, userId);
    this.#conversations.set(key, conversation);
    return conversation;
  }

  /** Opens the chat room with another user; a repeat changes nothing. */
  async addContact(userId: UserId): Promise<Conversation<User>> {
    const contact = await this.request('add-chat-user', { userToAdd: userId });
    const conversation = this.conversation(contact._id);
    if (conversation.contact) return conversation;
    conversation.login(contact, []);
    return conversation;
  }

  /**
   * Sends a text: it shows at once, and the promise resolves when it is stored, however long that takes. It rejects
   * when the server refuses the message for good; it then stays `failed` until `retry` or `discard`. A string as the last
   * argument is the `clientId`.
   */
  send(userId: UserId, message: string, more?: string | SendOptions): Promise<Message<User>> {
    return this.conversation(userId).send(message, more);
  }

  /** Tries to send a failed message again. */
  retry(clientId: string): Promise<Message<User>> { return this.#outbox.retry(clientId) as Promise<Message<any>>; }

  /** Removes a message from the outbox. If it has been sent already, it may still be stored. */
  discard(clientId: string): void { this.#outbox.discard(clientId); }

  /** One page of history, which is not added to the conversation; for that there is `loadOlder`. */
  getOldMessages(page: HistoryPage): Promise<{ messages: Message<User>[]; hasMore: boolean }> {
    return this.request('get-old-messages', page) as Promise<{ messages: Message<any>[]; hasMore: boolean }>;
  }

  /** Marks one message as read; `conversation(userId).markRead()` marks all. */
  async readMessage(messageId: string): Promise<Message<User>> {
    const message: Message<any> = await this.request('message-read', { messageId });
    this.#of(message).status(message);
    return message;
  }

  /** Sends data of at most 4 KiB as JSON to a contact's sockets, once, without storing it; resolves with whether the contact is online. */
  async signal(userId: UserId, data: unknown): Promise<boolean> {
    await this.ready();
    return (await this.#link.emit('signal', { userId, data })).online;
  }

  /** One page of the contacts who are online now; `after` is the `_id` of the last one of the page before. */
  activeUsers(page: Payload<'get-active-users'> = {}): Promise<{ users: Contact<User>[]; hasMore: boolean }> {
    return this.request('get-active-users', page) as Promise<{ users: Contact<any>[]; hasMore: boolean }>;
  }

  /** Stops accepting messages from another user; the history stays. A repeat changes nothing. */
  async block(userId: UserId): Promise<void> {
    this.#blocks.set(userId, (await this.request('block-user', { userId })).blocked);
  }

  /** Accepts messages from another user again. */
  async unblock(userId: UserId): Promise<void> {
    this.#blocks.set(userId, (await this.request('unblock-user', { userId })).blocked);
  }

  /** Everybody whom the user has blocked. From the first call on, `blocked` of each conversation is kept up to date. */
  blockedUsers(): Promise<UserDetails<User>[]> {
    return this.#blocks.load() as Promise<UserDetails<any>[]>;
  }

  /** Sets who may write to the user; absent fields stay as they are. Resolves with the new settings. */
  setPrivacy(change: Partial<Privacy> = {}): Promise<Privacy> {
    return this.request('set-privacy', change);
  }

  /** Sends any event of the protocol, repeated until it is answered, across lost connections. */
  request<Event extends keyof Requests, Given extends Payload<Event>>(event: Event, payload: Given): Promise<Result<Event, Given>> {
    return this.#link.request(event, payload);
  }

  /** Whether the user sent the message, or is about to. */
  isMine(message: ChatMessage<any> | LastMessage): boolean {
    // A message in the outbox has no sender yet.
    if (!('from' in message)) return true;
    const { from } = message;
    return userKey(typeof from === 'object' ? from._id : from) === userKey(this.userId);
  }

  protected override compute(): ChatzzState<User> {
    const conversations = [...this.#conversations.values()].filter(({ contact }) => contact);
    const time = ({ last, contact }: Conversation) => last?.createdAt ?? contact?.addedAt ?? '';
    conversations.sort((one, other) => (time(one) < time(other) ? 1 : -1));
    const unread = conversations.reduce((sum, conversation) => sum + conversation.unread, 0);
    return { state: this.state, user: this.#user, conversations, unread };
  }

  #of(message: Message<any>): Conversation<User> {
    return this.conversation(this.isMine(message) ? message.to._id : message.from._id);
  }

  #envelope({ type, data }: Envelope): void {
    switch (type) {
      case 'user-details': return this.#login(data);
      case 'new-message': return void this.#of(data).take([data]);
      case 'message-changed': return this.#of(data).edited(data);
      case 'message-status-changed': return this.#of(data).status(data);
      case 'chat-user-added': return this.#added(data);
      case 'chat-user-status-changed':
      case 'user-status-changed':
        this.conversation(data.user._id).presenceChanged(data);
        return void this.#events.emit('presence', data);
      case 'privacy-changed':
        if ('blocked' in data) this.#blocks.set(data.userId, data.blocked);
        return void this.#events.emit('privacy', data);
      case 'user-typing': return this.conversation(data.user._id).typed(data.until);
      case 'user-signal': return void this.#events.emit('signal', data.data, this.conversation(data.userId));
      case 'app-signal': return void this.#events.emit('appSignal', data.data);
      case 'error': return this.#error(ChatzzError.of(data));
      // Envelopes of later servers are ignored.
      default:
    }
  }

  #login({ user, meta, connectedUsers, moreContacts, missedMessages }: Login): void {
    this.#user = user;
    this.#meta = meta;
    for (const contact of connectedUsers) {
      const conversation = this.conversation(contact._id);
      const added = contact.addedWhileAway && !conversation.contact;
      const fresh = conversation.login(contact, missedMessages[String(contact._id)] ?? []);
      if (added) this.#events.emit('contact-added', contact, conversation);
      if (fresh.length > 0) this.#events.emit('missed', fresh, conversation);
    }
    this.changed();
    if (moreContacts) this.#remaining(new Set(connectedUsers.map(({ _id }) => String(_id)))).catch(this.#unlessClosed);
  }

  /** Fetches the contacts that the login had no room for. */
  async #remaining(known: Set<string>): Promise<void> {
    for (let page: Payload<'get-active-users'> = { all: true, limit: 500 }; ;) {
      const { users, hasMore } = await this.activeUsers(page);
      for (const contact of users) {
        if (!known.has(String(contact._id))) this.conversation(contact._id).login(contact as Contact<any>, []);
        page = { ...page, after: contact._id };
      }
      this.changed();
      if (!hasMore) return;
    }
  }

  #added(contact: AddedContact): void {
    const conversation = this.conversation(contact._id);
    conversation.added(contact);
    this.#events.emit('contact-added', contact, conversation);
  }

  #stateChanged(state: State, reason: string): void {
    this.changed();
    this.#events.emit('state', state, reason);
    if (state === 'connected') {
      if (this.#isKnown) this.#events.emit('reconnect', this.#loss);
      else this.#events.emit('connect');
      this.#isKnown = true;
      this.#outbox.start();
      this.#blocks.resume(this.#unlessClosed);
    } else if (reason !== 'connect') {
      if (state === 'disconnected') this.#outbox.stop();
      this.#loss = reason;
      this.#events.emit('disconnect', reason);
    }
  }

  /** Calls that the application itself ended are not reported as errors. */
  #unlessClosed = (error: ChatzzError): void => {
    if (error.code !== 'disconnected') this.#error(error);
  };

  #error(error: ChatzzError): void {
    if (!this.#events.emit('error', error)) console.error(error);
  }
}

/** Connects a user, and stays connected. `User` has the fields of the application's users: `connect<{ name: string }>(…)`. Throws a `TypeError` if an option is wrong. */
export function connect<User = AnyUser>(options: Options): Chatzz<User> {
  return new Chatzz<User>(options).connect();
}

