//! The rate limits of one socket.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::bucket::{Bucket, Buckets};
use super::{Kind, Shared, Slot};
use crate::config::{LimitsConfig, Rate};
use crate::id::UserId;

/// Events over a limit that weigh as much as one error: a client that has a thousand
/// messages to send knows nothing of a limit before its first answer.
const HASTY_PER_ERROR: u32 = 50;

/// The rate limits of one socket: its own buckets, and those it shares.
#[derive(Debug)]
pub(crate) struct Allowance {
    own: Buckets,
    errors: Bucket,
    /// Events that came over a limit.
    haste: Bucket,
    address: Arc<Shared>,
    user: Mutex<Option<Arc<Shared>>>,
    slots: Mutex<Vec<Slot>>,
    /// The slot among those of the user who is logged in.
    user_slot: Mutex<Option<Slot>>,
    /// The slot among those of the user whom the token names, until the login.
    reserved: Mutex<Option<(UserId, Slot)>>,
}

impl Allowance {
    pub(super) fn new(
        config: &LimitsConfig,
        address: Arc<Shared>,
        slots: impl Into<Vec<Slot>>,
    ) -> Self {
        Self {
            own: Buckets::in_turns(config, |rates| rates.socket),
            errors: Bucket::new(config.errors),
            haste: Bucket::new(config.errors.map(haste)),
            address,
            user: Mutex::default(),
            slots: Mutex::new(slots.into()),
            user_slot: Mutex::default(),
            reserved: Mutex::default(),
        }
    }

    /// Takes one unit out of every bucket that an event counts against. A login counts
    /// for its user once the user is known; it counted for its address when the session
    /// began.
    ///
    /// # Errors
    /// How long it takes until all of them have a unit again.
    pub(crate) fn take(&self, kind: Kind) -> Result<(), Duration> {
        self.own.take(kind, "socket")?;
        if kind == Kind::Connect {
            return Ok(());
        }
        if let Some(user) = &*self.user.lock() {
            user.take(kind)?;
        }
        self.address.take(kind)
    }

    /// Notes an error that is the client's fault; `true` when it was one too many.
    pub(crate) fn err(&self) -> bool {
        self.errors.is_emptied()
    }

    /// Notes an event over a limit; `true` when it was one too many.
    pub(crate) fn hurry(&self) -> bool {
        self.haste.is_emptied()
    }

    /// Counts the socket among those of a user before it has logged in.
    pub(crate) fn reserve(&self, user: UserId, slot: Slot) {
        *self.reserved.lock() = Some((user, slot));
    }

    /// Whether the socket counts among those of this user already.
    pub(crate) fn is_reserved_for(&self, user: &UserId) -> bool {
        let reserved = self.reserved.lock();
        reserved.as_ref().is_some_and(|(id, _)| id == user)
    }

    /// From now on the socket's events count for its user as well; `slot` is its slot among
    /// those of the user, unless it was reserved.
    pub(crate) fn belong_to(&self, user: Arc<Shared>, slot: Option<Slot>) {
        *self.user.lock() = Some(user);
        if let Some(slot) = slot {
            *self.user_slot.lock() = Some(slot);
            self.reserved.lock().take();
        }
    }

    /// The socket is closed: its slots become free.
    pub(crate) fn leave(&self) {
        self.slots.lock().clear();
        self.user_slot.lock().take();
        self.reserved.lock().take();
    }
}

/// How many events over a limit close a socket.
fn haste(errors: Rate) -> Rate {
    let count = errors.count.get().saturating_mul(HASTY_PER_ERROR);
    Rate {
        count: NonZeroU32::new(count).unwrap_or(errors.count),
        ..errors
    }
}
