//! Why the other person stopped.

use std::io;
use std::path::PathBuf;

use crate::frames::SocketError;

/// Why the other person stopped. Each is a sentence for the developer.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// `--url` cannot be used.
    #[error("--url {0} cannot be used: write http://<host>:<port>, such as http://127.0.0.1:3000")]
    Url(String),
    /// No server answers.
    #[error("no chatzz answers at {url}: {source}. Start one with `chatzz dev`, or give its --url")]
    Unreachable {
        /// The address that was tried.
        url: String,
        /// What happened.
        source: SocketError,
    },
    /// A server answers, but does not let the person in.
    #[error("the server does not let the person in: {why}{advice}", why = .0, advice = advice(.0))]
    NotLetIn(String),
    /// The connection was lost.
    #[error("the connection was lost: {0}")]
    Lost(SocketError),
    /// The person is offline, and the step needs a connection.
    #[error("{0} is offline: put `online` before this")]
    Offline(String),
    /// The server gave no answer.
    #[error("{0} was not answered within 10s")]
    Silent(&'static str),
    /// The server refused.
    #[error("{event} was refused: {code}: {message}{}", advice(.code))]
    Refused {
        /// The event that was sent.
        event: &'static str,
        /// The stable code.
        code: String,
        /// The server's text.
        message: String,
    },
    /// The event is over a limit, and is sent again after a pause.
    #[error(
        "{event} is over a limit of the server, and is sent again when there is room; \
         CHATZZ_RATE_LIMITS=off lifts the limits of a server for development"
    )]
    TooOften {
        /// The event that was sent.
        event: &'static str,
        /// How long to wait, as the server says.
        pause: std::time::Duration,
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
        /// The error of the operating system.
        source: io::Error,
    },
    /// A line of the script is invalid, or could not be done.
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

/// What to do about a refusal, by the code that it begins with; nothing for one whose text
/// says it.
fn advice(refusal: &str) -> &'static str {
    let code = refusal.split(':').next().unwrap_or_default();
    match code {
        "unauthorized" => ". Give a fresh --token, or set CHATZZ_PEER_TOKEN",
        "forbidden" => ". The token is another user's: name that one with --as",
        "blocked" => ". Unblock the person there",
        "no-chat-room" => ". Name the other user with --with",
        _ => "",
    }
}

/// Codes of refusals that end in a moment.
const LATER: [&str; 4] = [
    "unavailable",
    "unknown-outcome",
    "overloaded",
    "rate-limited",
];

impl PeerError {
    /// Whether the server may be available again in a moment.
    pub(super) fn is_loss(&self) -> bool {
        // codes that say "later", including the texts of refused handshakes
        let is_later = |text: &str| LATER.iter().any(|code| text.contains(code));
        match self {
            Self::Lost(_) | Self::Unreachable { .. } | Self::Silent(_) => true,
            Self::Refused { code, .. } => is_later(code),
            Self::NotLetIn(text) => is_later(text),
            _ => false,
        }
    }
}
