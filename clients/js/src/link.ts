import { io } from 'socket.io-client';
import type { Socket } from 'socket.io-client';

import { ChatzzError, mayRetry } from './error.js';
import { Lane } from './lane.js';
import { TIMING, queryOf } from './options.js';
import type { Options, Timing } from './options.js';
import { People } from './people.js';
import { now, within } from './time.js';
import { keepToken } from './token.js';
import type { Ack, Envelope, Payload, Requests, Result } from './wire.js';

/**
 * `connected`: logged in. `reconnecting`: trying to log in, also the first time.
 * `disconnected`: not trying, before `connect`, after `disconnect` and after a final refusal.
 */
export type State = 'connected' | 'disconnected' | 'reconnecting';

/** @internal */
export interface LinkEvents {
  state(state: State, reason: string): void;
  /** An attempt to connect failed for the first time since the last login; it goes on. */
  trouble(error: ChatzzError): void;
  envelope(envelope: Envelope): void;
  error(error: ChatzzError): void;
}

/** @internal */
export interface RequestOptions {
  /** Whether no (further) attempt is wanted. */
  obsolete?: () => boolean;
  /** Nobody waits for it: others are sent first. */
  background?: boolean;
}

interface Waiter {
  resolve(): void;
  reject(error: ChatzzError): void;
}

/** @internal A connection that is logged in, or trying to be. */
export class Link {
  state: State = 'disconnected';
  readonly timing: Timing;
  #options: Options;
  #on: LinkEvents;
  #socket: Socket;
  /** Grows with each connection, so that code of an older one can detect it. */
  #epoch = 0;
  #token: string | undefined;
  /** How far the server's clock is ahead of `now`, in ms. */
  #ahead = Date.now() - now();
  #pause: number;
  /** How long the server wants the next attempt to wait, at least, in ms. */
  #least = 0;
  /** Whether it was reported why there is no login. */
  #isReported = false;
  /** Why the client is not trying to connect. */
  #why = closed();
  #waiters: Waiter[] = [];
  /** Waits that only `close` ends, and waits that a lost connection ends too. */
  #sleepers = new Set<() => void>();
  #dozers = new Set<() => void>();
  #lanes = new Map<string, Lane>();
  #people = new People();
  /** Ends the pause before the next attempt, if there is one. */
  #hurry: (() => void) | undefined;

