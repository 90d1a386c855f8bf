//! The table of all calls: it makes the router, and `docs/openapi.json`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::on;
use http::Method;
use schemars::{Schema, SchemaGenerator};

use super::perform::{Named, Route, perform};
use super::read::{Body, Lines, Nothing, Place, Query, Read};
use super::{Api, calls};
use crate::config::ApiScope;
use crate::wire::{call as answer, erasure, event, export, import};

/// Most bytes of a body, unless a row says otherwise: 64 KiB of text, however escaped.
const BODY: usize = 512 * 1024;
/// Most bytes of a batch.
const BATCH: usize = 8 * 1024 * 1024;

/// A row is the method, the path, the scope, the most bytes of a body, the name, what the
/// call does, the module of its handler with what it reads and where, and its successful
/// answers.
macro_rules! calls {
    ($callback:ident) => {
        $callback! {
            POST "/v1/messages" Send BODY
                sendMessage "Sends a message as a user"
                send_message(Body<calls::send_message::SendMessage>)
                -> [201 "Stored" answer::SentAs<'static>,
                    200 "It was stored before under this key" answer::SentAs<'static>];
            POST "/v1/messages/batch" Send BATCH
                sendBatch "Sends up to 500 messages as users, each with a result of its own"
                send_batch(Body<calls::send_batch::SendBatch>)
                -> [200 "The results, in the order of the messages"
                        calls::send_batch::Results];
            POST "/v1/messages/import" Import BODY
                importMessages "Brings in messages that people sent before, one a line"
                import_messages(Lines<calls::import_messages::ImportMessage>)
                -> [200 "What became of them; the last line says `end`" import::Line];
            GET "/v1/messages/{id}" Read BODY
                getMessage "A message as it is now"
                get_message(Nothing)
                -> [200 "The message" answer::Message<'static>];
            POST "/v1/messages/{id}/redact" Manage BODY
                redactMessage "Removes what a message says, for both people and for ever"
                redact_message(Nothing)
                -> [200 "The message, which keeps its place" answer::Message<'static>];
            PUT "/v1/chat-rooms" Send BODY
                openChatRoom "Opens the chat room of two users; the same one however often"
                open_chat_room(Body<calls::open_chat_room::OpenChatRoom>)
                -> [201 "It was opened by this call" answer::OpenedChatRoom<'static>,
                    200 "It was there" answer::OpenedChatRoom<'static>];
            GET "/v1/chat-rooms" Read BODY
                findChatRoom "The chat room of two users"
                find_chat_room(Query<calls::find_chat_room::Pair>)
                -> [200 "The chat room" answer::ChatRoom<'static>];
            GET "/v1/chat-rooms/{id}" Read BODY
                getChatRoom "A chat room, and how far its two people got"
                get_chat_room(Nothing)
                -> [200 "The chat room" answer::ChatRoom<'static>];
            GET "/v1/chat-rooms/{id}/messages" Read BODY
                listMessages "A page of a conversation; reading marks nothing"
                list_messages(Query<calls::list_messages::Wanted>)
                -> [200 "The messages, ascending" answer::Messages<'static>];
            POST "/v1/chat-rooms/{id}/redact" Manage BODY
                redactChatRoom "Removes what messages of a chat room say, up to 500 at a time"
                redact_chat_room(Body<calls::redact_chat_room::Wanted>)
                -> [200 "How many, and whether to go on" answer::Redacted];
            GET "/v1/users/{id}" Read BODY
                getUser "A user, and whether they are online at any server"
                get_user(Nothing)
                -> [200 "The user" answer::SeenUser<'static>];
            GET "/v1/users/{id}/chat-rooms" Read BODY
                listChatRooms "The chat rooms of a user, with unread counts and last messages"
                list_chat_rooms(Query<calls::list_chat_rooms::Wanted>)
                -> [200 "The other people of the chat rooms" answer::Contacts<'static>];
            POST "/v1/presence" Read BODY
                getPresence "Which of up to 1,000 users are online at any server"
                get_presence(Body<calls::get_presence::Users>)
                -> [200 "In the order of the request" answer::Presences<'static>];
            POST "/v1/unread" Read BODY
                getUnread "How many unread messages up to 1,000 users have"
                get_unread(Body<calls::get_presence::Users>)
                -> [200 "In the order of the request" answer::Unread<'static>];
            POST "/v1/users/{id}/read" Manage BODY
                markRead "Marks what a user received from another one as read"
                mark_read(Body<calls::mark_read::MarkRead>)
                -> [200 "How many messages it were" answer::Read];
            POST "/v1/users/{id}/delivered" Manage BODY
                markDelivered "Marks what has arrived at a user from another one as sent"
                mark_delivered(Body<calls::mark_read::MarkRead>)
                -> [200 "How many messages it were" answer::Delivered];
            GET "/v1/users/{id}/privacy" Read BODY
                getPrivacy "Who may write to a user"
                get_privacy(Nothing)
                -> [200 "Their whitelist, and whether it holds" answer::Privacy<'static>];
            PUT "/v1/users/{id}/privacy" Manage BODY
                setPrivacy "Sets who may write to a user"
                set_privacy(Body<calls::set_privacy::SetPrivacy>)
                -> [200 "As it is from now on" answer::Privacy<'static>];
            GET "/v1/users/{id}/blocks" Read BODY
                listBlocked "Whom a user blocked, the first blocked first"
                list_blocked(Query<calls::list_blocked::Wanted>)
                -> [200 "Their ids" answer::BlockedUsers<'static>];
            PUT "/v1/users/{id}/blocks/{other}" Manage BODY
                blockUser "Lets a user block another one"
                block_user(Nothing)
                -> [200 "Blocked" answer::Blocked];
            DELETE "/v1/users/{id}/blocks/{other}" Manage BODY
                unblockUser "Lets a user unblock another one"
                unblock_user(Nothing)
                -> [200 "Not blocked" answer::Blocked];
            DELETE "/v1/users/{id}/sockets" Manage BODY
                endSockets "Ends the sockets of a user at all servers"
                end_sockets(Nothing)
                -> [200 "How many there were at this server" answer::Ended];
            POST "/v1/users/{id}/signals" Send BODY
                sendSignal "Hands something to the devices of a user who are connected, unstored"
                send_signal(Body<calls::send_signal::Signal>)
                -> [200 "Whether there was one" answer::Online];
            GET "/v1/users/{id}/export" Privacy BODY
                exportUser "Everything that is stored of a user, one thing a line"
                export_user(Query<calls::export_user::Wanted>)
                -> [200 "The lines; the last one says `end`" export::Line<'static>];
            POST "/v1/users/{id}/erase" Privacy BODY
                eraseUser "Removes what is stored of a user; may be repeated until it is done"
                erase_user(Nothing)
                -> [200 "How far it is; the last line says `end`" erasure::Line];
            GET "/v1/events" Events BODY
                listEvents "What happened since a cursor, in order; may wait for it"
                list_events(Query<calls::list_events::Wanted>)
                -> [200 "The events, and the cursor of what follows" event::EventPage<'static>];
            GET "/v1/events/letters" Events BODY
                listLetters "Events that were pushed and not taken, and were set aside"
                list_letters(Query<calls::list_letters::Wanted>)
                -> [200 "The letters, those of a chat room in order" event::Letters];
            POST "/v1/events/letters/{id}/retry" Events BODY
                retryLetter "Has an event that was set aside pushed again"
                retry_letter(Nothing)
                -> [200 "It is tried within a moment" event::Letter];
            GET "/v1/stats" Read BODY
                getStats "How much there is, about"
                get_stats(Nothing)
                -> [200 "Counts, and how far behind the log of events is" answer::Stats];
            GET "/v1/openapi.json" Any BODY
                getOpenapi "This document"
                openapi(Nothing)
                -> [200 "The document" serde_json::Map<String, serde_json::Value>];
        }
    };
}

/// A call, as it is documented.
pub(crate) struct Documented {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) scope: Option<ApiScope>,
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    /// Where the fields of the request stand, and what they may be.
    pub(crate) place: Place,
    pub(crate) request: Schema,
    pub(crate) answers: Vec<Answer>,
}

/// A successful answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) summary: &'static str,
    pub(crate) body: Schema,
}

macro_rules! scope {
    (Any) => {
        None
    };
    ($scope:ident) => {
        Some(ApiScope::$scope)
    };
}

/// Every call, in the order of the documentation.
pub(crate) fn documented(
    read: &mut SchemaGenerator,
    written: &mut SchemaGenerator,
) -> Vec<Documented> {
    macro_rules! documented {
        ($($method:ident $path:literal $scope:ident $most:ident $name:ident $summary:literal
            $handler:ident($request:ty)
            -> [$($status:literal $when:literal $answer:ty),*];)*) => {
            vec![$(Documented {
                method: Method::$method,
                path: $path,
                scope: scope!($scope),
                name: stringify!($name),
                summary: $summary,
                place: <$request as Read>::PLACE,
                request: <$request as Read>::schema(read),
                answers: vec![$(Answer {
                    status: $status,
                    summary: $when,
                    body: written.subschema_for::<$answer>(),
                }),*],
            }),*]
        };
    }
    calls!(documented)
}

/// The router of all calls.
pub(super) fn router(api: &Arc<Api>) -> Router {
    macro_rules! routes {
        ($($method:ident $path:literal $scope:ident $most:ident $name:ident $summary:literal
            $handler:ident($request:ty)
            -> [$($status:literal $when:literal $answer:ty),*];)*) => {
            Router::new()$(.route($path, {
                let api = Arc::clone(api);
                let route = Route {
                    name: stringify!($name),
                    scope: scope!($scope),
                    max_body: $most,
                };
                let answer = move |named: Option<Named>, request: Request| {
                    let handle = calls::$handler::handle;
                    perform::<$request, _>(Arc::clone(&api), route, named, request, handle)
                };
                on(axum::routing::MethodFilter::$method, answer)
            }))*
        };
    }
    calls!(routes)
}
