//! Client events as they come, checked for shape.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::depth;
pub use super::passing::{GetActiveUsers, Signal, Typing};
pub use super::time::DateInput;
use crate::id::{MessageId, Seq};
use crate::service::{Draft, Error, HistoryQuery, IdInput, Receipt};

/// Payload of `connect-user`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectUser {
    /// Who connects.
    pub user_id: IdInput,
    /// Whether the client acknowledges each `new-message`.
    #[serde(default)]
    pub delivery_acks: Option<bool>,
}

/// Payload of `add-chat-user`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddChatUser {
    /// Who is added.
    pub user_to_add: IdInput,
}

/// Payload of `block-user` and of `unblock-user`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockUser {
    /// Who is meant.
    pub user_id: IdInput,
}

/// Payload of `get-blocked-users`: nothing.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct GetBlockedUsers {}

/// Payload of `set-privacy`; what is absent stays as it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetPrivacy {
    /// Whether only those on the whitelist may write.
    #[serde(default)]
    pub whitelist_only: Option<bool>,
    /// Who may write then, instead of all who were on the list.
    #[serde(default)]
    pub whitelist: Option<Vec<IdInput>>,
}

/// Payload of `get-old-messages`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetOldMessages {
    user_id: IdInput,
    #[serde(default)]
    date: Option<DateInput>,
    #[serde(default)]
    from_date: Option<DateInput>,
    #[serde(default)]
    before: Option<Seq>,
    #[serde(default)]
    after: Option<Seq>,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    envelope: Option<bool>,
}

impl GetOldMessages {
    /// Whether the page is wanted as an envelope as well as in the ack.
    pub fn wants_envelope(&self) -> bool {
        self.envelope.unwrap_or_default()
    }
}

impl From<GetOldMessages> for HistoryQuery {
    fn from(request: GetOldMessages) -> Self {
        Self {
            with: request.user_id,
            since: request.date.or(request.from_date).map(|date| date.0),
            before: request.before,
            after: request.after,
            limit: request.limit,
        }
    }
}

/// Payload of `send-message`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendMessage {
    user_id: IdInput,
    message: String,
    #[serde(default)]
    client_id: Option<String>,
}

impl SendMessage {
    /// The message, checked.
    ///
    /// # Errors
    /// Those of [`Draft::new`].
    pub fn into_draft(self, max_chars: usize) -> Result<Draft, Error> {
        Draft::new(self.user_id, self.message, self.client_id, max_chars)
    }
}

/// Payload of `message-read`: one message, or all of somebody up to a position.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("oneOf" = [{ "required": ["messageId"] }, { "required": ["userId", "upTo"] }]))]
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

/// Reads a payload; the error names the field that is wrong.
///
/// # Errors
/// [`Error::BadRequest`].
pub fn decode<T: DeserializeOwned>(payload: Option<&RawValue>) -> Result<T, Error> {
    let text = payload.map_or("null", RawValue::get);
    if !text.starts_with('{') {
        return Err(Error::BadRequest("the payload must be an object".into()));
    }
    if !depth::is_within(text, MOST_DEPTH) {
        let nested = format!("the payload is nested deeper than {MOST_DEPTH} levels");
        return Err(Error::BadRequest(nested));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner().to_string();
        // serde_json appends " at line 1 column 12", which means nothing here
        let cause = cause.split(" at line ").next().unwrap_or_default();
        let cause = cause.chars().take(MOST_ERROR_CHARS).collect::<String>();
        Error::BadRequest(if path == "." {
            cause
        } else {
            format!("{path}: {cause}")
        })
    })
}

/// Most objects and arrays within each other, in ignored fields too. What the
/// events take has one level.
const MOST_DEPTH: usize = 16;

/// The client's own value may stand in the text, but not at any length.
const MOST_ERROR_CHARS: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn refusal<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> String {
        decode::<T>(Some(&raw(json))).unwrap_err().to_string()
    }

    #[test]
    fn a_wrong_field_is_named() {
        assert_eq!(
            refusal::<SendMessage>(r#"{"userId":"a","message":5}"#),
            "message: invalid type: integer `5`, expected a string"
        );
        assert_eq!(
            refusal::<SendMessage>(r#"{"message":"x"}"#),
            "missing field `userId`"
        );
        assert!(refusal::<ConnectUser>(r#"{"userId":{"$ne":null}}"#).starts_with("userId: "));
        assert!(refusal::<ConnectUser>(r#"{"userId":1.5}"#).starts_with("userId: "));
        assert!(refusal::<GetOldMessages>(r#"{"userId":1,"date":"x"}"#).starts_with("date: "));
    }

    #[test]
    fn an_id_is_short_and_holds_no_control_characters() {
        let id = |id: &str| format!(r#"{{"userId":{}}}"#, serde_json::Value::from(id));
        decode::<ConnectUser>(Some(&raw(&id(&"x".repeat(1_024))))).unwrap();
        decode::<ConnectUser>(Some(&raw(&id("\u{202e}ü $ne")))).unwrap();
        let long = refusal::<ConnectUser>(&id(&"x".repeat(1_025)));
        assert_eq!(long, "userId: is longer than 1024 bytes");
        for control in ["a\0", "\n", "\u{7f}"] {
            let refused = refusal::<ConnectUser>(&id(control));
            assert_eq!(refused, "userId: must not hold control characters");
        }
    }

    #[test]
    fn a_payload_is_nested_sixteen_levels_deep_at_most() {
        let nested = |levels: usize| {
            let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
            format!(r#"{{"userId":"a","ignored":{open}{close}}}"#)
        };
        decode::<ConnectUser>(Some(&raw(&nested(16)))).unwrap();
        for levels in [17, 10_000] {
            let refused = refusal::<ConnectUser>(&nested(levels));
            assert_eq!(refused, "the payload is nested deeper than 16 levels");
        }
    }

    #[test]
    fn only_an_object_is_a_payload() {
        for json in ["null", "[]", "5", "\"x\"", "true"] {
            assert_eq!(
                refusal::<ConnectUser>(json),
                "the payload must be an object"
            );
        }
        assert!(decode::<ConnectUser>(None).is_err());
    }

    proptest! {
        #[test]
        fn any_json_is_decoded_or_refused(json in "[\\[\\]{}\":,a-z0-9.\\\\u$ -]{0,60}") {
            if let Ok(payload) = RawValue::from_string(json) {
                let _ = decode::<SendMessage>(Some(&payload));
                let _ = decode::<GetOldMessages>(Some(&payload));
            }
        }
    }
}
