//! What clients and servers say to each other, as far as the checker looks.
//! The whole shapes are in `docs/protocol.md`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A user's id, be it alone or inside user details.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UserId(pub(crate) String);

/// A message.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message<'a> {
    #[serde(borrow, rename = "_id")]
    pub(crate) id: Cow<'a, str>,
    #[serde(deserialize_with = "date")]
    pub(crate) created_at: i64,
    pub(crate) from: UserId,
    pub(crate) to: UserId,
    #[serde(borrow, rename = "message")]
    pub(crate) text: Cow<'a, str>,
    pub(crate) status: Status,
    #[serde(borrow)]
    pub(crate) chat_room_id: Cow<'a, str>,
    pub(crate) seq: u64,
    #[serde(borrow)]
    pub(crate) client_id: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "some_date")]
    pub(crate) sent_at: Option<i64>,
    #[serde(default, deserialize_with = "some_date")]
    pub(crate) read_at: Option<i64>,
    /// In the answer to a repeated send.
    #[serde(default)]
    pub(crate) duplicate: bool,
    /// The number of the change that made it so.
    pub(crate) rev: Option<u64>,
    /// Whether what it said was removed.
    #[serde(default)]
    pub(crate) redacted: bool,
    /// In `message-status-changed` about several messages.
    pub(crate) range: Option<Range>,
}

/// Positions, both included.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Range {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// How far a message got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// Stored; no socket of the receiver was there.
    NotSent,
    /// Sent to a device of the receiver.
    Sent,
    /// Read by the receiver.
    Read,
}

/// Somebody as a contact: in `user-details`, in the answer to `add-chat-user`,
/// and in `chat-user-added`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Contact<'a> {
    #[serde(rename = "_id", deserialize_with = "bare_id")]
    pub(crate) id: String,
    #[serde(borrow)]
    pub(crate) chat_room_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) status: Cow<'a, str>,
    /// Absent in `chat-user-added`.
    pub(crate) unread_count: Option<u64>,
    #[serde(borrow)]
    pub(crate) last_message: Option<Message<'a>>,
}

/// `user-details`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Details<'a> {
    #[serde(borrow)]
    pub(crate) connected_users: Vec<Contact<'a>>,
    #[serde(borrow)]
    pub(crate) missed_messages: BTreeMap<String, Vec<Message<'a>>>,
}

/// `chat-user-status-changed`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct StatusChanged<'a> {
    pub(crate) user: UserId,
    #[serde(borrow)]
    pub(crate) status: Cow<'a, str>,
}

/// The answer to `get-old-messages`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page<'a> {
    #[serde(borrow)]
    pub(crate) messages: Vec<Message<'a>>,
    pub(crate) has_more: bool,
}

/// The answer to `get-changes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Changes<'a> {
    #[serde(borrow)]
    pub(crate) messages: Vec<Message<'a>>,
    pub(crate) has_more: bool,
    /// Up to which change this is everything.
    pub(crate) rev: u64,
}

/// The answer to `message-read` with `upTo`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Read {
    /// How many messages were not read before.
    pub(crate) read: u64,
}

/// Milliseconds since 1970 of an RFC 3339 date.
fn date<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let text: Cow<'de, str> = Deserialize::deserialize(from)?;
    let date = chrono::DateTime::parse_from_rfc3339(&text).map_err(D::Error::custom)?;
    Ok(date.timestamp_millis())
}

fn some_date<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    date(from).map(Some)
}

fn bare_id<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    UserId::deserialize(from).map(|id| id.0)
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Id;
        impl<'de> Visitor<'de> for Id {
            type Value = String;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a user's id or user details")
            }

            fn visit_str<E>(self, id: &str) -> Result<String, E> {
                Ok(id.to_owned())
            }

            fn visit_u64<E>(self, id: u64) -> Result<String, E> {
                Ok(id.to_string())
            }

            fn visit_i64<E>(self, id: i64) -> Result<String, E> {
                Ok(id.to_string())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<String, A::Error> {
                let mut id = None;
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    if key == "_id" {
                        id = Some(map.next_value::<UserId>()?.0);
                    } else {
                        map.next_value::<serde::de::IgnoredAny>()?;
                    }
                }
                id.ok_or_else(|| A::Error::missing_field("_id"))
            }
        }
        from.deserialize_any(Id).map(Self)
    }
}
