//! The read side of a chat room: what this node's sockets are announced, and up to where.
//!
//! A lane says what is stored and what got further; what of that goes out, and in which
//! words, is decided here alone. Three things hold because every announcement about a chat
//! room passes one gate, its watermark, under one lock:
//!
//! * what is stored is announced in the order of its numbers, and once;
//! * no message is announced as less far than a receipt before it said;
//! * what other nodes stored is announced before what this one stores next.

mod baseline;
pub mod bus;
mod gate;
mod hint;
mod log;

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::Status;
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::rooms::{Advanced, Answer, LaneError, Opening, Origin, Outlet, RecentCursors, Stored};
use crate::store::messages::Page;
use crate::store::{Error, Event, EventQueue, Store};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use gate::Gate;
pub use hint::{Done, Hint};
pub use log::{Company, Log, LogDeps};

/// Messages read at once that other nodes stored.
const CATCH_UP_PAGE: i64 = 500;

/// What the logins of a user's sockets contained of a chat room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginState {
    /// The lowest last position, 0 for a login that contained nothing of it; `None` when
    /// no socket is logged in.
    pub up_to: Option<Seq>,
    /// Whether one logs in just now: its login will contain all that was stored before.
    pub logging_in: bool,
}

/// The sockets that announcements go to.
///
/// All calls about one chat room come one after another, and must not block.
pub trait Sockets: Send + Sync + 'static {
    /// Whether a socket of this user is open here.
    fn is_here(&self, user: ChatUserId) -> bool;
    /// Whether a socket of these users is announced each message that got further by itself.
    fn hears_each(&self, users: [ChatUserId; 2]) -> bool;
    /// What the logins of this user's sockets here contained of a chat room.
    fn login_state(&self, room: ChatRoomId, user: ChatUserId) -> LoginState;
    /// A message was stored.
    fn stored(&self, stored: &Stored);
    /// Messages got further.
    fn advanced(&self, advanced: &Advanced);
    /// An event has its answer.
    fn answer(&self, origin: Origin, answer: Result<Answer, LaneError>);
}

/// Who is at other servers, as far as this one knows.
pub trait Elsewhere: Send + Sync + 'static {
    /// Whether a socket of this user is open at another server.
    fn is_elsewhere(&self, user: ChatUserId) -> bool;
}

/// What this node has announced.
pub struct Feed {
    gate: Gate,
    sockets: Arc<dyn Sockets>,
    elsewhere: Arc<dyn Elsewhere>,
    store: Store,
    /// What other servers are to learn.
    events: Arc<EventQueue>,
    clock: Clock,
}

impl Feed {
    /// Nothing announced yet. `recent` is the lanes' own: a cursor is noted there before
    /// its move is announced.
    pub fn new(
        sockets: Arc<dyn Sockets>,
        elsewhere: Arc<dyn Elsewhere>,
        store: Store,
        recent: RecentCursors,
        events: Arc<EventQueue>,
        clock: Clock,
    ) -> Self {
        Self {
            gate: Gate::new(Arc::clone(&sockets), recent, clock.clone()),
            sockets,
            elsewhere,
            store,
            events,
            clock,
        }
    }

    /// Announces what was stored before this node took up a chat room, as far as somebody
    /// here may not have it.
    async fn catch_up(&self, opening: &Opening, from: Option<Seq>) -> Result<Vec<Stored>, Error> {
        let room = opening.document.id;
        let head = opening.head.seq;
        let start = from.map_or(head, |from| from.min(head));
        let start = opening
            .heard
            .map_or(start, |first| start.min((first - 1).max(0)));
        let mut announced = self.gate.open(room, start);
        let mut found = Vec::new();
        while announced < head {
            let page = Page {
                after: announced,
                before: head + 1,
                ascending: true,
                limit: CATCH_UP_PAGE,
                viewer: None,
            };
            let messages = self.store.messages.list_page(room, page).await?;
            // the rest is not there any more
            announced = messages.last().map_or(head, |last| last.seq);
            let mut messages: Vec<Stored> = messages
                .into_iter()
                .map(|message| {
                    let cursors = opening.document.cursors(message.to);
                    let delivery = message.delivery(&cursors, &[]);
                    Stored::between(message, delivery, &opening.members)
                })
                .collect();
            self.announce_all(&mut messages).await;
            found.extend(messages);
        }
        Ok(found)
    }

    /// Announces many messages, and lets the sockets' writers take some now and then.
    async fn announce_all(&self, messages: &mut [Stored]) {
        for portion in messages.chunks_mut(crate::rooms::ANNOUNCED_AT_ONCE) {
            self.gate.stored(portion);
            tokio::task::yield_now().await;
        }
    }
}

impl Outlet for Feed {
    fn is_here(&self, user: ChatUserId) -> bool {
        self.sockets.is_here(user)
    }

    fn is_online(&self, user: ChatUserId) -> bool {
        self.sockets.is_here(user) || self.elsewhere.is_elsewhere(user)
    }

    fn hears_each(&self, people: [ChatUserId; 2]) -> bool {
        self.sockets.hears_each(people)
    }

    fn open(&self, rooms: Vec<Opening>) -> BoxFuture<'_, Result<Vec<Stored>, Error>> {
        let open = async move {
            let baselines = self.baselines(&rooms).await?;
            let mut found = Vec::new();
            for opening in &rooms {
                let from = baselines.get(&opening.document.id).copied();
                found.extend(self.catch_up(opening, from).await?);
            }
            Ok(found)
        };
        open.boxed()
    }

    fn close(&self, room: ChatRoomId) {
        self.gate.close(room);
    }

    fn stored(&self, batch: &mut [Stored]) {
        self.events
            .stored(batch.iter().map(|stored| &stored.message));
        self.gate.stored(batch);
    }

    fn advanced(&self, advanced: &Advanced) {
        self.events.happened(event(advanced));
        self.gate.advanced(advanced);
    }

    fn heard(&self, advanced: &Advanced) {
        self.gate.advanced(advanced);
    }

    fn answer(&self, origin: Origin, answer: Result<Answer, LaneError>) {
        self.sockets.answer(origin, answer);
    }
}

/// What other servers learn of messages that got further.
fn event(advanced: &Advanced) -> Event {
    let Stored {
        message, delivery, ..
    } = &advanced.newest;
    let at = match delivery.status {
        Status::Read => delivery.read_at,
        Status::NotSent | Status::Sent => delivery.sent_at,
    };
    Event::Advanced {
        room: message.chat_room,
        reader: message.to,
        sender: message.from,
        status: delivery.status,
        newest: message.seq,
        oldest: advanced.oldest,
        at: at.unwrap_or(message.created_at),
    }
}
