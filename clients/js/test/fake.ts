/** A server for one user in this process, which loses and refuses what a test tells it to. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Socket } from 'socket.io-client';

import { Chatzz } from '../src/index.js';
import type { Contact, Envelope, LastMessage, Message, Options, WireError } from '../src/index.js';

export const ALICE = 'alice';
export const BOB = 'bob';

/** What becomes of an event instead of its answer. */
type Fate = WireError | 'lost' | 'ack-lost';
type Answer = (late: Error | null, ...ack: unknown[]) => void;
type Handler = (...args: unknown[]) => void;

export const failure = (code: string, more: Partial<WireError> = {}): WireError => ({ code, message: `${code} it is`, ...more });

/** Waits until it holds; at most 5 s. */
export async function until(holds: () => boolean, what = 'it holds'): Promise<void> {
  const end = Date.now() + 5000;
  while (!holds()) {
    assert.ok(Date.now() < end, `not within 5 s: ${what}\n${holds}`);
    await sleep(2);
  }
}

export class FakeServer {
  /** Every message between Alice and Bob. */
  history: Message[] = [];
  alice = ALICE;
  bob = BOB;
  /** Up to here Alice has confirmed. */
  confirmed = 0;
  met = true;
  /** Whom Alice has blocked. */
  blocked: string[] = [];
  /** How many of them a page contains. */
  blockedPage = 1_000;
  contact: Partial<Contact> = {};
  /** Pages of the contacts that a login has no room for. */
  more: Contact[][] = [];
  /** Each event that arrived, in order. */
  events: { event: string; payload: any }[] = [];
  fates = new Map<string, Fate[]>();
  /** What becomes of an event that has no fate. */
  limit: (event: string) => Fate | undefined = () => undefined;
  /** The most events that waited for an answer at the same time. */
  mostWaiting = 0;
  /** What the next handshakes are refused with. */
  refusals: string[] = [];
  tokens: unknown[] = [];
  /** How far the server's clock is before this one, in ms. */
  ahead = 0;
  /** How long a token is good, in ms; for ever if absent. */
  tokenLife: number | undefined;
  #socket: FakeSocket | undefined;
  #clients: Chatzz[] = [];

