//! Client events as they arrive: their table, and payloads checked for their form.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;

pub use super::decode::decode;
use super::decode::field;
pub(crate) use super::decode::wants_envelope;
pub(crate) use super::ephemeral::small_json;
pub use super::ephemeral::{GetActiveUsers, Signal, Typing};
pub use super::time::DateInput;
use crate::domain::Content;
use crate::id::{MessageId, Seq};
use crate::service::{ContentRules, Draft, Error, HistoryQuery, IdInput, People, Receipt};

/// The table of all client events, in the order of `docs/protocol.md`.
///
/// A row is the name, what the event does, the module of its handler, its payload (here,
/// and the variant of the same name in `events`), its answer, the limit that it counts
/// against, and its order, a method of `socket::dispatch`. Code that needs the rows
/// passes a macro. `disconnect` is not among them: it has no payload, no answer and no
/// limit.
macro_rules! client_events {
    ($callback:ident) => {
        $callback! {
            "connect-user" "Logs the socket in"
                connect_user(ConnectUser) -> result::Connected<'static>, Connect, login;
            "add-chat-user" "Opens the chat room with somebody"
                add_chat_user(AddChatUser) -> ContactView<'static>, Add, add;
            "get-old-messages" "One page of the history with somebody"
                get_old_messages(GetOldMessages) -> result::History<'static>, History, read;
            "get-changes" "The messages with somebody that were changed"
                get_changes(GetChanges) -> result::Changes<'static>, History, read;
            "send-message" "Writes to somebody"
                send_message(SendMessage) -> SentMessage<'static>, Send, send;
            "message-read" "Says what was read"
                message_read(MessageRead) -> ReadResult, Other, lane;
            "message-delivered" "Says what has arrived"
                message_delivered(MessageDelivered) -> result::Delivered, Other, lane;
            "block-user" "Takes no more messages from somebody"
                block_user(BlockUser) -> result::Blocked, Other, write;
            "unblock-user" "Takes messages from somebody again"
                unblock_user(UnblockUser) -> result::Blocked, Other, write;
            "get-blocked-users" "Everybody whom the user has blocked"
                get_blocked_users(GetBlockedUsers) -> result::Users<'static>, Other, read;
            "set-privacy" "Sets who may write to the user"
                set_privacy(SetPrivacy) -> Privacy<'static>, Other, write;
            "typing" "Says that the user is writing to somebody"
                typing(Typing) -> result::Done, Typing, read;
            "signal" "Hands something to somebody who is here, unstored"
                signal(Signal) -> result::Online, Signal, read;
            "get-active-users" "A page of the contacts who are online"
                get_active_users(GetActiveUsers) -> result::Active<'static>, History, read;
            "refresh-token" "Shows a fresh token"
                refresh_token(RefreshToken) -> result::Refreshed, Other, renew;
        }
    };
}
pub(crate) use client_events;

/// Payload of `connect-user`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectUser {
    /// The user who connects.
    pub user_id: IdInput,
    /// Whether the client acknowledges each `new-message`.
    #[serde(default)]
    pub delivery_acks: Option<bool>,
    /// Whether `from` and `to` of messages are ids, since the client keeps the details of
    /// its contacts.
    #[serde(default)]
    pub compact: Option<bool>,
    /// The newest protocol that the client knows. From 2 on it takes a `range` of messages
    /// that became `sent` or `read`; else each of them is announced by itself.
    #[serde(default)]
    pub protocol: Option<u32>,
}

/// Payload of `add-chat-user`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddChatUser {
    /// The user to add.
    pub user_to_add: IdInput,
}

/// Payload of `block-user` and of `unblock-user`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockUser {
    /// The other user.
    pub user_id: IdInput,
}

/// Payload of `unblock-user`.
pub type UnblockUser = BlockUser;

/// Payload of `get-blocked-users`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct GetBlockedUsers {
    /// Continue after this one, the last of the page before.
    #[serde(default)]
    pub after: Option<IdInput>,
}

/// Payload of `set-privacy`; an absent field leaves its setting as it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetPrivacy {
    /// Whether only people on the whitelist may write.
    #[serde(default)]
    pub whitelist_only: Option<bool>,
    /// The new whitelist, replacing the old one.
    #[serde(default)]
    pub whitelist: Option<Vec<IdInput>>,
}

