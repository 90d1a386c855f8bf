import { Conversation } from './conversation.js';
import { Emitter, Store } from './emitter.js';
import { ChatzzError } from './error.js';
import { Link } from './link.js';
import { Outbox, newClientId } from './outbox.js';
/** One user's chats, on one connection that is kept. */
export class Chatzz extends Store {
    userId;
    #link;
    #outbox;
    #host;
    #events = new Emitter();
    #conversations = new Map();
    #user;
    #meta;
    #loss;
    on = this.#events.on.bind(this.#events);
    once = this.#events.once.bind(this.#events);
    off = this.#events.off.bind(this.#events);
    /** Nothing is connected before `connect`. */
    constructor(options) {
        super();
        this.userId = options.userId;
        const error = (error) => this.#error(error);
        this.#link = new Link(options, {
            error,
            state: (state, reason) => this.#stateChanged(state, reason),
            envelope: (envelope) => this.#envelope(envelope),
        });
        this.#outbox = new Outbox({
            error,
            storage: options.storage,
            key: `chatzz-outbox ${options.url} ${options.userId}`,
            send: (payload, obsolete) => this.#link.request('send-message', payload, obsolete),
            stored: ({ duplicate: _, ...message }) => void this.#of(message).take([message]),
            changed: (userId) => this.conversation(userId).pendingChanged(),
        });
        this.#host = {
            error: (error) => error.code === 'disconnected' || this.#error(error),
            link: this.#link,
            outbox: this.#outbox,
            pageSize: options.pageSize ?? 50,
            isMine: (message) => this.isMine(message),
            changed: () => this.changed(),
            arrived: (messages, conversation) => {
                for (const message of messages)
                    this.#events.emit('message', message, conversation);
                this.#events.emit('messages', messages, conversation);
            },
        };
    }
    get state() { return this.#link.state; }
    /** Oneself, once logged in. */
    get user() { return this.#user; }
    /** What the application gave with the login, with `CHATZZ_AUTH=webhook`. */
    get meta() { return this.#meta; }
    get conversations() { return this.snapshot().conversations; }
    get unread() { return this.snapshot().unread; }
    isConnected() { return this.state === 'connected'; }
    isDisconnected() { return this.state === 'disconnected'; }
    isReconnecting() { return this.state === 'reconnecting'; }
    /** Connects, and keeps connected. */
    connect() {
        this.#link.open();
        return this;
    }
    /** Logs out. What waits in the outbox stays there for the next `connect`. */
    disconnect() {
        this.#link.close('client');
    }
    /** Resolves when logged in; rejects when it became clear that this will not be. */
    ready() {
        return this.#link.ready();
    }
    /** Everything with one other person: the same object at each call. */
    conversation(userId) {
        const key = String(userId);
        const known = this.#conversations.get(key);
        if (known)
            return known;
        const conversation = new Conversation(this.#host, userId);
        this.#conversations.set(key, conversation);
        return conversation;
    }
    /** Opens the chat room with somebody; a repeat changes nothing. */
    async addContact(userId) {
        const contact = await this.request('add-chat-user', { userToAdd: userId });
        const conversation = this.conversation(contact._id);
        if (conversation.contact)
            return conversation;
        conversation.login(contact, []);
        return conversation;
    }
    /**
     * Sends a text: it shows at once, and the promise resolves when it is stored, however long that takes. It rejects
     * when the server refuses it for good; the message then stays as `failed` until `retry` or `discard`.
     */
    send(userId, message, clientId = newClientId()) {
        return this.#outbox.add(userId, message, clientId);
    }
    /** Tries a failed message again. */
    retry(clientId) { return this.#outbox.retry(clientId); }
    /** Takes a message out of the outbox. One that is on its way may be stored all the same. */
    discard(clientId) { this.#outbox.discard(clientId); }
    /** One page of history, which the conversation does not take over; for that there is `loadOlder`. */
    getOldMessages(page) {
        return this.request('get-old-messages', page);
    }
    /** Reads one message; `conversation(userId).markRead()` reads all. */
    async readMessage(messageId) {
        const message = await this.request('message-read', { messageId });
        this.#status(message);
        return message;
    }
    /** Any event of the protocol: repeated until it is answered, through losses of the connection. */
    request(event, payload) {
        return this.#link.request(event, payload);
    }
    /** Whether the user sent it. */
    isMine({ from }) {
        return String(typeof from === 'object' ? from._id : from) === String(this.userId);
    }
    compute() {
        const conversations = [...this.#conversations.values()].filter(({ contact }) => contact);
        const time = ({ last, contact }) => last?.createdAt ?? contact?.addedAt ?? '';
        conversations.sort((one, other) => (time(one) < time(other) ? 1 : -1));
        const unread = conversations.reduce((sum, conversation) => sum + conversation.unread, 0);
        return { state: this.state, user: this.#user, conversations, unread };
    }
    #of(message) {
        return this.conversation(this.isMine(message) ? message.to._id : message.from._id);
    }
    #envelope({ type, data }) {
        switch (type) {
            case 'user-details': return this.#login(data);
            case 'new-message': return void this.#of(data).take([data]);
            case 'message-status-changed': return this.#status(data);
            case 'chat-user-added': return this.#added(data);
            case 'chat-user-status-changed':
            case 'user-status-changed':
                this.conversation(data.user._id).presenceChanged(data);
                return void this.#events.emit('presence', data);
            case 'error': return this.#error(ChatzzError.of(data));
            // What a later server may send is ignored.
            default:
        }
    }
    #login({ user, meta, connectedUsers, missedMessages }) {
        this.#user = user;
        this.#meta = meta;
        for (const contact of connectedUsers) {
            const conversation = this.conversation(contact._id);
            const fresh = conversation.login(contact, missedMessages[conversation.userId] ?? []);
            if (fresh.length > 0)
                this.#events.emit('missed', fresh, conversation);
        }
        this.changed();
    }
    #added(contact) {
        const conversation = this.conversation(contact._id);
        conversation.added(contact);
        this.#events.emit('contact-added', contact, conversation);
    }
    #status(change) {
        const conversation = this.#of(change);
        const changed = conversation.status(change);
        if (changed.length > 0)
            this.#events.emit('status', changed, conversation);
    }
    #stateChanged(state, reason) {
        this.changed();
        this.#events.emit('state', state, reason);
        if (state === 'connected') {
            if (this.#loss === undefined)
                this.#events.emit('connect');
            else
                this.#events.emit('reconnect', this.#loss);
            this.#outbox.start();
        }
        else if (reason !== 'connect') {
            this.#loss = reason;
            this.#events.emit('disconnect', reason);
        }
    }
    #error(error) {
        if (!this.#events.emit('error', error))
            console.error(error);
    }
}
/** Connects a user, and keeps connected. */
export function connect(options) {
    return new Chatzz(options).connect();
}
