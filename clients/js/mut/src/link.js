import { io } from 'socket.io-client';
import { ChatzzError, mayRetry } from './error.js';
import { TIMING } from './options.js';
import { keepToken } from './token.js';
/** @internal A connection that is logged in, or on its way to be. */
export class Link {
    state = 'disconnected';
    timing;
    #options;
    #on;
    #socket;
    /** Grows with each connection, so that what belongs to an older one can tell. */
    #epoch = 0;
    #token;
    #pause;
    /** Why nobody tries to connect. */
    #why = closed();
    #waiters = [];
    #sleepers = new Set();
    /** Ends the pause before the next attempt, if there is one. */
    #hurry;
    constructor(options, on) {
        this.#options = options;
        this.#on = on;
        this.timing = { ...TIMING, ...options.timing };
        this.#pause = this.timing.retryMin;
        const socket = (options.io ?? io)(options.url, {
            transports: ['websocket', 'polling'],
            tryAllTransports: true,
            ...options.socket,
            // Each try needs a token of its own, and the stock reconnects stop after a refusal: both are done here.
            autoConnect: false,
            forceNew: true,
            reconnection: false,
        });
        this.#socket = socket;
        socket.on('connect', () => void this.#login());
        socket.on('disconnect', (reason) => this.#lost(reason));
        socket.on('connect_error', (error) => this.#refused(ChatzzError.ofHandshake(error)));
        socket.on('chatzz', (envelope, confirm) => {
            on.envelope(envelope);
            confirm?.();
        });
    }
    open() {
        if (this.state !== 'disconnected')
            return;
        this.#pause = this.timing.retryMin;
        globalThis.addEventListener?.('online', this.#online);
        this.#set('reconnecting', 'connect');
        void this.#attempt();
    }
    /** Ends everything; who waits for the login is told why. */
    close(reason, error = closed()) {
        if (this.state === 'disconnected')
            return;
        this.#epoch += 1;
        this.#why = error;
        globalThis.removeEventListener?.('online', this.#online);
        this.#set('disconnected', reason);
        this.#socket.disconnect();
        for (const waiter of this.#waiters.splice(0))
            waiter.reject(error);
        for (const wake of [...this.#sleepers])
            wake();
    }
    /** Resolves when logged in. */
    ready() {
        if (this.state === 'connected')
            return Promise.resolve();
        if (this.state === 'disconnected')
            return Promise.reject(this.#why);
        return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
    }
    /** Repeats what may be repeated until there is an answer, through losses of the connection. */
    async request(event, payload, obsolete = () => false) {
        for (let tries = 1, pause = this.timing.retryMin;; tries += 1, pause = this.#longer(pause)) {
            await this.ready().catch((cause) => {
                throw cause.code === 'disconnected' ? cause : new ChatzzError('disconnected', cause.message, cause);
            });
            try {
                return await this.emit(event, payload);
            }
            catch (error) {
                if (!(error instanceof ChatzzError) || obsolete() || !mayRetry(error, tries))
                    throw error;
                // After a loss the login is what is waited for.
                if (this.state === 'connected')
                    await this.sleep(error.retryAfterMs ?? jittered(pause));
                if (obsolete())
                    throw error;
            }
        }
    }
    /** One try. */
    emit(event, payload) {
        return new Promise((resolve, reject) => {
            const lost = (cause) => reject(new ChatzzError('timeout', `no answer to ${event}`, cause));
            // A socket that is not connected would keep the event and send it before the next login.
            if (!this.#socket.connected)
                return lost();
            this.#socket.timeout(this.timing.ackTimeout).emit(event, payload, (late, ...[error, result]) => {
                if (late)
                    lost(late);
                else if (error)
                    reject(ChatzzError.of(error));
                else
                    resolve(result);
            });
        });
    }
    /** A pause, which `close` ends. */
    sleep(milliseconds) {
        return new Promise((resolve) => {
            const wake = () => {
                clearTimeout(timer);
                this.#sleepers.delete(wake);
                resolve();
            };
            const timer = setTimeout(wake, milliseconds);
            this.#sleepers.add(wake);
        });
    }
    #online = () => this.#hurry?.();
    async #attempt() {
        const epoch = (this.#epoch += 1);
        try {
            this.#token = this.#options.getToken ? await this.#options.getToken() : this.#options.token;
        }
        catch (cause) {
            if (epoch === this.#epoch) {
                this.#on.error(new ChatzzError('unauthorized', 'getToken failed', cause));
                void this.#later();
            }
            return;
        }
        if (epoch !== this.#epoch)
            return;
        this.#socket.auth = this.#token === undefined ? {} : { token: this.#token };
        this.#socket.connect();
    }
    async #login() {
        const epoch = this.#epoch;
        try {
            const { userId } = this.#options;
            const { serverTime } = await this.emit('connect-user', { userId, deliveryAcks: true });
            if (epoch !== this.#epoch || !this.#socket.connected)
                return;
            this.#pause = this.timing.retryMin;
            this.#set('connected', 'login');
            for (const waiter of this.#waiters.splice(0))
                waiter.resolve();
            const { getToken } = this.#options;
            if (!getToken || this.#token === undefined)
                return;
            const alive = () => epoch === this.#epoch && this.state === 'connected';
            await keepToken(this, this.#token, getToken, serverTime, alive, this.#on.error);
        }
        catch (error) {
            if (epoch !== this.#epoch || !(error instanceof ChatzzError))
                return;
            if (!mayRetry(error, 1))
                this.#fail(error);
            else
                this.#socket.disconnect();
        }
    }
    #lost(reason) {
        if (this.state === 'disconnected')
            return;
        this.#set('reconnecting', reason);
        void this.#later();
    }
    #refused(error) {
        if (this.state === 'disconnected')
            return;
        const hopeless = error.code === 'unauthorized' && !this.#options.getToken;
        if (hopeless || !mayRetry(error, 1))
            return this.#fail(error);
        if (error.code === 'unauthorized')
            this.#on.error(error);
        this.#set('reconnecting', error.message);
        void this.#later();
    }
    #fail(error) {
        this.close(error.code, error);
        this.#on.error(error);
    }
    async #later() {
        const epoch = (this.#epoch += 1);
        const pause = jittered(this.#pause);
        this.#pause = this.#longer(this.#pause);
        await Promise.race([this.sleep(pause), new Promise((resolve) => (this.#hurry = resolve))]);
        this.#hurry = undefined;
        if (epoch === this.#epoch)
            await this.#attempt();
    }
    #longer(pause) {
        return Math.min(pause * 2, this.timing.retryMax);
    }
    #set(state, reason) {
        if (state === this.state)
            return;
        this.state = state;
        this.#on.state(state, reason);
    }
}
function closed() {
    return new ChatzzError('disconnected', 'the client is disconnected');
}
/** Half as long to one and a half, so that clients do not come back all at once. */
function jittered(pause) {
    return pause * (0.5 + Math.random());
}
