//! What can go wrong with the database, sorted by what a caller may conclude.

use mongodb::error::{Error as DriverError, ErrorKind, WriteFailure};

/// Server codes after which a write may nevertheless have been applied.
///
/// Shutdown (91), interrupted (11600, 11602), stepped down (189), not primary (10107,
/// 13435, 13436), host and network errors (6, 7, 89, 9001), time exceeded (50, 262) and
/// failed write concern (64, 100): the retryable set of the MongoDB retryable-writes
/// specification, and time-outs.
pub(crate) const AMBIGUOUS_CODES: [i32; 16] = [
    6, 7, 50, 64, 89, 91, 100, 189, 262, 317, 9001, 10107, 11600, 11602, 13435, 13436,
];

/// A failed database operation.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was applied: no server could be reached.
    #[error("the database cannot be reached")]
    Unavailable(#[source] DriverError),
    /// The operation may have been applied; the answer was lost.
    #[error("the database did not say whether it applied the operation")]
    Ambiguous(#[source] DriverError),
    /// Applied, but a majority has not confirmed it in time: it may be lost.
    #[error("the database did not confirm the operation on a majority")]
    Unconfirmed,
    /// No answer within the operation's time; it may still be applied.
    #[error("the database did not answer within {0:?}")]
    TimedOut(std::time::Duration),
    /// A unique index, named here, refused the document.
    #[error("a document with this key exists (index {index})")]
    Duplicate {
        /// Name of the index that refused the document.
        index: String,
    },
    /// The database refused the operation, or the driver could not make it.
    #[error("the database refused the operation")]
    Refused(#[source] DriverError),
    /// A read before the write failed: nothing was applied.
    #[error("the database did not answer what was asked before writing")]
    Unread(#[source] Box<Self>),
    /// The requested chat room does not exist, or does not belong to these people.
    #[error("there is no such chat room")]
    NoChatRoom,
    /// The task that ran the operation ended without an answer.
    #[error("the operation was abandoned")]
    Abandoned,
}

impl Error {
    /// Whether a write that failed so may nevertheless be in the database.
    pub fn may_be_applied(&self) -> bool {
        matches!(
            self,
            Self::Ambiguous(_) | Self::Unconfirmed | Self::TimedOut(_) | Self::Abandoned
        )
    }

    /// Whether the same operation may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unread(error) => error.is_transient(),
            other => !matches!(
                other,
                Self::Duplicate { .. } | Self::Refused(_) | Self::NoChatRoom
            ),
        }
    }

    /// The failure of a read that an operation began with.
    pub(super) fn before_writing(self) -> Self {
        Self::Unread(Box::new(self))
    }
}

impl From<DriverError> for Error {
    fn from(error: DriverError) -> Self {
        if let Some(index) = duplicate_index(&error) {
            return Self::Duplicate { index };
        }
        if error.contains_label("NoWritesPerformed") {
            return Self::Unavailable(error);
        }
        match error.kind.as_ref() {
            ErrorKind::ServerSelection { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::Authentication { .. } => Self::Unavailable(error),
            ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::Write(WriteFailure::WriteConcernError(_)) => Self::Ambiguous(error),
            ErrorKind::Command(command) if AMBIGUOUS_CODES.contains(&command.code) => {
                Self::Ambiguous(error)
            }
            ErrorKind::Write(WriteFailure::WriteError(write))
                if AMBIGUOUS_CODES.contains(&write.code) =>
            {
                Self::Ambiguous(error)
            }
            ErrorKind::InsertMany(failure) => {
                let refused = failure.write_errors.iter().flatten();
                let mut codes = refused.map(|refused| refused.code);
                let lost = failure.write_errors.is_none() || failure.write_concern_error.is_some();
                // a step-down may happen while the statements are executed
                if lost || codes.any(|code| AMBIGUOUS_CODES.contains(&code)) {
                    Self::Ambiguous(error)
                } else {
                    Self::Refused(error)
                }
            }
            _ => Self::Refused(error),
        }
    }
}

/// MongoDB's code of a duplicate key.
pub(crate) const DUPLICATE_KEY: i32 = 11000;

fn duplicate_index(error: &DriverError) -> Option<String> {
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(write)) if write.code == DUPLICATE_KEY => {
            index_name(&write.message)
        }
        ErrorKind::Command(command) if command.code == DUPLICATE_KEY => {
            index_name(&command.message)
        }
        _ => None,
    }
}

/// Reads the name from "… index: NAME dup key: …", the only place that contains it.
pub(crate) fn index_name(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("index: ")?;
    rest.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusing_index_is_read_from_the_servers_text() {
        let text = "E11000 duplicate key error collection: chatzz.chatmessages index: \
                    from_clientId dup key: { from: ObjectId('…'), clientId: \"index: x\" }";
        assert_eq!(index_name(text).as_deref(), Some("from_clientId"));
        assert_eq!(index_name("nothing of the kind"), None);
    }
}
