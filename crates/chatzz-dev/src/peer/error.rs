//! Why the other person stopped.

use std::io;
use std::path::PathBuf;

use crate::frames::SocketError;

/// Why the other person stopped. Each is a sentence for the developer.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// `--url` is none that can be used.
    #[error("--url {0} cannot be used: write http://<host>:<port>, such as http://127.0.0.1:3000")]
    Url(String),
    /// No server answers.
    #[error("no chatzz answers at {url}: {source}. Start one with `chatzz dev`, or give its --url")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What happened.
        source: SocketError,
    },
    /// A server answers, and does not let the person in.
    #[error("the server does not let the person in: {0}")]
    NotLetIn(String),
    /// The connection was lost.
    #[error("the connection was lost: {0}")]
    Lost(SocketError),
    /// The person went offline, and was to do something.
    #[error("{0} is offline: put `online` before this")]
    Offline(String),
    /// The server gave no answer.
    #[error("{0} was not answered within 10s")]
    Silent(&'static str),
    /// The server refused.
    #[error("{event} was refused: {code}: {message}")]
    Refused {
        /// What was asked.
        event: &'static str,
        /// The stable code.
        code: String,
        /// The server's text.
        message: String,
    },
    /// The server does not know the person.
    #[error(
        "the server knows no user {0}: give the `_id` of one, or with `chatzz dev` the name \
         of a demo user, such as bob"
    )]
    Unknown(String),
    /// The script cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A line of the script makes no sense, or could not be done.
    #[error("{}:{line}: {message}", .path.display())]
    Script {
        /// The file.
        path: PathBuf,
        /// The line, from 1 on.
        line: u64,
        /// What is wrong.
        message: String,
    },
}

/// Codes of refusals that are over in a moment.
const LATER: [&str; 4] = [
    "unavailable",
    "unknown-outcome",
    "overloaded",
    "rate-limited",
];

impl PeerError {
    /// Whether the server may be back in a moment.
    pub(super) fn is_loss(&self) -> bool {
        // codes that say "later", the texts of refused handshakes among them
        let is_later = |text: &str| LATER.iter().any(|code| text.contains(code));
        match self {
            Self::Lost(_) | Self::Unreachable { .. } | Self::Silent(_) => true,
            Self::Refused { code, .. } => is_later(code),
            Self::NotLetIn(text) => is_later(text),
            _ => false,
        }
    }
}
