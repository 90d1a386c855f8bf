//! Who a socket speaks for.

use crate::config::AuthMode;
use crate::id::UserId;
use crate::service::Error;

/// What the handshake proved about a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nothing: `connect-user` is believed.
    Unverified,
}

impl Identity {
    /// Whether the socket may speak for `user`.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when it proved to be somebody else.
    pub fn may_be(self, _user: &UserId) -> Result<(), Error> {
        match self {
            Self::Unverified => Ok(()),
        }
    }
}

/// Checks handshakes, in the mode of `CHATZZ_AUTH`.
#[derive(Clone, Copy, Debug)]
pub struct Authenticator {
    mode: AuthMode,
}

impl Authenticator {
    /// An authenticator of this mode. `trusted` warns, at every start.
    pub fn new(mode: AuthMode) -> Self {
        match mode {
            AuthMode::Trusted => tracing::warn!(
                "CHATZZ_AUTH=trusted: every client is believed to be whoever it says it is; \
                 only for development, or behind a gate of your own"
            ),
        }
        Self { mode }
    }

    /// What a handshake proves.
    pub fn identify(self) -> Identity {
        match self.mode {
            AuthMode::Trusted => Identity::Unverified,
        }
    }
}
