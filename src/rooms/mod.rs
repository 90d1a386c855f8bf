//! The room lanes: where messages get their numbers and become durable.
//!
//! A chat room lives in exactly one lane. A lane is one task that takes what
//! waits, numbers the messages of each chat room, stores them with one ordered
//! insert (majority, journaled) and then announces them. While one batch is
//! being stored the next one gathers, so batches grow with the load by
//! themselves. Receipts go beside the messages (`receipts`): a cursor moves
//! without a message being written, and no send waits for it.

mod append;
mod batch;
mod command;
mod cursor;
mod cursor_moves;
mod each;
mod follow_up;
mod heard;
mod inbox;
mod lane;
mod receipts;
mod recent;
mod room;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

pub use command::{
    Advance, Advanced, Answer, Append, Caller, Command, Confirm, Heard, HeardAdvance, LaneError,
    Member, Opening, Origin, Outlet, Permit, ReceiptKind, RoomOutline, Scope, Share, Stored,
};

use inbox::Inbox;
use lane::Lane;
use receipts::Receipts;
pub use recent::RecentCursors;

/// What was stored longer ago than this is in a login that is under way, and was heard of
/// at every server: a minute for the longest login there can be, and one for clocks of two
/// servers. Shorter than chat rooms are remembered, or what was announced would be announced
/// again.
pub const JUST_NOW: Duration = Duration::from_mins(2);

/// Messages announced before the sockets' writers get their turn.
pub(crate) const ANNOUNCED_AT_ONCE: usize = 32;

use crate::clock::Clock;
use crate::domain::Cursors;
use crate::id::{ChatRoomId, ChatUserId};
use crate::store::{Store, WriteBehindQueue};

/// What the lanes work with.
#[derive(Clone)]
pub struct Deps {
    /// The database.
    pub store: Store,
    /// The queue of heads and cursors.
    pub write_behind: Arc<WriteBehindQueue>,
    /// Where results go.
    pub outlet: Arc<dyn Outlet>,
    /// The cursors that moved lately.
    pub recent: RecentCursors,
    /// The time.
    pub clock: Clock,
    /// The longest one attempt to store a batch is waited for.
    pub attempt: Duration,
}

/// The lanes of this process, each with its receipts beside it.
pub struct Lanes {
    appends: Vec<mpsc::Sender<Command>>,
    receipts: Vec<mpsc::Sender<Command>>,
    recent: RecentCursors,
}

impl Lanes {
    /// Starts `count` lanes, each with room for `queue` waiting commands, and as many
    /// receipts.
    pub fn start(count: usize, queue: usize, deps: &Deps, tasks: &TaskTracker) -> Self {
        let queue = queue.max(1);
        let recent = deps.recent.clone();
        let (mut all, mut all_receipts) = (Vec::new(), Vec::new());
        for index in 0..count.max(1) {
            let (appends, waiting) = mpsc::channel(queue);
            let (receipts, receipts_waiting) = mpsc::channel(queue);
            let outlet = || Arc::clone(&deps.outlet);
            let inbox = Inbox::new(waiting, queue, outlet(), index.to_string());
            let lane = Lane::new(deps.clone(), inbox, receipts.clone(), recent.clone());
            tasks.spawn(lane.run());
            let name = format!("{index}-receipts");
            let inbox = Inbox::new(receipts_waiting, queue, outlet(), name);
            let weak = appends.downgrade();
            let writer = Receipts::new(deps.clone(), inbox, recent.clone(), weak);
            tasks.spawn(writer.run());
            all.push(appends);
            all_receipts.push(receipts);
        }
        Self {
            appends: all,
            receipts: all_receipts,
            recent,
        }
    }

    /// Hands a command to the lane of its chat room.
    ///
    /// # Errors
    /// The command itself when the lane has too much to do already or has ended.
    pub fn submit(&self, command: Command) -> Result<(), Box<Command>> {
        let senders = match command {
            Command::Append(_) | Command::Confirm(_) | Command::Heard(_) => &self.appends,
            Command::Advance(_) => &self.receipts,
        };
        let Some(sender) = senders.get(self.lane_of(command.room())) else {
            return Err(Box::new(command));
        };
        sender
            .try_send(command)
            .map_err(|refused| Box::new(refused.into_inner()))
    }

    /// The further of what was read of a member's cursors and what was moved here since.
    pub fn furthest(&self, room: ChatRoomId, member: ChatUserId, read: Cursors) -> Cursors {
        self.recent.furthest(room, member, read)
    }

    /// Forgets what the newest message of a chat room says: it may have been changed.
    pub fn forget_newest(&self, room: ChatRoomId) {
        self.recent.forget_newest(room);
    }

    fn lane_of(&self, room: ChatRoomId) -> usize {
        // the last bytes of an ObjectId are its counter: neighbours spread evenly
        let [.., a, b, c] = room.bytes();
        usize::from(a ^ b.rotate_left(3) ^ c) % self.appends.len().max(1)
    }
}
