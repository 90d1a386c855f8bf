//! The room lanes: where messages get their numbers and become durable.
//!
//! A chat room lives in exactly one lane. A lane is one task that takes what
//! waits, numbers the messages of each chat room, stores them with one ordered
//! insert (majority, journaled) and then tells about them. While one batch is
//! being stored the next one gathers, so batches grow with the load by
//! themselves. Receipts of a chat room pass the same lane, so everything a
//! client hears about a chat room leaves from one place in one order.

mod advance;
mod append;
mod apply;
mod batch;
mod brought;
mod command;
mod cursor;
mod follow_up;
mod inbox;
mod lane;
mod room;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

pub use command::{
    Advance, Advanced, Answer, Append, Asker, Command, Confirm, Known, LaneError, Member, Origin,
    Outlet, Scope, Stored,
};

use crate::clock::Clock;
use crate::id::ChatRoomId;
use crate::store::{Store, WriteBehind};

/// What the lanes work with.
#[derive(Clone)]
pub struct Equipment {
    /// The database.
    pub store: Store,
    /// The queue of heads and cursors.
    pub behind: Arc<WriteBehind>,
    /// Where results go.
    pub outlet: Arc<dyn Outlet>,
    /// The time.
    pub clock: Clock,
    /// The longest one attempt to store a batch is waited for.
    pub attempt: Duration,
}

/// The lanes of this process.
pub struct Lanes {
    senders: Vec<mpsc::Sender<Command>>,
}

impl Lanes {
    /// Starts `count` lanes, each with room for `queue` waiting commands.
    pub fn start(count: usize, queue: usize, equipment: &Equipment, tasks: &TaskTracker) -> Self {
        let senders = (0..count.max(1))
            .map(|index| {
                let (sender, receiver) = mpsc::channel(queue.max(1));
                let lane = lane::Lane::new(equipment.clone(), receiver, queue, index);
                tasks.spawn(lane.run());
                sender
            })
            .collect();
        Self { senders }
    }

    /// Hands a command to the lane of its chat room.
    ///
    /// # Errors
    /// The command itself when the lane has too much to do already or has ended.
    pub fn submit(&self, command: Command) -> Result<(), Box<Command>> {
        let Some(sender) = self.senders.get(self.lane_of(command.room())) else {
            return Err(Box::new(command));
        };
        sender
            .try_send(command)
            .map_err(|refused| Box::new(refused.into_inner()))
    }

    fn lane_of(&self, room: ChatRoomId) -> usize {
        // the last bytes of an ObjectId are its counter: neighbours spread evenly
        let [.., a, b, c] = room.bytes();
        usize::from(a ^ b.rotate_left(3) ^ c) % self.senders.len().max(1)
    }
}
