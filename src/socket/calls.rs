//! What the application's calls lead to here: they have no socket, and are heard by those
//! of the people concerned.

use std::sync::Arc;

use serde_json::value::RawValue;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Context;
use super::connection::packet::DropPolicy;
use crate::feed::bus::Item;
use crate::id::{ChatUserId, UserId};
use crate::rooms::Stored;
use crate::service::{Added, Me, PrivacySettings};
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

    /// Announces messages that were changed to those who may see them.
    pub(crate) fn announce_changed(&self, changed: &[Stored]) {
        for stored in changed {
            let notice = PerDialect::new(stored);
            let notice = PerDialect::new(Notice::MessageChanged(&notice));
            self.hub.tell(stored.message.from, &notice, None);
            if !stored.message.is_withheld() {
                self.hub.tell(stored.message.to, &notice, None);
            }
        }
    }

    /// Announces to the sockets of a user that the application let them block somebody.
    pub(crate) fn announce_block(&self, me: &Me, user: UserId, is_blocked: bool) {
        let notice = PerDialect::new(Notice::BlockChanged(user, is_blocked));
        self.hub.tell(me.id, &notice, None);
    }

    /// Tells the sockets of a person who may write to them from now on.
    pub(crate) fn announce_settings(&self, me: &Me, settings: PrivacySettings) {
        let notice = PerDialect::new(Notice::SettingsChanged(Arc::new(settings)));
        self.hub.tell(me.id, &notice, None);
    }

    /// Sends what is not stored to the sockets of a person, here and by NATS at other
    /// servers; whether one takes it.
    pub(crate) fn send_app_signal(&self, who: ChatUserId, data: &RawValue) -> bool {
        let notice = Notice::AppSignal(data);
        // from themselves, whom nobody blocks
        let elsewhere = self.send_to_neighbours(who, who, &notice, Item::Signal);
        let here = self.hub.send_ephemeral(who, notice, DropPolicy::Crowded);
        here || elsewhere
    }
}
