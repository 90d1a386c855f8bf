//! Hearing of what this server stores.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bson::DateTime;
use futures::future::BoxFuture;

use super::Hooks;
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq, UserId};
use crate::rooms::{Advanced, Answer, LaneError, Opening, Origin, Outlet, Stored};
use crate::store::Error;

/// A message that was stored.
#[derive(Clone, Copy, Debug)]
pub struct StoredMessage<'a> {
    /// Its id.
    pub id: MessageId,
    /// Its chat room.
    pub chat_room: ChatRoomId,
    /// Its position there.
    pub seq: Seq,
    /// Who sent it.
    pub from: &'a UserId,
    /// Who receives it, or would if it were not withheld.
    pub to: &'a UserId,
    /// The text, as it was stored.
    pub message: &'a str,
    /// When it was stored.
    pub created_at: DateTime,
    /// Whether the receiver never sees it.
    pub is_withheld: bool,
}

impl<'a> From<&'a Stored> for StoredMessage<'a> {
    fn from(stored: &'a Stored) -> Self {
        let message = &stored.message;
        Self {
            id: message.id,
            chat_room: message.chat_room,
            seq: message.seq,
            from: &stored.from.id,
            to: &stored.to.id,
            message: &message.message,
            created_at: message.created_at,
            is_withheld: message.is_withheld(),
        }
    }
}

/// Lets the hooks hear of what is stored, behind those who wait for it.
pub(crate) struct Listening {
    pub(crate) outlet: Arc<dyn Outlet>,
    pub(crate) hooks: Arc<dyn Hooks>,
}

impl Outlet for Listening {
    fn is_here(&self, user: ChatUserId) -> bool {
        self.outlet.is_here(user)
    }

    fn is_online(&self, user: ChatUserId) -> bool {
        self.outlet.is_online(user)
    }

    fn hears_each(&self, people: [ChatUserId; 2]) -> bool {
        self.outlet.hears_each(people)
    }

    fn open(&self, rooms: Vec<Opening>) -> BoxFuture<'_, Result<Vec<Stored>, Error>> {
        self.outlet.open(rooms)
    }

    fn close(&self, room: ChatRoomId) {
        self.outlet.close(room);
    }

    fn stored(&self, batch: &mut [Stored]) {
        self.outlet.stored(batch);
        for stored in batch {
            let stored = StoredMessage::from(&*stored);
            // a panic of a program's own hook must not end the lane
            let heard = catch_unwind(AssertUnwindSafe(|| self.hooks.stored(&stored)));
            if heard.is_err() {
                tracing::error!("the hook `stored` panicked");
            }
        }
    }

    fn advanced(&self, advanced: &Advanced) {
        self.outlet.advanced(advanced);
    }

    fn heard(&self, advanced: &Advanced) {
        self.outlet.heard(advanced);
    }

    fn answer(&self, origin: Origin, answer: Result<Answer, LaneError>) {
        self.outlet.answer(origin, answer);
    }
}
