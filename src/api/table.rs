//! The table of all calls: it makes the router, and `docs/openapi.json`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request};
use axum::routing::on;
use http::Method;
use schemars::{Schema, SchemaGenerator};

use super::perform::{Route, perform};
use super::read::{Body, Nothing, Place, Query, Read};
use super::{Api, calls};
use crate::config::ApiScope;
use crate::wire::call as answer;

/// Most bytes of a body, unless a row says otherwise: 64 KiB of text, however escaped.
const BODY: usize = 512 * 1024;

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
            GET "/v1/messages/{id}" Read BODY
                getMessage "A message as it is now"
                get_message(Nothing)
                -> [200 "The message" answer::Message<'static>];
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
            GET "/v1/users/{id}" Read BODY
                getUser "A user, and whether they are online at any server"
                get_user(Nothing)
                -> [200 "The user" answer::SeenUser<'static>];
            GET "/v1/users/{id}/chat-rooms" Read BODY
                listChatRooms "The chat rooms of a user, with unread counts and last messages"
                list_chat_rooms(Query<calls::list_chat_rooms::Wanted>)
                -> [200 "The other people of the chat rooms" answer::Contacts<'static>];
            GET "/v1/openapi.json" Any BODY
                getOpenapi "This document"
                openapi(Nothing)
                -> [200 "The document" serde_json::Value];
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
                let answer = move |id: Option<Path<String>>, request: Request| {
                    let handle = calls::$handler::handle;
                    perform::<$request, _>(Arc::clone(&api), route, id, request, handle)
                };
                on(axum::routing::MethodFilter::$method, answer)
            }))*
        };
    }
    calls!(routes)
}
