//! JSON Schemas of everything in the protocol, from the types that read and write it.
//!
//! Some JSON contains finished parts, which have no type to derive from; their schemas
//! are written here, and the golden files are validated against them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

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
    /// `true` if the application has deleted this user.
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

/// A change of who may write.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum PrivacyChange {
    /// A user was blocked or unblocked.
    Block(envelope::BlockChanged<'static>),
    /// The settings of who may write were changed.
    Settings(Privacy<'static>),
}

/// The answer to `message-read`: the message, or how many messages were read.
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

/// The result of an event, with the name of the event.
struct EventResult;

impl JsonSchema for EventResult {
    fn schema_name() -> Cow<'static, str> {
        "EventResult".into()
    }

    fn json_schema(written: &mut SchemaGenerator) -> Schema {
        macro_rules! results {
            ($($name:literal $summary:literal $handler:ident($event:ident) -> $result:ty, $limit:ident, $order:ident;)*) => {
                [$(($name, concat!(stringify!($event), "Result"), written.subschema_for::<$result>())),*]
            };
        }
        let mut results = Vec::from(request::client_events!(results));
        // its page is an envelope of its own, `old-messages`
        results.retain(|(event, ..)| *event != "get-old-messages");
        let of_event = |(event, title, result): (&str, &str, Schema)| {
            json!({
                "title": title,
                "type": "object",
                "properties": { "event": { "const": event }, "data": result },
                "required": ["event", "data"],
                "additionalProperties": false,
            })
        };
        let results: Vec<Value> = results.into_iter().map(of_event).collect();
        json_schema!({ "oneOf": results })
    }
}

/// What every payload may have, beside what its event takes.
pub(crate) fn in_every_payload() -> (&'static str, Value) {
    let description = "Whether the answer is sent as an envelope too.";
    let schema = json!({ "description": description, "type": ["boolean", "null"] });
    ("envelope", schema)
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

/// Every event of the client that has an answer, in the order of `docs/protocol.md`: its
/// payload as it is read, and its answer as it is written.
pub(crate) fn events(read: &mut SchemaGenerator, written: &mut SchemaGenerator) -> Vec<Event> {
    macro_rules! events {
        ($($name:literal $summary:literal $handler:ident($request:ident) -> $result:ty, $limit:ident, $order:ident;)*) => {
            vec![$(Event {
                name: $name,
                summary: $summary,
                payload: read.subschema_for::<request::$request>(),
                result: written.subschema_for::<$result>(),
            }),*]
        };
    }
    request::client_events!(events)
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
        "message-changed" "What a message says was changed" Message;
        "privacy-changed" "Another socket of the user blocked, unblocked, or set who may write" PrivacyChange;
        "user-typing" "Somebody types, or has stopped" envelope::UserTyping<'static>;
        "user-signal" "The front end of somebody sent a signal" envelope::UserSignal<'static>;
        "app-signal" "The application's back end sent a signal" envelope::AppSignal<'static>;
        "result" "An event with envelope: true succeeded" EventResult;
        "error" "An event without an ack, or with envelope: true, failed" envelope::Failed<'static>;
    }
}

/// The answer to a failed event.
pub(crate) fn error(written: &mut SchemaGenerator) -> Schema {
    written.subschema_for::<ErrorBody>()
}

/// Takes `null` off fields that may be absent: without a value they are absent,
/// never `null`.
pub(crate) fn without_null(schema: &mut Value) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &String| {
        let mut names = required.as_array().into_iter().flatten();
        names.any(|one| one == name)
    };
    let null = json!({ "type": "null" });
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (_, field) in fields
        .into_iter()
        .flatten()
        .filter(|(name, _)| !is_required(name))
    {
        for (key, is_null) in [("type", &json!("null")), ("anyOf", &null)] {
            let Some(forms) = field.get_mut(key).and_then(Value::as_array_mut) else {
                continue;
            };
            forms.retain(|form| form != is_null);
        }
    }
}