/// Payload of `get-old-messages`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetOldMessages {
    user_id: IdInput,
    // in dialect 1 anything may stand here, and has no effect
    #[schemars(with = "Option<DateInput>")]
    date: Option<Box<RawValue>>,
    #[serde(default)]
    from_date: Option<DateInput>,
    #[serde(default)]
    before: Option<Seq>,
    #[serde(default)]
    after: Option<Seq>,
    #[serde(default)]
    limit: Option<i64>,
}

impl GetOldMessages {
    /// What dialect 1 asks for: everything, or what was created at or after `fromDate`. The
    /// `date` of its readme never had an effect, whatever it was.
    pub fn into_query_of_all(self) -> HistoryQuery {
        HistoryQuery {
            with: self.user_id,
            since: self.from_date.map(|date| date.0),
            before: None,
            after: Some(0),
            limit: Some(i64::MAX),
            people: People::Details,
        }
    }

    /// What is asked for, with the people in this form.
    ///
    /// # Errors
    /// [`Error::BadRequest`] for a `date` that is none.
    pub fn into_query(self, people: People) -> Result<HistoryQuery, Error> {
        let date: Option<DateInput> = match &self.date {
            Some(date) => Some(field("date", date)?),
            None => self.from_date,
        };
        Ok(HistoryQuery {
            with: self.user_id,
            since: date.map(|date| date.0),
            before: self.before,
            after: self.after,
            limit: self.limit,
            people,
        })
    }
}

/// Payload of `get-changes`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetChanges {
    /// The conversation with this user.
    pub user_id: IdInput,
    /// Only changes after this one; 0 for all.
    pub after_rev: u32,
    /// How many; clamped to what is configured.
    #[serde(default)]
    pub limit: Option<i64>,
}

/// Payload of `send-message`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendMessage {
    user_id: IdInput,
    message: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    data: Option<Box<RawValue>>,
    #[serde(default)]
    client_id: Option<String>,
}

impl SendMessage {
    /// The message, checked.
    ///
    /// # Errors
    /// Those of [`Draft::new`].
    pub fn into_draft(self, rules: &ContentRules) -> Result<Draft, Error> {
        let content = Content {
            text: self.message,
            kind: self.kind,
            data: self.data.map(|data| data.get().to_owned()),
        };
        Draft::new(self.user_id, content, self.client_id, rules)
    }
}

/// Payload of `message-read`: one message, or everything from one sender up to a position.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("oneOf" = [
    { "title": "MessageReadOne", "required": ["messageId"] },
    { "title": "MessageReadUpTo", "required": ["userId", "upTo"] },
]))]
pub struct MessageRead {
    #[serde(default)]
    message_id: Option<String>,
    #[serde(default)]
    user_id: Option<IdInput>,
    #[serde(default)]
    up_to: Option<Seq>,
}

impl TryFrom<MessageRead> for Receipt {
    type Error = Error;

    fn try_from(request: MessageRead) -> Result<Self, Error> {
        match request {
            MessageRead {
                message_id: Some(id),
                user_id: None,
                up_to: None,
            } => MessageId::parse(&id)
                .map(Self::ReadOne)
                .ok_or(Error::MessageNotFound),
            MessageRead {
                message_id: None,
                user_id: Some(user),
                up_to: Some(seq),
            } => Ok(Self::ReadUpTo(user, position(seq)?)),
            _ => Err(Error::BadRequest(
                "give either messageId, or userId and upTo".into(),
            )),
        }
    }
}

/// Payload of `refresh-token`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct RefreshToken {
    /// The fresh token.
    #[schemars(with = "String")]
    pub token: SecretString,
}

/// Payload of `message-delivered`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageDelivered {
    user_id: IdInput,
    up_to: Seq,
}

impl TryFrom<MessageDelivered> for Receipt {
    type Error = Error;

    fn try_from(request: MessageDelivered) -> Result<Self, Error> {
        Ok(Self::DeliveredUpTo(
            request.user_id,
            position(request.up_to)?,
        ))
    }
}

fn position(seq: Seq) -> Result<Seq, Error> {
    if seq >= 1 {
        Ok(seq)
    } else {
        Err(Error::BadRequest("upTo: must be a positive integer".into()))
    }
}
