//! Errors of the HTTP API: problem details, RFC 9457.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::operator::{EventsError, Gone, Refused};
use crate::service::Error;
use crate::wire::{Code, ErrorBody};

/// The media type of problem details.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// Why a call was not done.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    /// The HTTP status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// For people: what is wrong.
    detail: String,
    /// The stable code: those of the protocol of clients, and some of the API alone.
    code: ProblemCode,
    /// Whether something may have been stored. `no`: this call stored nothing; an earlier
    /// one that was answered `perhaps` may have. `perhaps`: repeat the
    /// call with the same key to find out.
    stored: MayBeStored,
    /// With `rate-limited`: how long to wait, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    /// With `refused`: what the hook says.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The object that the hook adds to its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Map<String, Value>>,
}

/// A stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum ProblemCode {
    /// One of the protocol of clients.
    Wire(Code),
    /// One that clients never see.
    Own(OwnCode),
}

/// A code that clients never see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OwnCode {
    /// Events after this cursor were removed, or the log is another one.
    CursorGone,
    /// There is no such letter.
    LetterNotFound,
}

impl ProblemCode {
    /// The code as it is written.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Wire(code) => code.as_str(),
            Self::Own(OwnCode::CursorGone) => "cursor-gone",
            Self::Own(OwnCode::LetterNotFound) => "letter-not-found",
        }
    }
}

/// Whether something may have been stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum MayBeStored {
    No,
    Perhaps,
}

impl Problem {
    /// A problem of the request itself; nothing was stored.
    pub(super) fn new(status: StatusCode, code: Code, detail: impl Into<String>) -> Self {
        Self {
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: detail.into(),
            code: ProblemCode::Wire(code),
            stored: MayBeStored::No,
            retry_after_ms: None,
            reason: None,
            meta: None,
        }
    }

    /// The id is that of no letter.
    pub(super) fn no_letter() -> Self {
        let detail = "there is no such letter; perhaps it was taken by now";
        Self {
            code: ProblemCode::Own(OwnCode::LetterNotFound),
            ..Self::new(StatusCode::NOT_FOUND, Code::BadRequest, detail)
        }
    }

    /// The problem of a call: one that only reads has stored nothing, whatever happened.
    pub(super) fn of_call(self, is_mutating: bool) -> Self {
        let stored = if is_mutating {
            self.stored
        } else {
            MayBeStored::No
        };
        Self { stored, ..self }
    }

    /// Whether a repeat may succeed: too much at a time, or something is away.
    pub(super) fn is_for_now(&self) -> bool {
        matches!(
            self.status(),
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        )
    }

    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The stable code.
    pub(super) fn code(&self) -> ProblemCode {
        self.code
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let ErrorBody {
            code,
            message,
            retry_after_ms,
            reason,
            meta,
        } = ErrorBody::from(&refused.error);
        // some texts speak to a person at their front end
        let detail = match refused.error {
            Error::NoChatRoom => "these users have no chat room".to_owned(),
            Error::ClientIdConflict => {
                "this key belongs to another message of this sender in this chat room".to_owned()
            }
            Error::CannotAddSelf => "`from` and `to` are the same user".to_owned(),
            Error::Blocked => "`to` does not take messages from `from`".to_owned(),
            Error::UnknownOutcome => {
                "it is not known whether this was stored: repeat it with the same key".to_owned()
            }
            _ => message,
        };
        let detail = match refused.field {
            Some(field) => format!("{field}: {detail}"),
            None => detail,
        };
        let perhaps = matches!(code, Code::UnknownOutcome | Code::Internal);
        Self {
            stored: if perhaps {
                MayBeStored::Perhaps
            } else {
                MayBeStored::No
            },
            retry_after_ms,
            reason,
            meta,
            ..Self::new(status_of(code), code, detail)
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Refused::from(error).into()
    }
}

impl From<EventsError> for Problem {
    fn from(error: EventsError) -> Self {
        let detail = match error {
            EventsError::Failed(error) => return error.into(),
            EventsError::Gone(Gone::Old) => {
                "events after this were removed; read what you need from the other calls, and go \
                 on with `after=oldest`"
            }
            EventsError::Gone(Gone::Other) => {
                "the log of events is another one than this cursor is from, as after a back-up \
                 was restored; go on with `after=oldest`"
            }
        };
        Self {
            code: ProblemCode::Own(OwnCode::CursorGone),
            ..Self::new(StatusCode::GONE, Code::BadRequest, detail)
        }
    }
}

/// The HTTP status of a code.
fn status_of(code: Code) -> StatusCode {
    match code {
        Code::BadRequest | Code::CannotAddSelf => StatusCode::BAD_REQUEST,
        Code::Unauthorized | Code::NotConnected => StatusCode::UNAUTHORIZED,
        Code::Forbidden | Code::Blocked | Code::Refused => StatusCode::FORBIDDEN,
        Code::UserNotFound | Code::NoChatRoom | Code::MessageNotFound => StatusCode::NOT_FOUND,
        Code::ClientIdConflict | Code::AlreadyConnected => StatusCode::CONFLICT,
        Code::MessageTooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Overloaded | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::UnknownOutcome => StatusCode::GATEWAY_TIMEOUT,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Seconds after which to try again, where the database or the server is busy.
const BUSY: u64 = 1;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let wait = match (self.retry_after_ms, status) {
            (Some(wait), _) => Some(wait.div_ceil(1_000)),
            (None, StatusCode::SERVICE_UNAVAILABLE) => Some(BUSY),
            (None, _) => None,
        };
        let mut response = (status, axum::Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = wait {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