  /** A client of Alice, not yet connected. */
  client(options: Partial<Options> = {}): Chatzz {
    const client = new Chatzz({
      url: 'http://fake',
      userId: this.alice,
      timing: { ackTimeout: 60, retryMin: 4, retryMax: 30, readDelay: 10 },
      io: () => (this.#socket = new FakeSocket(this)) as unknown as Socket,
      ...options,
    });
    client.on('error', () => {});
    this.#clients.push(client);
    return client;
  }

  async login(options: Partial<Options> = {}): Promise<Chatzz> {
    const client = this.client(options).connect();
    await client.ready();
    return client;
  }

  end(): void {
    for (const client of this.#clients) client.disconnect();
  }

  fail(event: string, ...fates: Fate[]): void {
    this.fates.set(event, fates);
  }

  payloads(event: string): any[] {
    return this.events.filter((seen) => seen.event === event).map(({ payload }) => payload);
  }

  /** Ends the connection. */
  cut(reason = 'transport close'): void {
    this.#socket?.drop(reason);
  }

  /** Sends an envelope; whether it was confirmed. */
  push(type: string, data: unknown): boolean {
    let confirmed = false;
    if (this.#socket?.connected) this.#socket.hear('chatzz', { type, data } as Envelope, () => (confirmed = true));
    return confirmed;
  }

  #blockedAfter(after?: string) {
    const first = after === undefined ? 0 : this.blocked.indexOf(after) + 1;
    const users = this.blocked.slice(first, first + this.blockedPage).map((_id) => ({ _id }));
    return { users, hasMore: first + users.length < this.blocked.length };
  }

  /** Stores a message, and does not tell. */
  store(from: string, message: string, more: Partial<Message> = {}): Message {
    const seq = more.seq ?? (this.history.at(-1)?.seq ?? 0) + 1;
    const stored: Message = {
      _id: seq.toString(16).padStart(24, '0'),
      createdAt: new Date(Date.UTC(2026, 10, 21) + seq * 1000).toISOString(),
      from: { _id: from },
      to: { _id: from === this.alice ? this.bob : this.alice },
      message,
      status: 'sent',
      chatRoomId: 'room',
      seq,
      ...more,
    };
    this.history.push(stored);
    return stored;
  }

  /** Stores a message and tells it. */
  say(from: string, message: string, more: Partial<Message> = {}): Message {
    const stored = this.store(from, message, more);
    this.push('new-message', stored);
    return stored;
  }

  answer(event: string, payload: any): unknown {
    switch (event) {
      case 'connect-user':
        this.push('user-details', this.#details());
        return { userId: this.alice, status: 'online', serverTime: new Date(Date.now() + this.ahead).toISOString(), protocol: 3 };
      case 'send-message': {
        const known = this.history.find(({ clientId }) => clientId === payload.clientId);
        return known ? { ...known, duplicate: true } : this.say(this.alice, payload.message, { clientId: payload.clientId, kind: payload.kind, data: payload.data });
      }
      case 'get-old-messages': {
        const { after = 0, before = Infinity, limit = 100 } = payload;
        const found = this.history.filter(({ seq }) => seq > after && seq < before);
        const messages = 'after' in payload ? found.slice(0, limit) : found.slice(-limit);
        return { messages, hasMore: found.length > limit };
      }
      case 'get-changes': {
        const { afterRev, limit } = payload;
        const found = this.history.filter(({ rev = 0 }) => rev > afterRev).sort((one, other) => one.rev! - other.rev!);
        const messages = found.slice(0, limit);
        return { messages, hasMore: found.length > limit, rev: messages.at(-1)?.rev ?? afterRev };
      }
      case 'message-read':
        return { read: 1 };
      case 'message-delivered':
        this.confirmed = payload.upTo;
        return { delivered: 0 };
      case 'refresh-token':
        return { expiresAt: this.tokenLife === undefined ? null : new Date(Date.now() + this.ahead + this.tokenLife).toISOString() };
      case 'typing':
        return {};
      case 'signal':
        return { online: true };
      case 'block-user':
      case 'unblock-user':
        this.blocked = this.blocked.filter((userId) => userId !== payload.userId);
        if (event === 'block-user') this.blocked.push(payload.userId);
        return { blocked: event === 'block-user' };
      case 'get-blocked-users':
        return this.#blockedAfter(payload.after);
      case 'set-privacy':
        return { whitelistOnly: false, whitelist: [], ...payload };
      case 'get-active-users':
        if (payload.all) return { users: this.more.shift() ?? [], hasMore: this.more.length > 0 };
        return { users: [this.#contact()], hasMore: false };
      case 'add-chat-user':
        this.met = true;
        return this.#contact();
      default:
        return assert.fail(`an unknown event: ${event}`);
    }
  }

  #contact(): Contact {
    const last = this.history.at(-1);
    const lastMessage = last && ({ ...last, from: last.from._id, to: last.to._id } as LastMessage);
    return {
      _id: this.bob, chatRoomId: 'room', status: 'online', lastOnline: null, addedBy: this.bob, addedAt: '2026-11-20T00:00:00.000Z',
      unreadCount: this.history.filter(({ from, status }) => from._id === this.bob && status !== 'read').length,
      ...(lastMessage && { lastMessage }), ...this.contact,
    };
  }

  #details() {
    const missed = this.history.filter(({ from, seq }) => from._id === this.bob && seq >= (this.contact.missedFrom ?? 0) && seq > this.confirmed);
    const cut = this.contact.missedCount === undefined ? missed : missed.slice(-2);
    return {
      user: { _id: this.alice }, status: 'online', lastOnline: null, connectedUsers: this.met ? [this.#contact()] : [], missedMessages: { [this.bob]: cut },
      ...(this.more.length > 0 && { moreContacts: true }),
    };
  }
}

class FakeSocket {
  connected = false;
  auth: { token?: string } = {};
  #server: FakeServer;
  #handlers = new Map<string, Handler>();
  #waiting = new Set<Answer>();
  #attempt = 0;

  constructor(server: FakeServer) {
    this.#server = server;
  }

  on(event: string, handler: Handler): void {
    this.#handlers.set(event, handler);
  }

  hear(event: string, ...args: unknown[]): void {
    this.#handlers.get(event)?.(...args);
  }

  connect(): void {
    const attempt = (this.#attempt += 1);
    setImmediate(() => {
      if (attempt !== this.#attempt) return;
      this.#server.tokens.push(this.auth.token);
      const refusal = this.#server.refusals.shift();
      if (refusal !== undefined) return this.hear('connect_error', new Error(refusal));
      this.connected = true;
      this.hear('connect');
    });
  }

  disconnect(): void {
    this.#attempt += 1;
    this.drop('io client disconnect');
  }

  drop(reason: string): void {
    if (!this.connected) return;
    this.connected = false;
    for (const answer of this.#waiting) answer(new Error('socket has been disconnected'));
    this.hear('disconnect', reason);
  }

  timeout(milliseconds: number) {
    return {
      emit: (event: string, payload: unknown, callback: Answer) => {
        assert.ok(this.connected, `${event} is not sent while there is no connection`);
        const answer: Answer = (...args) => {
          clearTimeout(timer);
          if (this.#waiting.delete(answer)) callback(...args);
        };
        const timer = setTimeout(() => answer(new Error('operation has timed out')), milliseconds);
        this.#waiting.add(answer);
        this.#server.mostWaiting = Math.max(this.#server.mostWaiting, this.#waiting.size);
        setImmediate(() => this.#arrive(event, payload, answer));
      },
    };
  }

  #arrive(event: string, payload: unknown, answer: Answer): void {
    if (!this.connected) return;
    this.#server.events.push({ event, payload });
    const fate = this.#server.fates.get(event)?.shift() ?? this.#server.limit(event);
    if (fate === 'lost') return;
    if (typeof fate === 'object') return answer(null, fate, null);
    const result = this.#server.answer(event, payload);
    if (fate !== 'ack-lost') answer(null, null, result);
  }
}
