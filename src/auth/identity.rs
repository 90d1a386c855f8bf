//! What a handshake proved.

use std::sync::Arc;

use bson::DateTime;
use serde_json::value::RawValue;

use crate::service::IdInput;

/// What the handshake proved about a socket.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Nothing: the id in `connect-user` is accepted.
    Unverified,
    /// The user; `connect-user` must name the same one.
    Verified(Verified),
}

/// A user whom a token named.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The user's id, as the token writes it.
    pub user: IdInput,
    /// When the socket is closed unless it sends a fresh token; `None` is never.
    pub expires_at: Option<DateTime>,
    /// What the application adds to the user's `user-details`, a JSON object.
    pub meta: Option<Arc<RawValue>>,
}

impl Identity {
    /// What was verified; `None` when the id in `connect-user` is accepted.
    pub fn verified(&self) -> Option<&Verified> {
        match self {
            Self::Unverified => None,
            Self::Verified(verified) => Some(verified),
        }
    }

    /// When it expires; `None` is never.
    pub fn expires_at(&self) -> Option<DateTime> {
        self.verified()?.expires_at
    }

    /// What the application adds to `user-details`.
    pub fn meta(&self) -> Option<&Arc<RawValue>> {
        self.verified()?.meta.as_ref()
    }
}
