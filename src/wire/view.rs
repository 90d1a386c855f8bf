//! People, messages and contacts as clients see them.

use bson::{Binary, Bson, Document, spec::BinarySubtype};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use super::json::{join, render};
use super::schema;
use super::time::Date;
use crate::id::{ChatRoomId, MessageId, Seq, UserId};
use crate::lanes::Stored;
use crate::service::{Contact, LastMessage, PrivacySettings};
use crate::store::{Presence, Status, User};

/// Largest JSON of one field of a user; larger ones are left out, 8 KiB.
const MOST_FIELD_BYTES: usize = 8 * 1024;
/// Deepest nesting of a user's field; deeper values are left out.
const MOST_DEPTH: usize = 8;

/// User details: the allowed fields of a user's document, rendered once.
pub fn user_details(user: &User) -> &RawValue {
    user.rendered.get_or_init(|| render_user(user))
}

fn render_user(user: &User) -> Box<RawValue> {
    #[derive(Serialize)]
    struct Head<'a> {
        #[serde(rename = "_id")]
        id: &'a UserId,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        deleted: bool,
    }
    let head = render(&Head {
        id: &user.id,
        deleted: user.profile.is_none(),
    });
    match &user.profile {
        None => head,
        Some(profile) => join(&head, &fields(profile)),
    }
}

fn fields(profile: &Document) -> Map<String, Value> {
    profile
        .iter()
        .filter(|(name, _)| *name != "_id")
        .filter_map(|(name, value)| {
            let value = plain(value, 0)?;
            (render(&value).get().len() <= MOST_FIELD_BYTES).then(|| (name.clone(), value))
        })
        .collect()
}

/// A BSON value as plain JSON; `None` for what has no plain form.
fn plain(value: &Bson, depth: usize) -> Option<Value> {
    if depth > MOST_DEPTH {
        return None;
    }
    Some(match value {
        Bson::Null | Bson::Undefined => Value::Null,
        Bson::Boolean(flag) => Value::Bool(*flag),
        Bson::String(text) => Value::String(text.clone()),
        Bson::Int32(number) => Value::from(*number),
        Bson::Int64(number) => serde_json::to_value(UserId::Int(*number)).ok()?,
        Bson::Double(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        Bson::Decimal128(number) => Value::String(number.to_string()),
        Bson::ObjectId(id) => Value::String(id.to_hex()),
        Bson::DateTime(date) => Value::String(Date(*date).text()),
        Bson::Binary(Binary {
            subtype: BinarySubtype::Uuid,
            ..
        }) => Value::String(UserId::from_bson(value)?.to_key()),
        Bson::Array(items) => items
            .iter()
            .filter_map(|item| plain(item, depth + 1))
            .collect(),
        Bson::Document(document) => document
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), plain(value, depth + 1)?)))
            .collect::<Map<_, _>>()
            .into(),
        _ => return None,
    })
}

/// A message's own fields, with its people in the form `P`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageView<'a, P> {
    #[serde(rename = "_id")]
    id: String,
    created_at: Date,
    from: P,
    to: P,
    message: &'a str,
    status: Status,
    chat_room_id: String,
    seq: Seq,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_at: Option<Date>,
}

impl<'a, P> MessageView<'a, P> {
    fn new(message: &'a crate::store::Message, from: P, to: P) -> Self {
        let (id, room): (MessageId, ChatRoomId) = (message.id, message.chat_room);
        Self {
            id: id.to_hex(),
            created_at: Date(message.created_at),
            from,
            to,
            message: &message.message,
            status: message.status,
            chat_room_id: room.to_hex(),
            seq: message.seq,
            client_id: message.client_id.as_deref(),
            sent_at: message.sent_at.map(Date),
            read_at: message.read_at.map(Date),
        }
    }
}

/// A message with user details on both sides.
pub fn message(stored: &Stored) -> Box<RawValue> {
    let (from, to) = (user_details(&stored.from), user_details(&stored.to));
    render(&MessageView::new(&stored.message, from, to))
}

/// A message to which a send with the same client id is answered.
pub(crate) fn duplicate(stored: &Stored) -> Box<RawValue> {
    #[derive(Serialize)]
    struct Duplicate {
        duplicate: bool,
    }
    join(&message(stored), &Duplicate { duplicate: true })
}

