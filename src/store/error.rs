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
    /// The account lacks a right.
    #[error(
        "this account of MongoDB may not `{command}` on {namespace}: it needs the role `{role}` there, or \
         what docs/deploy.md says under \"Accounts\""
    )]
    NotAllowed {
        /// The command.
        command: String,
        /// The database, and the collection if it is about one.
        namespace: String,
        /// The role that has this right.
        role: &'static str,
    },
    /// The connection string names no account, and MongoDB requires one.
    #[error(
        "MongoDB requires a user name and a password: write them before the `@` of CHATZZ_MONGODB_URI, as \
         docs/deploy.md does under \"Secrets\""
    )]
    NoAccount,
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
                Self::Duplicate { .. }
                    | Self::NotAllowed { .. }
                    | Self::NoAccount
                    | Self::Refused(_)
                    | Self::NoChatRoom
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
        if let ErrorKind::Command(command) = error.kind.as_ref()
            && command.code == NOT_ALLOWED
            && let Some(not_allowed) = not_allowed(&command.message)
        {
            return not_allowed;
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

/// MongoDB's code of a right that an account lacks.
const NOT_ALLOWED: i32 = 13;
/// Commands that the role `read` allows.
const READS: [&str; 5] = [
    "aggregate",
    "count",
    "find",
    "listCollections",
    "listIndexes",
];

/// Reads that there is no account, or "not authorized on DATABASE to execute command { COMMAND: \"COLLECTION\", … }", which
/// goes on with the whole command.
fn not_allowed(message: &str) -> Option<Error> {
    // "command find requires authentication"
    if message.ends_with(" requires authentication") {
        return Some(Error::NoAccount);
    }
    let rest = message.strip_prefix("not authorized on ")?;
    let (database, rest) = rest.split_once(" to execute command { ")?;
    let (command, value) = rest.split_once(": ")?;
    let collection = value
        .strip_prefix('"')
        .and_then(|value| value.split_once('"'));
    let namespace = match collection {
        // these name it with its database
        Some((whole, _)) if database == "admin" && whole.contains('.') => whole.to_owned(),
        Some((collection, _)) => format!("{database}.{collection}"),
        None => database.to_owned(),
    };
    Some(Error::NotAllowed {
        command: command.to_owned(),
        namespace,
        role: if READS.contains(&command) {
            "read"
        } else {
            "readWrite"
        },
    })
}

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

    #[test]
    fn what_an_account_may_not_do_is_said_in_a_sentence() {
        let said = |text: &str| not_allowed(text).map(|error| error.to_string());
        let insert = "not authorized on app to execute command { insert: \"chatzz_meta\", ordered: true, \
                      documents: [ { _id: \"lock\" } ] }";
        assert_eq!(
            said(insert).unwrap(),
            "this account of MongoDB may not `insert` on app.chatzz_meta: it needs the role `readWrite` there, \
             or what docs/deploy.md says under \"Accounts\""
        );
        let rename = "not authorized on admin to execute command { renameCollection: \"app.a\", to: \"app.b\" }";
        assert!(said(rename).unwrap().contains(" on app.a: "));
        let list = "not authorized on app to execute command { listCollections: 1, cursor: {} }";
        assert!(
            said(list)
                .unwrap()
                .contains("`listCollections` on app: it needs the role `read`")
        );
        assert_eq!(said("something else"), None);
    }

    #[test]
    fn that_there_is_no_account_is_said_as_such() {
        let found = not_allowed("command find requires authentication");
        assert!(matches!(found, Some(Error::NoAccount)), "{found:?}");
    }
}
