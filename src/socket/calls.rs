//! What the application's calls lead to here: they have no socket, and are heard by those
//! of the people concerned.

use std::sync::Arc;

use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Context;
use crate::service::{Added, Me};
use crate::wire::{Notice, PerDialect};

impl Context {
    /// Notes that a call is worked on: draining waits until the token is dropped. `None`
    /// while the server is going down.
    pub(crate) fn begin_call(&self) -> Option<TaskTrackerToken> {
        (!self.is_draining()).then(|| self.busy.token())
    }

    /// Announces that the application added somebody in a user's name, if their chat room
    /// is new.
    pub(crate) fn announce_added(&self, me: &Me, added: Added) {
        if added.created {
            let other = added.added.id;
            let of_adder = PerDialect::new(Notice::ChatUserAdded(Arc::new(added.adder)));
            self.hub.tell(other, &of_adder, None);
            let of_contact = PerDialect::new(Notice::ChatUserAdded(Arc::new(added.added)));
            self.hub.tell(me.id, &of_contact, None);
        }
        self.correct(&added.described);
    }
}
