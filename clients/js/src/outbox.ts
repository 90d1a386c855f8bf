import { ChatzzError } from './error.js';
import { userKey } from './key.js';
import type { ChatzzStorage } from './options.js';
import type { Message, Payload, UserId, WireError } from './wire.js';

/** A message that the server has not stored yet, as far as this client knows. */
export interface PendingMessage {
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

interface Entry {
  pending: PendingMessage;
  promise: Promise<Message>;
  resolve(message: Message): void;
  reject(error: ChatzzError): void;
}

type Kept = Omit<PendingMessage, 'error'> & { error?: { code: string; message: string } };

/** @internal */
export interface OutboxHost {
  storage: ChatzzStorage | undefined;
  key: string;
  /** Sends until there is an answer, or until it is obsolete. */
  send(payload: Payload<'send-message'>, obsolete: () => boolean): Promise<Message>;
  stored(message: Message): void;
  changed(userId: UserId): void;
  error(error: ChatzzError): void;
}

/** @internal Messages being sent: for each receiver one after the other, in the order in which they were written. */
export class Outbox {
  #host: OutboxHost;
  #entries: Entry[] = [];
  #sending = new Set<string>();
  #writing: Promise<void>;

  constructor(host: OutboxHost) {
    this.#host = host;
    this.#writing = this.#load();
  }

  list(userId?: UserId): PendingMessage[] {
    const all = this.#entries.map(({ pending }) => pending);
    return userId === undefined ? all : all.filter(({ to }) => userKey(to) === userKey(userId));
  }

  add(to: UserId, message: string, clientId: string): Promise<Message> {
    const known = this.#find(clientId);
    if (known) return known.promise;
    const entry = entryOf({ clientId, to, message, createdAt: new Date().toISOString(), status: 'waiting' });
    this.#entries.push(entry);
    this.#put(entry);
    return entry.promise;
  }

  retry(clientId: string): Promise<Message> {
    const entry = this.#find(clientId);
    if (!entry) return Promise.reject(new ChatzzError('discarded', 'no such message in the outbox'));
    const { pending } = entry;
    if (pending.status === 'waiting') return entry.promise;
    this.discard(clientId);
    return this.add(pending.to, pending.message, pending.error?.code === 'client-id-conflict' ? newClientId() : clientId);
  }

  discard(clientId: string): void {
    this.#take(clientId)?.reject(new ChatzzError('discarded', 'the message was taken out of the outbox'));
  }

  /** The server has stored a message of this user. */
  stored(message: Message): void {
    if (message.clientId !== undefined) this.#take(message.clientId)?.resolve(message);
  }

  /** Continues with all waiting messages. */
  start(): void {
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
    const { clientId, to, message } = entry.pending;
    const gone = () => !this.#entries.includes(entry);
    try {
      // A lost ack does not matter when the message itself has arrived.
      const stored = await Promise.race([this.#host.send({ userId: to, message, clientId }, gone), entry.promise]);
      this.#take(clientId)?.resolve(stored);
      this.#host.stored(stored);
    } catch (error) {
      if (gone()) return true;
      if (!(error instanceof ChatzzError) || error.code === 'disconnected') return false;
      entry.pending = { ...entry.pending, status: 'failed', error };
      this.#put(entry);
      entry.reject(error);
      this.#host.error(error);
    }
    return true;
  }

  async #load(): Promise<void> {
    const { storage, key } = this.#host;
    const text = await Promise.resolve().then(() => storage?.getItem(key)).catch(this.#refused);
    const kept = parse(text).map(({ error, ...rest }) => entryOf({ ...rest, ...(error && { error: ChatzzError.of(error) }) }));
    this.#entries = [...kept.filter(({ pending }) => !this.#find(pending.clientId)), ...this.#entries];
    for (const { pending } of kept) this.#host.changed(pending.to);
    // Not awaited: it waits for this call.
    this.start();
  }

  /** Reads, changes and writes the list, without a pause if the storage is synchronous, as other pages may do the same. */
  #write(change: (kept: Kept[]) => Kept[]): void {
    const { storage, key } = this.#host;
    if (!storage) return;
    this.#writing = this.#writing.then(async () => {
      const text = storage.getItem(key);
      const kept = change(parse(isThenable(text) ? await text : text));
      await (kept.length > 0 ? storage.setItem(key, JSON.stringify(kept)) : storage.removeItem(key));
    }).catch(this.#refused);
  }

  #refused = (cause: unknown): void => this.#host.error(new ChatzzError('storage', 'the outbox cannot be kept', cause));
}

/** @internal A key that no other message of this sender has. */
export function newClientId(): string {
  // Pages without https have no randomUUID.
  return globalThis.crypto?.randomUUID?.() ?? [Date.now(), Math.random(), Math.random()].map((part) => part.toString(36).slice(-10)).join('-');
}

function entryOf(pending: PendingMessage): Entry {
  let settle!: Pick<Entry, 'resolve' | 'reject'>;
  const promise = new Promise<Message>((resolve, reject) => (settle = { resolve, reject }));
  // A failure shows in the conversation and as `error`, so a send that is not awaited must not become an uncaught error.
  promise.catch(() => {});
  return { pending, promise, ...settle };
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