/// Positions in a chat room, both ends included.
#[derive(Serialize, JsonSchema)]
pub(super) struct Range {
    from: Seq,
    to: Seq,
}

/// A message that stands for a range of them.
pub(crate) fn ranged(stored: &Stored, from: Seq, to: Seq) -> Box<RawValue> {
    #[derive(Serialize)]
    struct Ranged {
        range: Range,
    }
    join(
        &message(stored),
        &Ranged {
            range: Range { from, to },
        },
    )
}

fn last_message(last: &LastMessage) -> Box<RawValue> {
    render(&MessageView::new(&last.message, &last.from, &last.to))
}

/// What a contact has beside the user details.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContactView<'a> {
    chat_room_id: String,
    status: Presence,
    last_online: Option<Date>,
    unread_count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::LastMessage>")]
    last_message: Option<Box<RawValue>>,
    added_by: &'a UserId,
    added_at: Date,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    added_while_away: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed_count: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed_from: Option<Seq>,
}

/// An entry of `connectedUsers[]`.
pub(crate) fn contact(contact: &Contact) -> Box<RawValue> {
    join(
        user_details(&contact.user),
        &ContactView {
            chat_room_id: contact.room.to_hex(),
            status: contact.shown.status,
            last_online: contact.shown.last_online.map(Date),
            unread_count: contact.unread,
            last_message: contact.last_message.as_ref().map(last_message),
            added_by: &contact.added_by,
            added_at: Date(contact.added_at),
            added_while_away: contact.added_while_away,
            missed_count: contact.cut.map(|(count, _)| count),
            missed_from: contact.cut.map(|(_, from)| from),
        },
    )
}

/// What somebody just added has beside the user details.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AddedView<'a> {
    status: Presence,
    last_online: Option<Date>,
    chat_room_id: String,
    added_by: &'a UserId,
    added_at: Date,
}

/// A contact as he is told of in `chat-user-added`.
pub(crate) fn added(contact: &Contact) -> Box<RawValue> {
    join(
        user_details(&contact.user),
        &AddedView {
            status: contact.shown.status,
            last_online: contact.shown.last_online.map(Date),
            chat_room_id: contact.room.to_hex(),
            added_by: &contact.added_by,
            added_at: Date(contact.added_at),
        },
    )
}

/// Who may write to one.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Privacy<'a> {
    whitelist_only: bool,
    whitelist: &'a [UserId],
}

impl<'a> From<&'a PrivacySettings> for Privacy<'a> {
    fn from(settings: &'a PrivacySettings) -> Self {
        Self {
            whitelist_only: settings.whitelist_only,
            whitelist: &settings.whitelist,
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use serde_json::json;

    use super::*;

    fn shown(document: Document) -> Value {
        let user = User::present(UserId::Int(1), document);
        serde_json::from_str(user_details(&user).get()).unwrap()
    }

    #[test]
    fn odd_fields_are_shown_plainly_or_left_out() {
        let mut deep = Bson::from("bottom");
        for _ in 0..20 {
            deep = doc! { "d": deep }.into();
        }
        let odd = doc! {
            "_id": 1,
            "username": null,
            "name": { "first": "Ann", "born": bson::DateTime::from_millis(0) },
            "score": f64::NAN,
            "big": 9_007_199_254_740_993_i64,
            "blob": Binary { subtype: BinarySubtype::Generic, bytes: vec![1, 2] },
            "huge": "x".repeat(10_000),
            "deep": deep,
        };
        let shown = shown(odd);
        assert_eq!(shown["_id"], json!(1));
        assert_eq!(shown["username"], Value::Null);
        assert_eq!(
            shown["name"],
            json!({ "born": "1970-01-01T00:00:00.000Z", "first": "Ann" })
        );
        assert_eq!(shown["score"], Value::Null);
        assert_eq!(shown["big"], json!("9007199254740993"));
        assert!(shown.get("blob").is_none());
        assert!(shown.get("huge").is_none());
    }

    #[test]
    fn a_deleted_user_is_an_id_and_a_mark() {
        let user = User::deleted(UserId::String("gone".into()));
        assert_eq!(
            user_details(&user).get(),
            r#"{"_id":"gone","deleted":true}"#
        );
    }
}
