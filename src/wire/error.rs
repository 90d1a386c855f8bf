//! Errors as clients see them: stable codes, and a text for people.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Render;
use super::json::{Json, render};
use crate::service::Error;

/// A stable error code. `docs/protocol.md` says what a client may conclude.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is its code, written out")]
pub enum Code {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotConnected,
    AlreadyConnected,
    UserNotFound,
    CannotAddSelf,
    NoChatRoom,
    MessageNotFound,
    MessageTooLong,
    ClientIdConflict,
    Blocked,
    Refused,
    RateLimited,
    Overloaded,
    Unavailable,
    UnknownOutcome,
    Internal,
}

impl Code {
    /// The code in the protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotConnected => "not-connected",
            Self::AlreadyConnected => "already-connected",
            Self::UserNotFound => "user-not-found",
            Self::CannotAddSelf => "cannot-add-self",
            Self::NoChatRoom => "no-chat-room",
            Self::MessageNotFound => "message-not-found",
            Self::MessageTooLong => "message-too-long",
            Self::ClientIdConflict => "client-id-conflict",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::RateLimited => "rate-limited",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::UnknownOutcome => "unknown-outcome",
            Self::Internal => "internal",
        }
    }
}

/// `error` of an acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ErrorBody {
    /// The stable code.
    pub code: Code,
    /// For people; never database text.
    pub message: String,
    /// With `rate-limited`: how long to wait, in milliseconds.
    #[serde(rename = "retryAfterMs", skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// With `refused`, and `unauthorized` where the application refused the login: what it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The object that the application adds to its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<Map<String, Value>>,
}

impl From<&Error> for ErrorBody {
    fn from(error: &Error) -> Self {
        let code = match error {
            Error::BadRequest(_) => Code::BadRequest,
            Error::Unauthorized(_) | Error::LoginRefused(_) => Code::Unauthorized,
            Error::Refused(_) => Code::Refused,
            Error::Forbidden => Code::Forbidden,
            Error::NotConnected => Code::NotConnected,
            Error::AlreadyConnected => Code::AlreadyConnected,
            Error::UserNotFound => Code::UserNotFound,
            Error::CannotAddSelf => Code::CannotAddSelf,
            Error::NoChatRoom => Code::NoChatRoom,
            Error::MessageNotFound => Code::MessageNotFound,
            Error::MessageTooLong(_) => Code::MessageTooLong,
            Error::ClientIdConflict => Code::ClientIdConflict,
            Error::Blocked => Code::Blocked,
            Error::RateLimited(_) => Code::RateLimited,
            Error::Overloaded | Error::TooManySockets => Code::Overloaded,
            Error::Unavailable => Code::Unavailable,
            Error::UnknownOutcome => Code::UnknownOutcome,
            Error::Internal => Code::Internal,
        };
        let refusal = error.refusal();
        Self {
            code,
            message: error.to_string(),
            retry_after_ms: error.retry_after_ms(),
            reason: refusal.map(|refusal| refusal.reason().to_owned()),
            meta: refusal.and_then(|refusal| refusal.meta().cloned()),
        }
    }
}

impl Render for Error {
    fn v3(&self) -> Json {
        render(&ErrorBody::from(self)).into()
    }
}