  constructor(options: Options, on: LinkEvents) {
    this.#options = options;
    this.#on = on;
    this.timing = { ...TIMING, ...options.timing };
    this.#pause = this.timing.retryMin;
    const socket = (options.io ?? io)(options.url, {
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      ...options.socket,
      // Also where the deployment speaks dialect 1 to front ends that do not say so.
      query: { ...queryOf(options.url), ...options.socket?.query, dialect: '3' },
      // Each attempt needs a fresh token, and the stock reconnects stop after a refusal: both are handled here.
      autoConnect: false,
      forceNew: true,
      reconnection: false,
    });
    this.#socket = socket;
    socket.on('connect', () => void this.#login());
    socket.on('disconnect', (reason) => this.#lost(reason));
    socket.on('connect_error', (error) => this.#refused(ChatzzError.ofHandshake(error, options.url)));
    socket.on('chatzz', (envelope: Envelope, confirm?: () => void) => {
      this.#people.complete(envelope.data);
      on.envelope(envelope);
      confirm?.();
    });
  }

  open(): void {
    if (this.state !== 'disconnected') return;
    this.#pause = this.timing.retryMin;
    this.#isReported = false;
    globalThis.addEventListener?.('online', this.#online);
    this.#set('reconnecting', 'connect');
    void this.#attempt();
  }

  /** Ends everything; calls that wait for the login are rejected with the reason. */
  close(reason: string, error = closed()): void {
    if (this.state === 'disconnected') return;
    this.#epoch += 1;
    this.#why = error;
    globalThis.removeEventListener?.('online', this.#online);
    this.state = 'disconnected';
    this.#socket.disconnect();
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
    for (const wake of [...this.#sleepers, ...this.#dozers]) wake();
    // Last, because a listener may connect again.
    this.#on.state('disconnected', reason);
  }

  /** Resolves when logged in. */
  ready(): Promise<void> {
    if (this.state === 'connected') return Promise.resolve();
    if (this.state === 'disconnected') return Promise.reject(this.#why);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Repeats what may be repeated until there is an answer, across lost connections. */
  async request<Event extends keyof Requests, Given extends Payload<Event>>(
    event: Event, payload: Given, { obsolete = () => false, background = false }: RequestOptions = {},
  ): Promise<Result<Event, Given>> {
    const lane = this.#lanes.get(event) ?? new Lane();
    this.#lanes.set(event, lane);
    for (let tries = 1, pause = this.timing.retryMin; ; tries += 1, pause = this.#longer(pause)) {
      await lane.enter(background);
      try {
        await this.ready().catch((cause: ChatzzError) => {
          throw cause.code === 'disconnected' ? cause : new ChatzzError('disconnected', cause.message, cause);
        });
        // A request that was abandoned during the wait is not sent.
        if (obsolete()) throw new ChatzzError('discarded', `${event} is not wanted any more`);
        return await this.emit(event, payload);
      } catch (error) {
        if (!(error instanceof ChatzzError) || obsolete() || !mayRetry(error, tries)) throw error;
        if (error.code === 'rate-limited') {
          // Somewhat longer, so that there is more than one to go on with.
          lane.rest(this.sleep((error.retryAfterMs ?? 0) + 2 * this.timing.retryMin));
          continue;
        }
      } finally {
        lane.leave();
      }
      // After a lost connection, wait for the login.
      if (this.state === 'connected') await this.sleep(jittered(pause));
    }
  }

  /** One attempt. */
  emit<Event extends keyof Requests, Given extends Payload<Event>>(event: Event, payload: Given): Promise<Result<Event, Given>> {
    return new Promise((resolve, reject) => {
      const lost = (cause?: Error) => reject(new ChatzzError('timeout', `no answer to ${event}`, cause));
      // A socket that is not connected would keep the event and send it before the next login.
      if (!this.#socket.connected) return lost();
      this.#socket.timeout(this.timing.ackTimeout).emit(event, payload, (late: Error | null, ...[error, result]: Ack<Event>) => {
        if (late) lost(late);
        else if (error) reject(ChatzzError.of(error));
        else resolve(this.#people.complete(result) as Result<Event, Given>);
      });
    });
  }

  /** The time by the server's clock. */
  serverNow(): number {
    return now() + this.#ahead;
  }

  /** A pause that `close` ends; with `connected`, a lost connection ends it too. */
  sleep(milliseconds: number, connected = false): Promise<void> {
    const sleepers = connected ? this.#dozers : this.#sleepers;
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        sleepers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      sleepers.add(wake);
    });
  }

  #online = () => this.#hurry?.();

  async #attempt(): Promise<void> {
    const epoch = (this.#epoch += 1);
    try {
      this.#token = this.#options.getToken ? await this.#askToken(this.#options.getToken) : this.#options.token;
    } catch (cause) {
      if (epoch !== this.#epoch) return;
      this.#trouble(new ChatzzError('unauthorized', 'getToken failed', cause));
      return this.#later(epoch);
    }
    if (epoch !== this.#epoch) return;
    this.#socket.auth = this.#token === undefined ? {} : { token: this.#token };
    this.#socket.connect();
  }

  /** A fresh token; the application may take as long as the server. */
  #askToken(getToken: () => string | Promise<string>): Promise<string> {
    return within(this.timing.ackTimeout, 'getToken', getToken());
  }

  async #login(): Promise<void> {
    const epoch = this.#epoch;
    try {
      const { userId } = this.#options;
      const { serverTime } = await this.emit('connect-user', { userId, deliveryAcks: true, compact: true, protocol: 3 });
      if (epoch !== this.#epoch || !this.#socket.connected) return;
      this.#ahead = Date.parse(serverTime) - now();
      this.#pause = this.timing.retryMin;
      this.#isReported = false;
      this.#set('connected', 'login');
      for (const waiter of this.#waiters.splice(0)) waiter.resolve();
      const { getToken } = this.#options;
      if (!getToken || this.#token === undefined) return;
      const alive = () => epoch === this.#epoch && this.state === 'connected';
      await keepToken(this, this.#token, () => this.#askToken(getToken), alive, this.#on.error);
    } catch (error) {
      if (epoch !== this.#epoch || !(error instanceof ChatzzError)) return;
      if (!mayRetry(error, 1)) return this.#fail(error);
      this.#least = error.retryAfterMs ?? 0;
      this.#trouble(error);
      if (epoch === this.#epoch) this.#socket.disconnect();
    }
  }

  #lost(reason: string): void {
    if (this.state === 'disconnected') return;
    const epoch = this.#epoch;
    if (this.state !== 'connected') this.#trouble(new ChatzzError('unreachable', `the connection ended before the login: ${reason}`));
    this.#set('reconnecting', reason);
    for (const wake of [...this.#dozers]) wake();
    void this.#later(epoch);
  }

  #refused(error: ChatzzError): void {
    if (this.state === 'disconnected') return;
    const epoch = this.#epoch;
    const hopeless = error.code === 'unauthorized' && !this.#options.getToken;
    if (hopeless || !mayRetry(error, 1)) return this.#fail(error);
    this.#trouble(error);
    void this.#later(epoch);
  }

  /** Tells of a failed attempt, once; of a token at each, since the application has to do something about it. */
  #trouble(error: ChatzzError): void {
    if (this.#isReported) {
      if (error.code === 'unauthorized') this.#on.error(error);
    } else {
      this.#isReported = true;
      this.#on.trouble(error);
    }
  }

  #fail(error: ChatzzError): void {
    this.close(error.code, error);
    this.#on.error(error);
  }

  /** Tries again after a pause, unless a listener to this epoch's end has disconnected or connected again. */
  async #later(ended: number): Promise<void> {
    if (ended !== this.#epoch) return;
    const epoch = (this.#epoch += 1);
    const pause = Math.max(jittered(this.#pause), this.#least);
    this.#least = 0;
    this.#pause = this.#longer(this.#pause);
    await Promise.race([this.sleep(pause), new Promise<void>((resolve) => (this.#hurry = resolve))]);
    this.#hurry = undefined;
    if (epoch === this.#epoch) await this.#attempt();
  }

  #longer(pause: number): number {
    return Math.min(pause * 2, this.timing.retryMax);
  }

  #set(state: State, reason: string): void {
    if (state === this.state) return;
    this.state = state;
    this.#on.state(state, reason);
  }
}

function closed(): ChatzzError {
  return new ChatzzError('disconnected', 'the client is disconnected');
}

/** Between half and one and a half times as long, so that clients do not all come back at once. */
function jittered(pause: number): number {
  return pause * (0.5 + Math.random());
}
