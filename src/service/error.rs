//! Why the messenger does not do what it is asked.

use std::sync::Arc;
use std::time::Duration;

use crate::hooks::Refusal;
use crate::rooms::LaneError;
use crate::store;

/// A refusal or failure, in the messenger's own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request makes no sense; the text names the field.
    #[error("{0}")]
    BadRequest(String),
    /// The token is not believed; the text is the reason.
    #[error("{0}")]
    Unauthorized(String),
    /// The application refuses the login.
    #[error("{}", .0.reason())]
    LoginRefused(Arc<Refusal>),
    /// The application refuses what was asked for.
    #[error("{}", .0.reason())]
    Refused(Arc<Refusal>),
    /// The socket's token names somebody else.
    #[error("this socket may not speak for that user")]
    Forbidden,
    /// `connect-user` has to come first.
    #[error("send connect-user first")]
    NotConnected,
    /// The socket belongs to another user already.
    #[error("this socket is connected as another user")]
    AlreadyConnected,
    /// The application has no such user.
    #[error("there is no such user")]
    UserNotFound,
    /// Nobody can write to themselves.
    #[error("you cannot add yourself")]
    CannotAddSelf,
    /// Nobody has added the other yet.
    #[error("there is no chat room with this user: send add-chat-user first")]
    NoChatRoom,
    /// There is no such message for this user.
    #[error("there is no such message")]
    MessageNotFound,
    /// The text is too long.
    #[error("the message is longer than {0}")]
    MessageTooLong(String),
    /// The other does not want to hear from the sender.
    #[error("this user does not take messages from you")]
    Blocked,
    /// The client id was used for another message.
    #[error("this clientId belongs to another message of yours")]
    ClientIdConflict,
    /// Too much is waiting.
    #[error("too many events are waiting: slow down")]
    Overloaded,
    /// The user has as many sockets as allowed.
    #[error("this user has too many connections: close one")]
    TooManySockets,
    /// Too often; the time is how long to wait.
    #[error("too often: try again after a pause")]
    RateLimited(Duration),
    /// Nothing was stored.
    #[error("the service is not available at the moment; nothing was stored")]
    Unavailable,
    /// It may have been stored.
    #[error("it is not known whether this was stored: try again with the same clientId")]
    UnknownOutcome,
    /// A defect or a refusal nobody expected; the log tells more.
    #[error("internal error")]
    Internal,
}

/// Milliseconds, rounded up: who waits so long waits long enough.
fn whole_millis(time: Duration) -> u128 {
    time.as_nanos().div_ceil(1_000_000)
}

impl Error {
    /// What the application said when it refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) | Self::LoginRefused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// How long a client has to wait, where that is known, in milliseconds.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::RateLimited(wait) => u64::try_from(whole_millis(*wait)).ok(),
            _ => None,
        }
    }

    /// Whether the client could have known better. Of the others most are trouble of the
    /// server, in which honest clients repeat what they ask; what the application refuses,
    /// nobody can know before; and what comes before a login
    /// was often written while the client was offline: stock clients send it first of all.
    pub fn is_of_client(&self) -> bool {
        !matches!(
            self,
            Self::NotConnected
                | Self::Refused(_)
                | Self::Overloaded
                | Self::TooManySockets
                | Self::Unavailable
                | Self::UnknownOutcome
                | Self::Internal
        )
    }

    /// What a failed read means for its asker.
    pub fn of_read(error: &store::Error) -> Self {
        if error.is_transient() {
            tracing::warn!(error = error as &dyn std::error::Error, "a read failed");
            Self::Unavailable
        } else {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "a read was refused"
            );
            Self::Internal
        }
    }

    /// What a failed write means for its asker.
    pub fn of_write(error: &store::Error) -> Self {
        if error.may_be_applied() {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "a write's outcome is unknown"
            );
            Self::UnknownOutcome
        } else {
            Self::of_read(error)
        }
    }
}

impl From<LaneError> for Error {
    fn from(error: LaneError) -> Self {
        match error {
            LaneError::Unavailable => Self::Unavailable,
            LaneError::UnknownOutcome => Self::UnknownOutcome,
            LaneError::Overloaded => Self::Overloaded,
            LaneError::ClientIdConflict => Self::ClientIdConflict,
            LaneError::Internal => Self::Internal,
        }
    }
}
