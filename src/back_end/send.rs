//! `chatzz send`: sends a message as a user.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{BackEnd, Call, CallError};
use http::Method;

/// A message to send.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The user who sends it.
    pub from: String,
    /// The user who receives it.
    pub to: String,
    /// The text.
    pub text: String,
    /// The caller's own name of it.
    pub key: String,
}

/// A message that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The whole answer, as it came.
    pub answer: Box<RawValue>,
    /// The key that it was sent under.
    key: String,
}

/// The part of the answer that is said in words.
#[derive(Default, Deserialize)]
#[serde(default)]
struct InWords {
    #[serde(rename = "_id")]
    id: String,
    duplicate: bool,
}

impl std::fmt::Display for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let answer = serde_json::from_str(self.answer.get());
        let InWords { id, duplicate } = answer.unwrap_or_default();
        let done = if duplicate {
            "was sent before"
        } else {
            "is sent"
        };
        write!(f, "{id} {done}, under the key {}", self.key)
    }
}

impl BackEnd {
    /// Sends a message, once under its key.
    ///
    /// # Errors
    /// Why it was not sent, or that this is not known.
    pub async fn send(&self, message: &NewMessage) -> Result<Sent, CallError> {
        let NewMessage {
            from,
            to,
            text,
            key,
        } = message;
        let body = json!({ "from": from, "to": to, "message": text, "key": key });
        let call = Call {
            body: Some(("application/json", body.to_string().into_bytes())),
            ..Call::new(Method::POST, "messages")
        };
        let answer = self.call(&call).await?;
        let key = key.clone();
        Ok(Sent { answer, key })
    }
}
