//! What hooks are asked, and what they may answer.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bson::DateTime;
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::id::{ChatRoomId, UserId};

/// Longest reason that is passed on, in characters.
const MAX_REASON_CHARS: usize = 200;
/// Most bytes of `meta` as JSON.
const MAX_META_BYTES: usize = 8 * 1024;

/// Why the application refused something, as it reaches the front end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    reason: String,
    meta: Option<Map<String, Value>>,
}

impl Refusal {
    /// A refusal with a reason, of which 200 characters are passed on, without control
    /// characters.
    pub fn new(reason: &str) -> Self {
        let shown = reason.chars().filter(|c| !c.is_control());
        Self {
            reason: shown.take(MAX_REASON_CHARS).collect(),
            meta: None,
        }
    }

    /// The same with an object for the front end; one of more than 8 KiB of JSON is left out.
    #[must_use]
    pub fn with_meta(self, meta: Option<Map<String, Value>>) -> Self {
        let meta = meta.filter(is_small);
        Self { meta, ..self }
    }

    /// The reason.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What the application adds.
    pub fn meta(&self) -> Option<&Map<String, Value>> {
        self.meta.as_ref()
    }
}

/// Whether an object may be passed on to front ends.
pub(crate) fn is_small(meta: &Map<String, Value>) -> bool {
    serde_json::to_vec(meta).is_ok_and(|json| json.len() <= MAX_META_BYTES)
}

/// A message that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BeforeSend {
    /// Who sends it.
    pub from: UserId,
    /// Who receives it.
    pub to: UserId,
    /// Their chat room.
    pub chat_room: ChatRoomId,
    /// The text.
    pub message: String,
    /// The sender's own id of the message, if their client gives one.
    pub client_id: Option<String>,
    /// The name of the API key, if the application sends it and wants the hook to be asked.
    pub via: Option<String>,
    /// What it is besides its text: one of the operator's kinds.
    pub kind: Option<String>,
    /// What belongs to that kind: a JSON object, checked by its schema.
    pub data: Option<String>,
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendVerdict {
    /// It is sent.
    Allow,
    /// It is not stored, and its sender is answered `refused`.
    Refuse(Refusal),
    /// This text is sent in its place, to both people.
    Replace(String),
    /// It is stored, and its sender sees it like any other; the receiver never does.
    Withhold,
}

/// A chat room that is about to be created.
#[derive(Clone, Debug)]
pub struct BeforeAdd {
    /// Who adds.
    pub from: UserId,
    /// Who is added.
    pub to: UserId,
}

/// What becomes of a chat room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddVerdict {
    /// It is created.
    Allow,
    /// It is not, and the user who adds is answered `refused`.
    Refuse(Refusal),
}

/// Credentials that a client presents; `Debug` does not show the token.
#[derive(Clone, Debug)]
pub struct LoginAsked {
    /// The token, if there is one.
    pub token: Option<SecretString>,
    /// The headers of the handshake that are text, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The address of the client.
    pub address: Option<IpAddr>,
}

/// Whose credentials they are.
#[derive(Clone, Debug)]
pub enum LoginVerdict {
    /// `CHATZZ_AUTH` decides.
    Pass,
    /// A user's.
    Grant(Granted),
    /// Nobody's.
    Refuse(Refusal),
}

/// A login that was granted.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The user's id, as text.
    pub user: String,
    /// When the socket is closed unless it sends fresh credentials; `None` is never.
    pub expires_at: Option<DateTime>,
    /// What the front end gets with its login; at most 8 KiB of JSON.
    pub meta: Option<Map<String, Value>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_is_passed_on_bounded_and_without_control_characters() {
        let refusal = Refusal::new(&format!("pay\nfirst{}", "é".repeat(999)));
        assert!(refusal.reason().starts_with("payfirst"));
        assert_eq!(refusal.reason().chars().count(), 200);
        let meta = |length: usize| json!({ "a": "x".repeat(length) }).as_object().cloned();
        assert!(refusal.clone().with_meta(meta(8_000)).meta().is_some());
        assert!(refusal.with_meta(meta(9_000)).meta().is_none());
    }
}
