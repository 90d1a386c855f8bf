// Made of docs/openapi.json by `npm run generate`: do not edit.

export interface paths {
    "/v1/chat-rooms": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The chat room of two users
         * @description Needs a key with the scope `read`.
         */
        get: operations["findChatRoom"];
        /**
         * Opens the chat room of two users; the same one however often
         * @description Needs a key with the scope `send`.
         */
        put: operations["openChatRoom"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/chat-rooms/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A chat room, and how far its two people got
         * @description Needs a key with the scope `read`.
         */
        get: operations["getChatRoom"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/chat-rooms/{id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A page of a conversation; reading marks nothing
         * @description Needs a key with the scope `read`.
         */
        get: operations["listMessages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/chat-rooms/{id}/redact": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Removes what messages of a chat room say, up to 500 at a time
         * @description Needs a key with the scope `manage`.
         */
        post: operations["redactChatRoom"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What happened since a cursor, in order; may wait for it
         * @description Needs a key with the scope `events`.
         */
        get: operations["listEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events that were pushed and not taken, and were set aside
         * @description Needs a key with the scope `events`.
         */
        get: operations["listLetters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/letters/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Has an event that was set aside pushed again
         * @description Needs a key with the scope `events`.
         */
        post: operations["retryLetter"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sends a message as a user
         * @description Needs a key with the scope `send`.
         */
        post: operations["sendMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A message as it is now
         * @description Needs a key with the scope `read`.
         */
        get: operations["getMessage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/{id}/redact": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Removes what a message says, for both people and for ever
         * @description Needs a key with the scope `manage`.
         */
        post: operations["redactMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sends up to 500 messages as users, each with a result of its own
         * @description Needs a key with the scope `send`.
         */
        post: operations["sendBatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Brings in messages that people sent before, one a line
         * @description Needs a key with the scope `import`.
         */
        post: operations["importMessages"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * This document
         * @description Any key may make this call.
         */
        get: operations["getOpenapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/presence": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Which of up to 1,000 users are online at any server
         * @description Needs a key with the scope `read`.
         */
        post: operations["getPresence"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How much there is, about
         * @description Needs a key with the scope `read`.
         */
        get: operations["getStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/unread": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * How many unread messages up to 1,000 users have
         * @description Needs a key with the scope `read`.
         */
        post: operations["getUnread"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A user, and whether they are online at any server
         * @description Needs a key with the scope `read`.
         */
        get: operations["getUser"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}/blocks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whom a user blocked, the first blocked first
         * @description Needs a key with the scope `read`.
         */
        get: operations["listBlocked"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}/blocks/{other}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Lets a user block another one
         * @description Needs a key with the scope `manage`.
         */
        put: operations["blockUser"];
        post?: never;
        /**
         * Lets a user unblock another one
         * @description Needs a key with the scope `manage`.
         */
        delete: operations["unblockUser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}/chat-rooms": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The chat rooms of a user, with unread counts and last messages
         * @description Needs a key with the scope `read`.
         */
        get: operations["listChatRooms"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}/delivered": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Marks what has arrived at a user from another one as sent
         * @description Needs a key with the scope `manage`.
         */
        post: operations["markDelivered"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}/erase": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Removes what is stored of a user; may be repeated until it is done
         * @description Needs a key with the scope `privacy`.
         */
        post: operations["eraseUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Everything that is stored of a user, one thing a line
         * @description Needs a key with the scope `privacy`.
         */
        get: operations["exportUser"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}/privacy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who may write to a user
         * @description Needs a key with the scope `read`.
         */
        get: operations["getPrivacy"];
        /**
         * Sets who may write to a user
         * @description Needs a key with the scope `manage`.
         */
        put: operations["setPrivacy"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Marks what a user received from another one as read
         * @description Needs a key with the scope `manage`.
         */
        post: operations["markRead"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}/signals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Hands something to the devices of a user who are connected, unstored
         * @description Needs a key with the scope `send`.
         */
        post: operations["sendSignal"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}/sockets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Ends the sockets of a user at all servers
         * @description Needs a key with the scope `manage`.
         */
        delete: operations["endSockets"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description Whether a user is blocked. */
        Blocked: {
            /** @description As it is from now on. */
            blocked: boolean;
        };
        BlockedUser: {
            since: components["schemas"]["Date"];
            userId: components["schemas"]["UserId"];
        };
        /** @description Whom a user blocked. */
        BlockedUsers: {
            /** @description Whether there are more: continue with the last one as `after`. */
            hasMore: boolean;
            /** @description The ids of the users, the first blocked first. */
            users: components["schemas"]["UserId"][];
        };
        /** @description A rule that may be set aside. */
        Bypass: "block" | "rule";
        /** @description A chat room. */
        ChatRoom: {
            _id: string;
            addedAt: components["schemas"]["Date"];
            addedBy: components["schemas"]["UserId"];
            /** @description Its newest message, also one that is withheld from one of the two. */
            lastMessage?: components["schemas"]["Message"];
            /** @description Its two people. */
            members: components["schemas"]["Member"][];
        };
        /**
         * @description A stable error code. `docs/protocol.md` says what a client may conclude.
         * @enum {string}
         */
        Code: "bad-request" | "unauthorized" | "forbidden" | "not-connected" | "already-connected" | "user-not-found" | "cannot-add-self" | "no-chat-room" | "message-not-found" | "message-too-long" | "client-id-conflict" | "blocked" | "refused" | "rate-limited" | "overloaded" | "unavailable" | "unknown-outcome" | "internal";
        /** @description A person with whom the user has a chat room. */
        Contact: {
            _id: components["schemas"]["UserId"];
            addedAt: components["schemas"]["Date"];
            addedBy: components["schemas"]["UserId"];
            addedWhileAway?: boolean;
            chatRoomId: string;
            /** @description `true` if the application has deleted this user. */
            deleted?: boolean;
            lastMessage?: components["schemas"]["LastMessage"];
            lastOnline: components["schemas"]["Date"] | null;
            /** Format: int64 */
            missedCount?: number;
            /** Format: int64 */
            missedFrom?: number;
            /** Format: int64 */
            rev?: number;
            status: components["schemas"]["Presence"];
            /** Format: int64 */
            unreadCount: number;
        } & {
            [key: string]: unknown;
        };
        ContactAdded: {
            chatRoom: components["schemas"]["OpenedChatRoom"];
        };
        /** @description The chat rooms of a user, each with the other person as the user is shown them. */
        Contacts: {
            contacts: components["schemas"]["Contact"][];
            hasMore: boolean;
        };
        /**
         * Format: date-time
         * @description RFC 3339, UTC, with milliseconds.
         */
        Date: string;
        /** @description How many messages have arrived. */
        Delivered: {
            /**
             * Format: uint64
             * @description Those that were not sent before.
             */
            delivered: number;
        };
        /** @description How many sockets were ended. */
        Ended: {
            /**
             * Format: uint
             * @description Those at the server that was asked; the other servers end theirs as well.
             */
            ended: number;
        };
        /** @description A line of the answer. */
        ErasureLine: {
            /**
             * Format: uint64
             * @description Chat rooms in which the user had a part.
             */
            chatRooms: number;
            /** @constant */
            kind: "progress";
            /**
             * Format: uint64
             * @description Block lists and whitelists of others that do not name the user any more.
             */
            lists: number;
            /**
             * Format: uint64
             * @description Messages of the user that say nothing any more.
             */
            messages: number;
        } | {
            /**
             * Format: uint64
             * @description Chat rooms in which the user had a part.
             */
            chatRooms: number;
            /** @description Always `true`. */
            end: boolean;
            /**
             * @description Collections of chatzz 1.x, kept by `chatzz adopt`, that an erasure does not reach:
             *     drop them, since they may name the user. Absent if there are none.
             */
            kept?: string[];
            /** @constant */
            kind: "end";
            /**
             * Format: uint64
             * @description Block lists and whitelists of others that do not name the user any more.
             */
            lists: number;
            /**
             * Format: uint64
             * @description Messages of the user that say nothing any more.
             */
            messages: number;
        } | {
            /** @description As in the answer to another call. */
            code: components["schemas"]["Code"];
            detail: string;
            /** @constant */
            kind: "error";
        };
        /** @description Something that happened, with what it is about as it is now. */
        Event: {
            /** @description Of pulled events: write it as `after` to go on behind this one. */
            cursor?: string | null;
            data: components["schemas"]["MessageCreated"];
            /** @description The same however often the event is delivered: leave out what you had. */
            id: string;
            /** @description When it happened. */
            timestamp: components["schemas"]["Date"];
            /** @constant */
            type: "message.created";
        } | {
            /** @description Of pulled events: write it as `after` to go on behind this one. */
            cursor?: string | null;
            data: components["schemas"]["MessageRead"];
            /** @description The same however often the event is delivered: leave out what you had. */
            id: string;
            /** @description When it happened. */
            timestamp: components["schemas"]["Date"];
            /** @constant */
            type: "message.read";
        } | {
            /** @description Of pulled events: write it as `after` to go on behind this one. */
            cursor?: string | null;
            data: components["schemas"]["MessageRedacted"];
            /** @description The same however often the event is delivered: leave out what you had. */
            id: string;
            /** @description When it happened. */
            timestamp: components["schemas"]["Date"];
            /** @constant */
            type: "message.redacted";
        } | {
            /** @description Of pulled events: write it as `after` to go on behind this one. */
            cursor?: string | null;
            data: components["schemas"]["ContactAdded"];
            /** @description The same however often the event is delivered: leave out what you had. */
            id: string;
            /** @description When it happened. */
            timestamp: components["schemas"]["Date"];
            /** @constant */
            type: "contact.added";
        } | {
            /** @description Of pulled events: write it as `after` to go on behind this one. */
            cursor?: string | null;
            data: components["schemas"]["UserBlocked"];
            /** @description The same however often the event is delivered: leave out what you had. */
            id: string;
            /** @description When it happened. */
            timestamp: components["schemas"]["Date"];
            /** @constant */
            type: "user.blocked";
        } | {
            /** @description Of pulled events: write it as `after` to go on behind this one. */
            cursor?: string | null;
            data: components["schemas"]["UserBlocked"];
            /** @description The same however often the event is delivered: leave out what you had. */
            id: string;
            /** @description When it happened. */
            timestamp: components["schemas"]["Date"];
            /** @constant */
            type: "user.unblocked";
        } | {
            /** @description Of pulled events: write it as `after` to go on behind this one. */
            cursor?: string | null;
            data: components["schemas"]["UserErased"];
            /** @description The same however often the event is delivered: leave out what you had. */
            id: string;
            /** @description When it happened. */
            timestamp: components["schemas"]["Date"];
            /** @constant */
            type: "user.erased";
        } | {
            /** @description Of pulled events: write it as `after` to go on behind this one. */
            cursor?: string | null;
            data: components["schemas"]["NotificationDue"];
            /** @description The same however often the event is delivered: leave out what you had. */
            id: string;
            /** @description When it happened. */
            timestamp: components["schemas"]["Date"];
            /** @constant */
            type: "notification.due";
        } | {
            /** @description Of pulled events: write it as `after` to go on behind this one. */
            cursor?: string | null;
            data: components["schemas"]["NotificationWithdrawn"];
            /** @description The same however often the event is delivered: leave out what you had. */
            id: string;
            /** @description When it happened. */
            timestamp: components["schemas"]["Date"];
            /** @constant */
            type: "notification.withdrawn";
        } | {
            /** @description Of pulled events: write it as `after` to go on behind this one. */
            cursor?: string | null;
            data: components["schemas"]["UserPresence2"];
            /** @description The same however often the event is delivered: leave out what you had. */
            id: string;
            /** @description When it happened. */
            timestamp: components["schemas"]["Date"];
            /** @constant */
            type: "user.online";
        } | {
            /** @description Of pulled events: write it as `after` to go on behind this one. */
            cursor?: string | null;
            data: components["schemas"]["UserPresence2"];
            /** @description The same however often the event is delivered: leave out what you had. */
            id: string;
            /** @description When it happened. */
            timestamp: components["schemas"]["Date"];
            /** @constant */
            type: "user.offline";
        };
        /** @description A page of events. */
        EventPage: {
            /** @description Write it as `after` of the next call, also if there are no events. */
            cursor: string;
            /** @description In the order in which they happened, as far as they are about the same chat room. */
            events: components["schemas"]["Event"][];
            /** @description Whether there are more already. */
            hasMore: boolean;
        };
        /** @description A chat room of the user. */
        ExportedChatRoom: {
            _id: string;
            addedAt: components["schemas"]["Date"];
            addedBy: components["schemas"]["UserId"];
            /**
             * Format: int64
             * @description Up to which `seq` a device of the user has confirmed.
             */
            deliveredUpTo: number;
            /**
             * Format: int64
             * @description Up to which `seq` the other user has read.
             */
            otherReadUpTo: number;
            readAt: components["schemas"]["Date"] | null;
            /**
             * Format: int64
             * @description Up to which `seq` the user has read, and when they last did.
             */
            readUpTo: number;
            /** @description The other user. */
            userId: components["schemas"]["UserId"];
        };
        /** @description What the user set. */
        ExportedPrivacy: {
            blocked: components["schemas"]["BlockedUser"][];
            whitelist: components["schemas"]["UserId"][];
            whitelistOnly: boolean;
        };
        /** @description The user, as far as chatzz stores them. */
        ExportedUser: {
            lastOnline: components["schemas"]["Date"] | null;
            status: components["schemas"]["Presence"];
            /** @description Whether they have ever taken part in the messenger. */
            takesPart: boolean;
            userId: components["schemas"]["UserId"];
        };
        /** @description A line of an export. */
        ExportLine: {
            /** @description Write it as `after` to go on behind this line. */
            cursor: string;
            /** @constant */
            kind: "user";
            user: components["schemas"]["ExportedUser"];
        } | {
            cursor: string;
            /** @constant */
            kind: "privacy";
            privacy: components["schemas"]["ExportedPrivacy"];
        } | {
            chatRoom: components["schemas"]["ExportedChatRoom"];
            cursor: string;
            /** @constant */
            kind: "chat-room";
        } | {
            cursor: string;
            /** @constant */
            kind: "message";
            message: components["schemas"]["Message"];
        } | {
            /**
             * Format: uint64
             * @description Chat rooms in this answer.
             */
            chatRooms: number;
            /** @description Always `true`. */
            end: boolean;
            /** @constant */
            kind: "end";
            /**
             * Format: uint64
             * @description Messages in this answer.
             */
            messages: number;
        } | {
            /** @description As in the answer to another call. */
            code: components["schemas"]["Code"];
            detail: string;
            /** @constant */
            kind: "error";
        };
        /** @description A line of the answer. */
        ImportLine: {
            /**
             * Format: uint64
             * @description Not stored: something was sent in their chat rooms before.
             */
            conflicts: number;
            /**
             * Format: uint64
             * @description Stored before under this key.
             */
            duplicates: number;
            /**
             * Format: uint64
             * @description Stored by this call.
             */
            imported: number;
            /** @constant */
            kind: "progress";
            /**
             * Format: uint64
             * @description All of them.
             */
            lines: number;
            /**
             * Format: uint64
             * @description Not stored: something in them is wrong.
             */
            refused: number;
        } | {
            /**
             * Format: uint64
             * @description Not stored: something was sent in their chat rooms before.
             */
            conflicts: number;
            /**
             * Format: uint64
             * @description Stored before under this key.
             */
            duplicates: number;
            /** @description Always `true`. */
            end: boolean;
            /** @description The first 100 lines that were not stored. */
            errors: components["schemas"]["RefusedLine"][];
            /**
             * Format: uint64
             * @description Stored by this call.
             */
            imported: number;
            /** @constant */
            kind: "end";
            /**
             * Format: uint64
             * @description All of them.
             */
            lines: number;
            /**
             * Format: uint64
             * @description Not stored: something in them is wrong.
             */
            refused: number;
        } | {
            /** @description As in the answer to another call. */
            code: components["schemas"]["Code"];
            /**
             * Format: uint64
             * @description Not stored: something was sent in their chat rooms before.
             */
            conflicts: number;
            detail: string;
            /**
             * Format: uint64
             * @description Stored before under this key.
             */
            duplicates: number;
            /** @description The first 100 lines that were not stored. */
            errors: components["schemas"]["RefusedLine"][];
            /**
             * Format: uint64
             * @description Stored by this call.
             */
            imported: number;
            /** @constant */
            kind: "error";
            /**
             * Format: uint64
             * @description All of them.
             */
            lines: number;
            /**
             * Format: uint64
             * @description Not stored: something in them is wrong.
             */
            refused: number;
        };
        /** @description A message that was sent before. */
        ImportMessage: {
            /**
             * Format: date-time
             * @description When it was sent; not before the line above it of the same two users.
             */
            createdAt: string;
            /**
             * @description What your front end makes of it.
             * @default null
             */
            data?: {
                [key: string]: unknown;
            } | null;
            /** @description The user who sent it; need never have logged in. */
            from: components["schemas"]["UserIdInput"];
            /**
             * @description Your own name for the message: 1 to 64 printable ASCII characters. Under the same one
             *     it is stored once, for ever.
             */
            key: string;
            /**
             * @description One of the kinds in your `CHATZZ_KINDS_FILE`.
             * @default null
             */
            kind?: string | null;
            /** @description The text. */
            message: string;
            /** @description The user who received it. */
            to: components["schemas"]["UserIdInput"];
            /**
             * @description `true`: the receiver has not read it yet.
             * @default false
             */
            unread?: boolean;
        };
        /** @description The newest message of a contact, with the ids of both people. */
        LastMessage: {
            _id: string;
            chatRoomId: string;
            clientId?: string;
            createdAt: components["schemas"]["Date"];
            data?: {
                [key: string]: unknown;
            };
            from: components["schemas"]["UserId"];
            kind?: string;
            message: string;
            readAt?: components["schemas"]["Date"];
            redacted?: boolean;
            /** Format: int64 */
            rev?: number;
            sentAt?: components["schemas"]["Date"];
            /** Format: int64 */
            seq: number;
            status: components["schemas"]["Status"];
            to: components["schemas"]["UserId"];
            via?: components["schemas"]["Via"];
        };
        /** @description An event that was set aside. */
        Letter: {
            /**
             * Format: int64
             * @description How often it was refused since it was set aside, or asked for.
             */
            attempts: number;
            /** @description The `id` of the event. */
            eventId: string;
            /** @description What to write into the path of a retry. */
            id: string;
            /** @description `false`: it is not tried any more, unless somebody asks for it. */
            isTried: boolean;
            /** @description Why it was not taken the last time. */
            reason: string;
            /** @description When that was. */
            since: components["schemas"]["Date"];
            /** @description When the event happened. */
            timestamp: components["schemas"]["Date"];
        };
        /** @description Events that were set aside. */
        Letters: {
            /** @description Whether there are more: continue with the `id` of the last one as `after`. */
            hasMore: boolean;
            letters: components["schemas"]["Letter"][];
        };
        /** @description What is read, or has arrived. */
        MarkRead: {
            /**
             * Format: int64
             * @description Up to which `seq`; without it everything.
             * @default null
             */
            upTo?: number | null;
            /** @description The user who sent it. */
            with: components["schemas"]["UserIdInput"];
        };
        /**
         * @description Whether something may have been stored.
         * @enum {string}
         */
        MayBeStored: "no" | "perhaps";
        /** @description One of the two people of a chat room. */
        Member: {
            /**
             * Format: int64
             * @description Up to which `seq` a device of theirs has confirmed.
             */
            deliveredUpTo: number;
            /**
             * Format: int64
             * @description Up to which `seq` they have read.
             */
            readUpTo: number;
            /**
             * Format: int64
             * @description Messages that they have not read.
             */
            unreadCount: number;
            userId: components["schemas"]["UserId"];
        };
        /** @description A message, with the ids of both people. */
        Message: {
            _id: string;
            chatRoomId: string;
            clientId?: string;
            createdAt: components["schemas"]["Date"];
            data?: {
                [key: string]: unknown;
            };
            from: components["schemas"]["UserId"];
            /** @description The application's own key, if it sent the message. */
            key?: string;
            kind?: string;
            message: string;
            readAt?: components["schemas"]["Date"];
            redacted?: boolean;
            /** Format: int64 */
            rev?: number;
            sentAt?: components["schemas"]["Date"];
            /** Format: int64 */
            seq: number;
            status: components["schemas"]["Status"];
            to: components["schemas"]["UserId"];
            via?: components["schemas"]["Via"];
            /**
             * @description `true`: the receiver never sees it, by a hook or a block, and the sender does not notice.
             *     Let neither of them know.
             */
            withheld?: boolean;
        };
        MessageCreated: {
            /** @description As it is now. */
            message: components["schemas"]["Message"];
        };
        MessageRead: {
            chatRoomId: string;
            /**
             * Format: int64
             * @description The `seq` of the first of them; those of `reader` in between do not count.
             */
            fromSeq: number;
            readAt: components["schemas"]["Date"];
            /** @description Who read them. */
            reader: components["schemas"]["UserId"];
            /** @description Who sent them. */
            sender: components["schemas"]["UserId"];
            /**
             * Format: int64
             * @description The `seq` of the last of them.
             */
            upToSeq: number;
        };
        MessageRedacted: {
            chatRoomId: string;
            /** @description The ids of the messages. */
            messageIds: string[];
        };
        /** @description What became of a message: the message, or a problem. */
        MessageResult: {
            message?: components["schemas"]["SentMessage"];
            problem?: components["schemas"]["Problem"];
            /**
             * Format: uint16
             * @description The status that the message would have been answered alone.
             */
            status: number;
        };
        /** @description Messages of a chat room, ascending. */
        Messages: {
            /** @description Whether there are more in the direction asked for. */
            hasMore: boolean;
            messages: components["schemas"]["Message"][];
        };
        NotificationDue: {
            /**
             * Format: int64
             * @description Messages in all chat rooms that they have not read, for the icon of the app.
             */
            badge: number;
            chatRoomId: string;
            /**
             * Format: int64
             * @description Messages in this chat room that they have not read, at least 1.
             */
            count: number;
            /** @description The newest of the messages. */
            message: components["schemas"]["Message"];
            /**
             * Format: int64
             * @description The `seq` of `message`.
             */
            upToSeq: number;
            /** @description Who is to be notified. */
            userId: components["schemas"]["UserId"];
        };
        NotificationWithdrawn: {
            chatRoomId: string;
            /**
             * Format: int64
             * @description As in the `notification.due`.
             */
            upToSeq: number;
            userId: components["schemas"]["UserId"];
        };
        /** @description Whether somebody was there. */
        Online: {
            /** @description Whether it was sent to a socket. */
            online: boolean;
        };
        /** @description A chat room to open. */
        OpenChatRoom: {
            /** @description Rules that do not hold for it. */
            bypass?: components["schemas"]["Bypass"][];
            /** @description The user who adds the other. */
            from: components["schemas"]["UserIdInput"];
            /** @description The other. */
            to: components["schemas"]["UserIdInput"];
        };
        /** @description A chat room that was opened: nothing of what is said in it. */
        OpenedChatRoom: {
            _id: string;
            addedAt: components["schemas"]["Date"];
            addedBy: components["schemas"]["UserId"];
            /** @description `true` if this call created it. */
            created?: boolean;
            /** @description The ids of its two people. */
            members: components["schemas"]["UserId"][];
        };
        /** @description A code that clients never see. */
        OwnCode: "cursor-gone" | "letter-not-found";
        /** @description Whether a user is online. */
        Presence: "online" | "offline";
        /** @description Whether users are online. */
        Presences: {
            users: components["schemas"]["UserPresence"][];
        };
        /** @description Who may write to the user. */
        Privacy: {
            whitelist: components["schemas"]["UserId"][];
            whitelistOnly: boolean;
        };
        /** @description Why a call was not done. */
        Problem: {
            /** @description The stable code: those of the protocol of clients, and some of the API alone. */
            code: components["schemas"]["ProblemCode"];
            /** @description For people: what is wrong. */
            detail: string;
            /** @description The object that the hook adds to its reason. */
            meta?: {
                [key: string]: unknown;
            };
            /** @description With `refused`: what the hook says. */
            reason?: string;
            /**
             * Format: uint64
             * @description With `rate-limited`: how long to wait, in milliseconds.
             */
            retryAfterMs?: number;
            /**
             * Format: uint16
             * @description The HTTP status.
             */
            status: number;
            /**
             * @description Whether something may have been stored. `no`: this call stored nothing; an earlier
             *     one that was answered `perhaps` may have. `perhaps`: repeat the
             *     call with the same key to find out.
             */
            stored: components["schemas"]["MayBeStored"];
            /** @description The HTTP status in words. */
            title: string;
        };
        /** @description A stable code. */
        ProblemCode: components["schemas"]["Code"] | components["schemas"]["OwnCode"];
        /** @description How many messages were read. */
        Read: {
            /**
             * Format: uint64
             * @description Those that were not read before.
             */
            read: number;
        };
        /** @description What was redacted. */
        Redacted: {
            /** @description Whether there may be more. */
            hasMore: boolean;
            /**
             * Format: uint64
             * @description How many messages.
             */
            redacted: number;
            /**
             * Format: int64
             * @description The `seq` up to which nothing is left to redact.
             */
            upTo: number;
        };
        /** @description A line that was not stored. */
        RefusedLine: {
            code: components["schemas"]["RefusedLineCode"];
            /** @description For people: what is wrong. */
            detail: string;
            /**
             * Format: uint64
             * @description Which line, from 1 on.
             */
            line: number;
        };
        /** @description Why a line was not stored. */
        RefusedLineCode: components["schemas"]["Code"] | components["schemas"]["RefusedLineOwnCode"];
        /**
         * @description A code of imports alone.
         * @constant
         */
        RefusedLineOwnCode: "conflict";
        /** @description What became of each message, in the order of the request. */
        Results: {
            results: components["schemas"]["MessageResult"][];
        };
        /** @description Messages to send. */
        SendBatch: {
            /** @description At most 500, each with its `key`. */
            messages: components["schemas"]["SendMessage"][];
        };
        /** @description A message to send. */
        SendMessage: {
            /**
             * @description Whether the hook `before-send` is asked about this message, and `before-add` about its
             *     chat room if that is new; otherwise they are not, since the message is your own.
             * @default false
             */
            ask?: boolean;
            /** @description Rules that do not hold for this message. */
            bypass?: components["schemas"]["Bypass"][];
            /**
             * @description What the front end makes of it beside the text, as that kind has it.
             * @default null
             */
            data?: {
                [key: string]: unknown;
            } | null;
            /** @description The user who sends it; need never have logged in. */
            from: components["schemas"]["UserIdInput"];
            /**
             * @description Your own key of this message, 1 to 64 printable ASCII characters: under the same one
             *     `from` sends it to `to` once, however often you repeat the call. May stand in the header
             *     `Idempotency-Key` instead.
             * @default null
             */
            key?: string | null;
            /**
             * @description One of the kinds of `CHATZZ_KINDS_FILE`.
             * @default null
             */
            kind?: string | null;
            /** @description The text. */
            message: string;
            /** @description The user who receives it. */
            to: components["schemas"]["UserIdInput"];
        };
        /** @description A message that was sent. */
        SentMessage: {
            _id: string;
            chatRoomId: string;
            clientId?: string;
            createdAt: components["schemas"]["Date"];
            data?: {
                [key: string]: unknown;
            };
            /** @description `true` if it was stored before under this `key`. */
            duplicate?: boolean;
            from: components["schemas"]["UserId"];
            /** @description The application's own key, if it sent the message. */
            key?: string;
            kind?: string;
            message: string;
            readAt?: components["schemas"]["Date"];
            redacted?: boolean;
            /** Format: int64 */
            rev?: number;
            sentAt?: components["schemas"]["Date"];
            /** Format: int64 */
            seq: number;
            status: components["schemas"]["Status"];
            to: components["schemas"]["UserId"];
            via?: components["schemas"]["Via"];
            /**
             * @description `true`: the receiver never sees it, by a hook or a block, and the sender does not notice.
             *     Let neither of them know.
             */
            withheld?: boolean;
        };
        /** @description Who may write; what is left out stays as it is. */
        SetPrivacy: {
            /**
             * @description The whole whitelist, at most 1,000 users.
             * @default null
             */
            whitelist?: components["schemas"]["UserIdInput"][] | null;
            /**
             * @description Whether only those on the whitelist may.
             * @default null
             */
            whitelistOnly?: boolean | null;
        };
        /** @description Something for the front end. */
        Signal: {
            /** @description Any JSON, sent on unchanged, at most 4 KiB. */
            data: unknown;
        };
        /** @description How much there is. */
        Stats: {
            /**
             * Format: uint64
             * @description Conversations, about.
             */
            chatRooms: number;
            /**
             * Format: int64
             * @description Entries of the log of events that this server has yet to read: more than a few for
             *     more than a moment means that it cannot keep up.
             */
            logBehind: number;
            /**
             * Format: uint64
             * @description Messages, about.
             */
            messages: number;
            /**
             * Format: uint64
             * @description Users who are online at any server.
             */
            online: number;
            /**
             * Format: uint
             * @description Servers that run.
             */
            servers: number;
            /**
             * Format: uint64
             * @description Users who ever took part, about.
             */
            users: number;
        };
        /** @description How far a message has got; it only ever moves forward. */
        Status: "not_sent" | "sent" | "read";
        /** @description Unread messages of users. */
        Unread: {
            users: components["schemas"]["UnreadOf"][];
        };
        UnreadOf: {
            /**
             * Format: int64
             * @description Chat rooms with unread messages.
             */
            chatRooms: number;
            /**
             * Format: int64
             * @description Unread messages, of all chat rooms.
             */
            unreadCount: number;
            /** @description As it was asked. */
            userId: components["schemas"]["UserIdInput"];
        };
        /** @description A user. */
        User: {
            lastOnline: components["schemas"]["Date"] | null;
            status: components["schemas"]["Presence"];
            /** @description Whether they have ever taken part in the messenger. */
            takesPart: boolean;
            /** @description The fields that clients are shown. */
            user: components["schemas"]["UserDetails"];
        };
        UserBlocked: {
            /** @description The other one. */
            otherId: components["schemas"]["UserId"];
            userId: components["schemas"]["UserId"];
        };
        /** @description The application's document of a user, reduced to the fields that the operator lists. */
        UserDetails: {
            _id: components["schemas"]["UserId"];
            /** @description `true` if the application has deleted this user. */
            deleted?: boolean;
        } & {
            [key: string]: unknown;
        };
        UserErased: {
            userId: components["schemas"]["UserId"];
        };
        /** @description The application's own id of a user: text, or a number for integer ids. */
        UserId: string | number;
        /** @description The id of a user; integer ids may also be written as text. At most 1,024 bytes. */
        UserIdInput: string | number;
        UserPresence: {
            lastOnline: components["schemas"]["Date"] | null;
            status: components["schemas"]["Presence"];
            /** @description As it was asked. */
            userId: components["schemas"]["UserIdInput"];
        };
        UserPresence2: {
            lastOnline: components["schemas"]["Date"] | null;
            userId: components["schemas"]["UserId"];
        };
        /** @description Users. */
        Users: {
            /** @description At most 1,000. */
            users: components["schemas"]["UserIdInput"][];
        };
        /**
         * @description What sent a message in its sender's name, where that was no device of theirs.
         * @constant
         */
        Via: "server";
        /** @description Which messages. */
        Wanted: {
            /**
             * Format: int64
             * @description Only those after this `seq`: `upTo` of the answer before.
             * @default null
             */
            after?: number | null;
            /**
             * @description Only those of this user.
             * @default null
             */
            from?: components["schemas"]["UserIdInput"] | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    findChatRoom: {
        parameters: {
            query: {
                /** @description One of the two users. */
                user: string | number;
                /** @description The other one of the two users. */
                with: string | number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The chat room */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChatRoom"];
                };
            };
        };
    };
    openChatRoom: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OpenChatRoom"];
            };
        };
        responses: {
            /** @description It was there */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenedChatRoom"];
                };
            };
            /** @description It was opened by this call */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenedChatRoom"];
                };
            };
        };
    };
    getChatRoom: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The chat room */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChatRoom"];
                };
            };
        };
    };
    listMessages: {
        parameters: {
            query?: {
                /** @description Messages after this `seq`, from there on; without it the newest. */
                after?: number;
                /** @description Messages before this `seq`. */
                before?: number;
                /** @description How many at most: at least 1, and no more than `CHATZZ_HISTORY_MAX`. */
                limit?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The messages, ascending */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Messages"];
                };
            };
        };
    };
    redactChatRoom: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Wanted"];
            };
        };
        responses: {
            /** @description How many, and whether to go on */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Redacted"];
                };
            };
        };
    };
    listEvents: {
        parameters: {
            query: {
                /**
                 * @description Those after this: the `cursor` of an earlier answer; `head` for what comes from now on;
                 *     `oldest` for all that the log still has; or an RFC 3339 time.
                 */
                after: string;
                /** @description How many at most, 1 to 500. */
                limit?: number;
                /**
                 * @description One of up to 64 parts: `2/8` is the second of eight. All events about a chat room are in
                 *     the same part.
                 */
                partition?: string;
                /** @description Only these types, with commas. Without it, all but `user.online` and `user.offline`. */
                types?: string;
                /** @description How long to wait if there is no event yet, such as `20s`; 30 seconds at most. */
                wait?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The events, and the cursor of what follows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventPage"];
                };
            };
        };
    };
    listLetters: {
        parameters: {
            query?: {
                /** @description Those behind this one, by its `id`. */
                after?: string;
                /** @description How many at most, 1 to 500. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The letters, those of a chat room in order */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Letters"];
                };
            };
        };
    };
    retryLetter: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is tried within a moment */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Letter"];
                };
            };
        };
    };
    sendMessage: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `key`, where the body has none. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SendMessage"];
            };
        };
        responses: {
            /** @description It was stored before under this key */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SentMessage"];
                };
            };
            /** @description Stored */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SentMessage"];
                };
            };
        };
    };
    getMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The message */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
        };
    };
    redactMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The message, which keeps its place */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
        };
    };
    sendBatch: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SendBatch"];
            };
        };
        responses: {
            /** @description The results, in the order of the messages */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Results"];
                };
            };
        };
    };
    importMessages: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/x-ndjson": components["schemas"]["ImportMessage"];
            };
        };
        responses: {
            /** @description What became of them; the last line says `end` */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": components["schemas"]["ImportLine"];
                };
            };
        };
    };
    getOpenapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The document */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
        };
    };
    getPresence: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Users"];
            };
        };
        responses: {
            /** @description In the order of the request */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Presences"];
                };
            };
        };
    };
    getStats: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Counts, and how far behind the log of events is */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Stats"];
                };
            };
        };
    };
    getUnread: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Users"];
            };
        };
        responses: {
            /** @description In the order of the request */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unread"];
                };
            };
        };
    };
    getUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The user */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    listBlocked: {
        parameters: {
            query?: {
                /** @description Only those behind this user, who must be blocked. */
                after?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Their ids */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BlockedUsers"];
                };
            };
        };
    };
    blockUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                other: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Blocked */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Blocked"];
                };
            };
        };
    };
    unblockUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                other: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Not blocked */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Blocked"];
                };
            };
        };
    };
    listChatRooms: {
        parameters: {
            query?: {
                /** @description Those behind the chat room with this user, the last one of the page before. */
                after?: string | number;
                /** @description How many at most: 1 to 500, 100 when it is absent. */
                limit?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The other people of the chat rooms */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Contacts"];
                };
            };
        };
    };
    markDelivered: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MarkRead"];
            };
        };
        responses: {
            /** @description How many messages it were */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Delivered"];
                };
            };
        };
    };
    eraseUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How far it is; the last line says `end` */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": components["schemas"]["ErasureLine"];
                };
            };
        };
    };
    exportUser: {
        parameters: {
            query?: {
                /** @description The `cursor` of the last whole line of an answer that was cut off: only what follows. */
                after?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The lines; the last one says `end` */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": components["schemas"]["ExportLine"];
                };
            };
        };
    };
    getPrivacy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Their whitelist, and whether it holds */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Privacy"];
                };
            };
        };
    };
    setPrivacy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SetPrivacy"];
            };
        };
        responses: {
            /** @description As it is from now on */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Privacy"];
                };
            };
        };
    };
    markRead: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MarkRead"];
            };
        };
        responses: {
            /** @description How many messages it were */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Read"];
                };
            };
        };
    };
    sendSignal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Signal"];
            };
        };
        responses: {
            /** @description Whether there was one */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Online"];
                };
            };
        };
    };
    endSockets: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How many there were at this server */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ended"];
                };
            };
        };
    };
}
