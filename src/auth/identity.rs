//! What a handshake proved.

use std::sync::Arc;

use bson::DateTime;
use serde_json::value::{RawValue, to_raw_value};

use crate::hooks::{Granted, is_small};
use crate::service::{Error, IdInput};

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

impl Verified {
    /// What a hook grants.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be granted: nobody is named, or `meta` is too
    /// large.
    pub(super) fn of_hook(granted: Granted) -> Result<Self, Error> {
        let meta = granted.meta.as_ref();
        if granted.user.is_empty() || meta.is_some_and(|meta| !is_small(meta)) {
            tracing::warn!(
                "the hook grants a login without a user, or with more than 8 KiB of meta"
            );
            return Err(Error::Unavailable);
        }
        let meta = meta.and_then(|meta| to_raw_value(meta).ok());
        Ok(Self {
            user: IdInput::Text(granted.user),
            expires_at: granted.expires_at,
            meta: meta.map(Arc::from),
        })
    }
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
