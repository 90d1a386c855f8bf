import { ChatzzError } from './error.js';
import { userKey } from './key.js';
import type { ChatzzStorage } from './options.js';
import { isBlank, isTooLong, tidied } from './text.js';
import { within } from './time.js';
import type { Custom, Message, Payload, UserId, WireError } from './wire.js';

/** What the server takes as a key. */
const CLIENT_ID = /^[ -~]{1,64}$/;

/** A message that the server has not stored yet, as far as this client knows. */
export interface PendingMessage extends Custom {
  clientId: string;
  /** The receiver's id. */
  to: UserId;
  message: string;
  /** When the person wrote it, by this machine's clock. */
  createdAt: string;
  /** `waiting` for the server, or `failed` for a reason that another attempt does not fix. */
  status: 'waiting' | 'failed';
  error?: ChatzzError;
}

/** How a message is sent. */
export interface SendOptions extends Custom {
  /** A key that no other message of this sender has; by default a new one. */
  clientId?: string;
}

interface Entry {
  pending: PendingMessage;
  /** Whether another page wrote it, or this one before a reload. */
  adopted: boolean;
  promise: Promise<Message>;
  resolve(message: Message): void;
  reject(error: ChatzzError): void;
}

type Kept = Omit<PendingMessage, 'error'> & { error?: { code: string; message: string } };

/** @internal */
export interface OutboxHost {
  storage: ChatzzStorage | undefined;
  key: string;
  maxChars: number | undefined;
  /** How long the storage may take, in ms. */
  storageTimeout: number;
  /** Sends until there is an answer, or until it is obsolete. */
  send(payload: Payload<'send-message'>, obsolete: () => boolean): Promise<Message>;
  stored(message: Message): void;
  changed(userId: UserId): void;
  error(error: ChatzzError): void;
  /** Waits for as long as a send may take; whether the user is logged in afterwards. */
  pause(): Promise<boolean>;
}

/**
 * @internal Messages being sent: for each receiver one after the other, in the order in which they were written.
 *
 * Pages of one user share a storage. What one of them leaves there is sent by those that log in or stay: two of them
 * may send the same message, which the server stores once.
 */
export class Outbox {
  #host: OutboxHost;
  #entries: Entry[] = [];
  /** Every message that has been here: it is not taken over again. */
  #known = new Set<string>();
  #sending = new Set<string>();
  #writing = Promise.resolve();

  constructor(host: OutboxHost) {
    this.#host = host;
    this.#adopt();
  }

  list(userId?: UserId): PendingMessage[] {
    const all = this.#entries.map(({ pending }) => pending);
    return userId === undefined ? all : all.filter(({ to }) => userKey(to) === userKey(userId));
  }

  add(to: UserId, text: string, { clientId = newClientId(), ...custom }: SendOptions): Promise<Message> {
    const known = this.#find(clientId);
    if (known) return known.promise;
    const message = tidied(text);
    const entry = entryOf({ ...custom, clientId, to, message, createdAt: new Date().toISOString(), status: 'waiting' });
    if (isBlank(message) || !CLIENT_ID.test(clientId)) {
      // There is nothing to show, and nothing that another attempt could change.
      entry.reject(new ChatzzError('bad-request', isBlank(message) ? 'the message is empty' : 'the clientId is not 1 to 64 ASCII characters'));
      return entry.promise;
    }
    this.#known.add(clientId);
    this.#entries.push(entry);
    if (isTooLong(message, this.#host.maxChars)) this.#fail(entry, new ChatzzError('message-too-long', 'the message is too long'));
    else this.#put(entry);
    return entry.promise;
  }

  retry(clientId: string): Promise<Message> {
    const entry = this.#find(clientId);
    if (!entry) return Promise.reject(new ChatzzError('discarded', 'no such message in the outbox'));
    const { pending } = entry;
    if (pending.status === 'waiting') return entry.promise;
    this.discard(clientId);
    const { to, message, error, clientId: _, ...custom } = pending;
    return this.add(to, message, error?.code === 'client-id-conflict' ? custom : { ...custom, clientId });
  }

  discard(clientId: string): void {
    this.#take(clientId)?.reject(new ChatzzError('discarded', 'the message was taken out of the outbox'));
  }

  /** The server has stored a message of this user. */
  stored(message: Message): void {
    if (message.clientId !== undefined) this.#take(message.clientId)?.resolve(message);
  }

  /** After a login: continues with all waiting messages, also those of pages that were closed. */
  start(): void {
    globalThis.addEventListener?.('storage', this.#touched);
    this.#adopt();
    this.#pumpAll();
  }

  /** Other pages do not matter any more. */
  stop(): void {
    globalThis.removeEventListener?.('storage', this.#touched);
  }

  #pumpAll(): void {
    for (const { to } of this.list()) void this.#pump(userKey(to));
  }

  #find(clientId: string): Entry | undefined {
    return this.#entries.find(({ pending }) => pending.clientId === clientId);
  }

  #take(clientId: string): Entry | undefined {
    const entry = this.#find(clientId);
    if (!entry) return undefined;
    this.#entries = this.#entries.filter((other) => other !== entry);
    this.#write((kept) => kept.filter((other) => other.clientId !== clientId));
    this.#host.changed(entry.pending.to);
    return entry;
  }

  #put({ pending }: Entry): void {
    const own = ({ clientId }: Kept) => clientId === pending.clientId;
    this.#write((kept) => (kept.some(own) ? kept.map((other) => (own(other) ? plain(pending) : other)) : [...kept, plain(pending)]));
    this.#host.changed(pending.to);
    void this.#pump(userKey(pending.to));
  }

