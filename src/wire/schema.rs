//! JSON Schemas of everything on the wire, from the types that read and write it.
//!
//! Some JSON holds finished parts, which have no type to derive from; those shapes
//! are written down here, and the golden files are validated against them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use super::envelope::{self, result};
use super::time::{Date, DateInput};
use super::view::{AddedView, ContactView, MessageView, Privacy, SentMessage, StatusChange};
use super::{ErrorBody, request};
use crate::id::UserId;
use crate::service::IdInput;

/// The application's document of a user, reduced to the fields that the operator lists.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct UserDetails {
    #[serde(rename = "_id")]
    id: UserId,
    /// `true`: the application has deleted this user.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// A message, with user details of both people.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Message {
    #[serde(flatten)]
    message: MessageView<'static, UserDetails>,
}

/// The newest message of a contact, with the ids of both people.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct LastMessage {
    #[serde(flatten)]
    message: MessageView<'static, UserId>,
}

/// What changed in who may write.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum PrivacyChange {
    /// Somebody was blocked or unblocked.
    Block(envelope::BlockChanged<'static>),
    /// Who may write was set.
    Settings(Privacy<'static>),
}

/// The answer to `message-read`: the message, or how many were read.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    clippy::large_enum_variant,
    reason = "only its schema is used"
)]
pub(super) enum ReadResult {
    /// With `messageId`.
    One(Message),
    /// With `userId` and `upTo`.
    Many(result::Read),
}

impl JsonSchema for UserId {
    fn schema_name() -> Cow<'static, str> {
        "UserId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The application's own id of a user: text, or a number for integer ids.",
            "type": ["string", "integer"],
        })
    }
}

impl JsonSchema for IdInput {
    fn schema_name() -> Cow<'static, str> {
        "UserIdInput".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The id of a user; integer ids may also be written as text. At most 1,024 bytes.",
            "type": ["string", "integer"],
            "maxLength": 1_024,
        })
    }
}

impl JsonSchema for Date {
    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "RFC 3339, UTC, with milliseconds.",
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        })
    }
}

impl JsonSchema for DateInput {
    fn schema_name() -> Cow<'static, str> {
        "DateInput".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "RFC 3339 with an offset, a date alone (midnight UTC), or integer milliseconds since 1970.",
            "type": ["string", "integer"],
        })
    }
}

/// An event of the client.
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) payload: Schema,
    pub(crate) result: Schema,
}

/// Every event of the client that has an answer, in the order of `docs/protocol.md`:
/// what it takes as it is read, what it answers as it is written.
pub(crate) fn events(read: &mut SchemaGenerator, written: &mut SchemaGenerator) -> Vec<Event> {
    macro_rules! events {
        ($($name:literal $summary:literal $payload:ty => $result:ty;)*) => {
            vec![$(Event {
                name: $name,
                summary: $summary,
                payload: read.subschema_for::<$payload>(),
                result: written.subschema_for::<$result>(),
            }),*]
        };
    }
    events! {
        "connect-user" "Logs the socket in" request::ConnectUser => result::Connected<'static>;
        "add-chat-user" "Opens the chat room with somebody" request::AddChatUser => ContactView<'static>;
        "get-old-messages" "One page of the history with somebody" request::GetOldMessages => result::History<'static>;
        "send-message" "Writes to somebody" request::SendMessage => SentMessage<'static>;
        "message-read" "Says what was read" request::MessageRead => ReadResult;
        "message-delivered" "Says what has arrived" request::MessageDelivered => result::Delivered;
        "block-user" "Takes no more messages from somebody" request::BlockUser => result::Blocked;
        "unblock-user" "Takes messages from somebody again" request::BlockUser => result::Blocked;
        "get-blocked-users" "Everybody whom the user has blocked" request::GetBlockedUsers => result::Users<'static>;
        "set-privacy" "Sets who may write to the user" request::SetPrivacy => Privacy<'static>;
        "typing" "Says that the user is writing to somebody" request::Typing => result::Done;
        "signal" "Hands something to somebody who is here, unstored" request::Signal => result::Online;
        "get-active-users" "A page of the contacts who are online" request::GetActiveUsers => result::Active<'static>;
        "refresh-token" "Shows a fresh token" request::RefreshToken => result::Refreshed;
    }
}

/// An envelope of the server.
pub(crate) struct Envelope {
    pub(crate) kind: &'static str,
    /// When it is sent.
    pub(crate) summary: &'static str,
    pub(crate) data: Schema,
}

/// Every envelope of the server, in the order of `docs/protocol.md`.
pub(crate) fn envelopes(written: &mut SchemaGenerator) -> Vec<Envelope> {
    macro_rules! envelopes {
        ($($kind:literal $summary:literal $data:ty;)*) => {
            vec![$(Envelope {
                kind: $kind,
                summary: $summary,
                data: written.subschema_for::<$data>(),
            }),*]
        };
    }
    envelopes! {
        "user-details" "connect-user succeeded" envelope::UserDetails<'static>;
        "chat-user-status-changed" "A contact came online or went offline" envelope::StatusChanged<'static>;
        "chat-user-added" "add-chat-user created a chat room" AddedView<'static>;
        "old-messages" "A page of history was asked for without an ack" Vec<Message>;
        "new-message" "A message was stored" Message;
        "message-status-changed" "Messages became sent or read" StatusChange<'static>;
        "privacy-changed" "Another socket of the user blocked, unblocked, or set who may write" PrivacyChange;
        "user-typing" "Somebody types, or has stopped" envelope::UserTyping<'static>;
        "user-signal" "The front end of somebody sent a signal" envelope::UserSignal<'static>;
        "error" "An event without an ack failed" envelope::Failed<'static>;
    }
}

/// What a failed event is answered with.
pub(crate) fn error(written: &mut SchemaGenerator) -> Schema {
    written.subschema_for::<ErrorBody>()
}
