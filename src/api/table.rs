//! The table of all calls: it makes the router, and `docs/openapi.json`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::on;
use http::Method;
use schemars::{Schema, SchemaGenerator};

use super::perform::{Named, perform};
use super::read::{Body, Lines, Nothing, Query, Read};
use super::route::{BATCH, Route, UNTIMED, USUAL, is_mutating};
use super::{Api, calls};
use crate::config::ApiScope;
use crate::wire::{call as answer, erasure, event, export, import};

/// A row is the method, the path, the scope, the bounds, the name, what the call does, the
/// module of its handler with what it reads and where, its successful answers, and the
/// statuses of problems that only some calls have.
macro_rules! calls {
    ($callback:ident) => {
        $callback! {
            POST "/v1/messages" Send USUAL
                sendMessage "Sends a message as a user"
                send_message(Body<calls::send_message::SendMessage>)
                -> [201 "Stored" answer::SentAs<'static>,
                    200 "It was stored before under this key" answer::SentAs<'static>] or [404, 409];
            POST "/v1/messages/batch" Send BATCH
                sendBatch "Sends up to 500 messages as users, each with a result of its own"
                send_batch(Body<calls::send_batch::SendBatch>)
                -> [200 "The results, in the order of the messages"
                        calls::send_batch::Results];
            POST "/v1/messages/import" Import UNTIMED
                importMessages "Brings in messages that people sent before, one a line"
                import_messages(Lines<calls::import_messages::ImportMessage>)
                -> [200 "What became of them; the last line says `end`" import::Line];
            GET "/v1/messages/{id}" Read USUAL
                getMessage "A message as it is now"
                get_message(Nothing)
                -> [200 "The message" answer::Message<'static>] or [404];
            POST "/v1/messages/{id}/redact" Manage USUAL
                redactMessage "Removes what a message says, for both people and for ever"
                redact_message(Nothing)
                -> [200 "The message, which keeps its place" answer::Message<'static>] or [404];
            PUT "/v1/chat-rooms" Send USUAL
                openChatRoom "Opens the chat room of two users; the same one however often"
                open_chat_room(Body<calls::open_chat_room::OpenChatRoom>)
                -> [201 "It was opened by this call" answer::OpenedChatRoom<'static>,
                    200 "It was there" answer::OpenedChatRoom<'static>] or [404];
            GET "/v1/chat-rooms" Read USUAL
                findChatRoom "The chat room of two users"
                find_chat_room(Query<calls::find_chat_room::Pair>)
                -> [200 "The chat room" answer::ChatRoom<'static>] or [404];
            GET "/v1/chat-rooms/{id}" Read USUAL
                getChatRoom "A chat room, and how far its two people got"
                get_chat_room(Nothing)
                -> [200 "The chat room" answer::ChatRoom<'static>] or [404];
            GET "/v1/chat-rooms/{id}/messages" Read USUAL
                listMessages "A page of a conversation; reading marks nothing"
                list_messages(Query<calls::list_messages::Wanted>)
                -> [200 "The messages, ascending" answer::Messages<'static>] or [404];
            POST "/v1/chat-rooms/{id}/redact" Manage UNTIMED
                redactChatRoom "Removes what messages of a chat room say, up to 500 at a time"
                redact_chat_room(Body<calls::redact_chat_room::Wanted>)
                -> [200 "How many, and whether to go on" answer::Redacted] or [404];
            GET "/v1/users/{id}" Read USUAL
                getUser "A user, and whether they are online at any server"
                get_user(Nothing)
                -> [200 "The user" answer::SeenUser<'static>] or [404];
            GET "/v1/users/{id}/chat-rooms" Read USUAL
                listChatRooms "The chat rooms of a user, with unread counts and last messages"
                list_chat_rooms(Query<calls::list_chat_rooms::Wanted>)
                -> [200 "The other people of the chat rooms" answer::Contacts<'static>] or [404];
            POST "/v1/presence" Read USUAL
                getPresence "Which of up to 1,000 users are online at any server"
                get_presence(Body<calls::get_presence::Users>)
                -> [200 "In the order of the request" answer::Presences<'static>];
            POST "/v1/unread" Read USUAL
                getUnread "How many unread messages up to 1,000 users have"
                get_unread(Body<calls::get_presence::Users>)
                -> [200 "In the order of the request" answer::Unread<'static>];
            POST "/v1/users/{id}/read" Manage USUAL
                markRead "Marks what a user received from another one as read"
                mark_read(Body<calls::mark_read::MarkRead>)
                -> [200 "How many messages it were" answer::Read] or [404];
            POST "/v1/users/{id}/delivered" Manage USUAL
                markDelivered "Marks what has arrived at a user from another one as sent"
                mark_delivered(Body<calls::mark_read::MarkRead>)
                -> [200 "How many messages it were" answer::Delivered] or [404];
            GET "/v1/users/{id}/privacy" Read USUAL
                getPrivacy "Who may write to a user"
                get_privacy(Nothing)
                -> [200 "Their whitelist, and whether it holds" answer::Privacy<'static>] or [404];
            PUT "/v1/users/{id}/privacy" Manage USUAL
                setPrivacy "Sets who may write to a user"
                set_privacy(Body<calls::set_privacy::SetPrivacy>)
                -> [200 "As it is from now on" answer::Privacy<'static>] or [404];
            GET "/v1/users/{id}/blocks" Read USUAL
                listBlocked "Whom a user blocked, the first blocked first"
                list_blocked(Query<calls::list_blocked::Wanted>)
                -> [200 "Their ids" answer::BlockedUsers<'static>] or [404];
            PUT "/v1/users/{id}/blocks/{other}" Manage USUAL
                blockUser "Lets a user block another one"
                block_user(Nothing)
                -> [200 "Blocked" answer::Blocked] or [404];
            DELETE "/v1/users/{id}/blocks/{other}" Manage USUAL
                unblockUser "Lets a user unblock another one"
                unblock_user(Nothing)
                -> [200 "Not blocked" answer::Blocked] or [404];
            DELETE "/v1/users/{id}/sockets" Manage USUAL
                endSockets "Ends the sockets of a user at all servers"
                end_sockets(Nothing)
                -> [200 "How many there were at this server" answer::Ended];
            POST "/v1/users/{id}/signals" Send USUAL
                sendSignal "Hands something to the devices of a user who are connected, unstored"
                send_signal(Body<calls::send_signal::Signal>)
                -> [200 "Whether there was one" answer::Online] or [404];
            GET "/v1/users/{id}/export" Privacy UNTIMED
                exportUser "Everything that is stored of a user, one thing a line"
                export_user(Query<calls::export_user::Wanted>)
                -> [200 "The lines; the last one says `end`" export::Line<'static>] or [404];
            POST "/v1/users/{id}/erase" Privacy UNTIMED
                eraseUser "Removes what is stored of a user; may be repeated until it is done"
                erase_user(Nothing)
                -> [200 "How far it is; the last line says `end`" erasure::Line];
            GET "/v1/events" Events UNTIMED
                listEvents "What happened since a cursor, in order; may wait for it"
                list_events(Query<calls::list_events::Wanted>)
                -> [200 "The events, and the cursor of what follows" event::EventPage<'static>] or [410];
            GET "/v1/events/letters" Events USUAL
                listLetters "Events that were pushed and not taken, and were set aside"
                list_letters(Query<calls::list_letters::Wanted>)
                -> [200 "The letters, those of a chat room in order" event::Letters];
            POST "/v1/events/letters/{id}/retry" Events USUAL
                retryLetter "Has an event that was set aside pushed again"
                retry_letter(Nothing)
                -> [200 "It is tried within a moment" event::Letter] or [404];
            GET "/v1/stats" Read USUAL
                getStats "How much there is, about"
                get_stats(Nothing)
                -> [200 "Counts, and how far behind the log of events is" answer::Stats];
            GET "/v1/openapi.json" Any USUAL
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
    pub(crate) route: Route,
    pub(crate) summary: &'static str,
    /// What the fields of the request may be.
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

/// What a row says of its call beside what is read and answered.
macro_rules! route {
    ($method:ident $scope:ident $bounds:ident $name:ident $request:ty, [$($problem:literal),*]) => {
        Route {
            name: stringify!($name),
            scope: scope!($scope),
            is_mutating: is_mutating(scope!($scope), &Method::$method),
            bounds: $bounds,
            place: <$request as Read>::PLACE,
            own_problems: &[$($problem),*],
        }
    };
}

/// Every call, in the order of the documentation.
pub(crate) fn documented(
    read: &mut SchemaGenerator,
    written: &mut SchemaGenerator,
) -> Vec<Documented> {
    macro_rules! documented {
        ($($method:ident $path:literal $scope:ident $bounds:ident $name:ident $summary:literal
            $handler:ident($request:ty)
            -> [$($status:literal $when:literal $answer:ty),*]
            $(or [$($problem:literal),*])?;)*) => {
            vec![$(Documented {
                method: Method::$method,
                path: $path,
                route: route!($method $scope $bounds $name $request, [$($($problem),*)?]),
                summary: $summary,
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
        ($($method:ident $path:literal $scope:ident $bounds:ident $name:ident $summary:literal
            $handler:ident($request:ty)
            -> [$($status:literal $when:literal $answer:ty),*]
            $(or [$($problem:literal),*])?;)*) => {
            Router::new()$(.route($path, {
                let api = Arc::clone(api);
                let route = route!($method $scope $bounds $name $request, [$($($problem),*)?]);
                let answer = move |named: Named, request: Request| {
                    let handle = calls::$handler::handle;
                    perform::<$request, _>(Arc::clone(&api), route, named, request, handle)
                };
                on(axum::routing::MethodFilter::$method, answer)
            }))*
        };
    }
    calls!(routes)
}