  async #pump(userId: string): Promise<void> {
    if (this.#sending.has(userId)) return;
    this.#sending.add(userId);
    try {
      // A message is stored before the first attempt, and messages stored earlier are sent earlier.
      for (await this.#writing; ; await this.#writing) {
        const entry = this.#entries.find(({ pending }) => pending.status === 'waiting' && userKey(pending.to) === userId);
        if (!entry || !(await this.#send(entry))) return;
      }
    } finally {
      this.#sending.delete(userId);
    }
  }

  /** Sends a message; whether the next one may be sent. */
  async #send(entry: Entry): Promise<boolean> {
    const { to, createdAt: _, status: __, error: ___, ...payload } = entry.pending;
    const { clientId } = payload;
    const gone = () => !this.#entries.includes(entry);
    try {
      // A lost ack does not matter when the message itself has arrived.
      const stored = await Promise.race([this.#host.send({ ...payload, userId: to }, gone), entry.promise]);
      this.#take(clientId)?.resolve(stored);
      this.#host.stored(stored);
    } catch (error) {
      if (gone()) return true;
      if (!(error instanceof ChatzzError) || error.code === 'disconnected') return false;
      this.#fail(entry, error);
    }
    return true;
  }

  #fail(entry: Entry, error: ChatzzError): void {
    entry.pending = { ...entry.pending, status: 'failed', error };
    this.#put(entry);
    entry.reject(error);
    this.#host.error(error);
  }

  /** Takes over those of the stored messages that are not known here, and drops those that another page has removed. */
  #adopt(isLeft: (kept: Kept) => boolean = () => true): void {
    const { storage, key } = this.#host;
    if (!storage) return;
    this.#then(async () => {
      const text = storage.getItem(key);
      const kept = parse(isThenable(text) ? await this.#timely(text) : text);
      const ids = new Set(kept.map(({ clientId }) => clientId));
      for (const { adopted, pending: { clientId } } of this.#entries) if (adopted && !ids.has(clientId)) this.discard(clientId);
      const left = kept.filter((one) => !this.#known.has(one.clientId) && isLeft(one));
      const entries = left.map(({ error, ...rest }) => entryOf({ ...rest, ...(error && { error: ChatzzError.of(error) }) }, true));
      this.#entries = [...entries, ...this.#entries];
      for (const { pending } of entries) {
        this.#known.add(pending.clientId);
        this.#host.changed(pending.to);
      }
      // Not awaited: it waits for this.
      this.#pumpAll();
    });
  }

  /** Another page has changed the storage. */
  #touched = async ({ key, newValue }: StorageEvent): Promise<void> => {
    if (key !== this.#host.key) return;
    this.#adopt(() => false);
    const written = new Set(parse(newValue).map(({ clientId }) => clientId));
    // A page that is open has sent it by then; what is left was written by one that is not.
    if (await this.#host.pause()) this.#adopt(({ clientId }) => written.has(clientId));
  };

  /** Reads, changes and writes the list, without a pause if the storage is synchronous, as other pages may do the same. */
  #write(change: (kept: Kept[]) => Kept[]): void {
    const { storage, key } = this.#host;
    if (!storage) return;
    this.#then(async () => {
      const text = storage.getItem(key);
      const kept = change(parse(isThenable(text) ? await this.#timely(text) : text));
      await this.#timely(kept.length > 0 ? storage.setItem(key, JSON.stringify(kept)) : storage.removeItem(key));
    });
  }

  /** One access to the storage after the other. */
  #then(access: () => Promise<void>): void {
    this.#writing = this.#writing.then(access).catch(this.#refused);
  }

  #timely<T>(result: T | PromiseLike<T>): Promise<T> {
    return within(this.#host.storageTimeout, 'the storage', result);
  }

  #refused = (cause: unknown): void => this.#host.error(new ChatzzError('storage', 'the outbox cannot be kept', cause));
}

/** A key that no other message of this sender has. */
function newClientId(): string {
  // Pages without https have no randomUUID.
  return globalThis.crypto?.randomUUID?.() ?? [Date.now(), Math.random(), Math.random()].map((part) => part.toString(36).slice(-10)).join('-');
}

function entryOf(pending: PendingMessage, adopted = false): Entry {
  let settle!: Pick<Entry, 'resolve' | 'reject'>;
  const promise = new Promise<Message>((resolve, reject) => (settle = { resolve, reject }));
  // A failure shows in the conversation and as `error`, so a send that is not awaited must not become an uncaught error.
  promise.catch(() => {});
  return { pending, adopted, promise, ...settle };
}

/** The stored entries, without those that are damaged or not of this library. */
function parse(text: string | null | void): Kept[] {
  try {
    const kept: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(kept) ? kept.filter(isKept) : [];
  } catch {
    return [];
  }
}

function isKept(value: unknown): value is Kept {
  const { clientId, to, message, createdAt, status, error } = (value ?? {}) as { [Field in keyof Kept]?: unknown };
  const texts = [clientId, message, createdAt].every((field) => typeof field === 'string');
  const known = (status === 'waiting' || status === 'failed') && (typeof to === 'string' || typeof to === 'number');
  return texts && known && (error === undefined || typeof (error as Partial<WireError> | null)?.code === 'string');
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as Partial<PromiseLike<T>> | null)?.then === 'function';
}

function plain({ error, ...rest }: PendingMessage): Kept {
  return { ...rest, ...(error && { error: { code: error.code, message: error.message } }) };
}
