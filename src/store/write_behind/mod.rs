//! Updates written behind: many in one round trip, never awaited by an answer.

mod queue;
mod repeats;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bson::{Bson, DateTime, doc};

use super::bulk::BulkWriter;
use super::error::Error;
use super::{chat_rooms, chat_users};
use crate::domain::{Head, Members, ReadStep, STEPS_KEPT};
use crate::id::{ChatRoomId, ChatUserId, Seq};

pub use queue::WriteBehindQueue;

/// How long to wait for one command: its answer may be lost on a connection that stays
/// open, and everything that other nodes are to learn would wait with it. A later command
/// may overtake it then: heads and cursors only grow, and presence is written once more
/// (see [`repeats`]).
const LONGEST: Duration = Duration::from_millis(1_500);

/// The changes of a chat room since the last write.
#[derive(Clone, Debug)]
pub struct RoomProgress {
    /// The two people.
    pub members: Members,
    /// The last message.
    pub head: Option<Head>,
    /// Up to where it is in the log of events.
    pub logged: Option<Seq>,
    /// Delivered cursors that moved.
    pub delivered: HashMap<ChatUserId, Seq>,
    /// Receipts, to be stored with their time.
    pub steps: Vec<ReadSteps>,
}

/// Receipts of a member that are stored with one statement: all of them or none.
#[derive(Clone, Debug)]
pub struct ReadSteps {
    /// The reader.
    pub member: ChatUserId,
    /// In the order of the receipts; at most [`STEPS_KEPT`], the newest.
    pub steps: VecDeque<ReadStep>,
    /// Whether a write of them may have been executed: then none is added any more.
    pub is_attempted: bool,
}

impl RoomProgress {
    /// No changes yet.
    pub fn new(members: Members) -> Self {
        Self {
            members,
            head: None,
            logged: None,
            delivered: HashMap::new(),
            steps: Vec::new(),
        }
    }

    /// Whether there is more than receipts.
    fn has_moved(&self) -> bool {
        self.head.is_some() || self.logged.is_some() || !self.delivered.is_empty()
    }

    /// Adds a receipt.
    fn read(&mut self, member: ChatUserId, step: ReadStep) {
        let mut open = self.steps.iter_mut().rev();
        let open = open.find(|group| group.member == member && !group.is_attempted);
        let Some(group) = open else {
            self.steps.push(ReadSteps {
                member,
                steps: VecDeque::from([step]),
                is_attempted: false,
            });
            return;
        };
        if group.steps.len() >= STEPS_KEPT {
            group.steps.pop_front();
        }
        group.steps.push_back(step);
    }
}

/// The change of a person's presence since the last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresenceChange {
    /// The person has a socket on this node, and had last gone offline at this time.
    Online(Option<DateTime>),
    /// The person's last socket on this node closed at this time.
    Offline(DateTime),
}

/// Writes progress and presence on a majority: a write that only a primary has would be
/// lost with it, and nothing would ever repeat it.
#[derive(Clone, Debug)]
pub struct BulkWrites {
    bulk: BulkWriter,
    rooms: String,
    users: String,
}

impl BulkWrites {
    pub(super) fn new(bulk: BulkWriter, rooms: String, users: String) -> Self {
        Self { bulk, rooms, users }
    }

    /// Moves heads and cursors forward, never back, whatever is stored, and stores receipts.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer; repeating the write is harmless.
    pub async fn rooms(&self, moved: &HashMap<ChatRoomId, RoomProgress>) -> Result<(), Error> {
        let mut statements = Vec::with_capacity(moved.len());
        for (room, progress) in moved {
            if progress.has_moved() {
                statements.push(chat_rooms::progress(*room, progress));
            }
            let groups = progress.steps.iter();
            statements
                .extend(groups.map(|group| chat_rooms::steps(*room, progress.members, group)));
        }
        let name = "behind.rooms";
        let written = self.bulk.update(name, &self.rooms, statements, LONGEST);
        written.await.map(drop)
    }

    /// Writes who came online and went offline on the node `boot`; later reads show it.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer; repeating the write is harmless.
    pub async fn presence(
        &self,
        boot: &str,
        changes: &HashMap<ChatUserId, PresenceChange>,
    ) -> Result<(), Error> {
        let statements = changes.iter().map(|(user, change)| {
            let update: Bson = match change {
                PresenceChange::Online(left) => chat_users::online(boot, *left),
                PresenceChange::Offline(at) => chat_users::offline(boot, *at),
            };
            doc! { "q": { "_id": user }, "u": update }
        });
        let statements = statements.collect();
        let name = "behind.presence";
        let written = self.bulk.update(name, &self.users, statements, LONGEST);
        written.await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Members;

    fn step(seq: Seq) -> ReadStep {
        ReadStep {
            after: seq - 1,
            seq,
            at: DateTime::from_millis(seq),
        }
    }

    #[test]
    fn receipts_share_a_statement_until_it_was_attempted() {
        let (a, b) = (ChatUserId::generate(), ChatUserId::generate());
        let mut progress = RoomProgress::new(Members::new(a, b).unwrap());
        for (member, seq) in [(a, 1), (b, 2), (a, 3)] {
            progress.read(member, step(seq));
        }
        for group in &mut progress.steps {
            group.is_attempted = true;
        }
        progress.read(a, step(4));
        let seqs = progress.steps.iter().map(|group| {
            let seqs: Vec<Seq> = group.steps.iter().map(|step| step.seq).collect();
            (group.member, seqs)
        });
        let expected = [(a, vec![1, 3]), (b, vec![2]), (a, vec![4])];
        assert_eq!(seqs.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn only_as_many_receipts_wait_as_a_chat_room_keeps() {
        let (a, b) = (ChatUserId::generate(), ChatUserId::generate());
        let mut progress = RoomProgress::new(Members::new(a, b).unwrap());
        for seq in 1..=20 {
            progress.read(a, step(seq));
        }
        let [group] = progress.steps.as_slice() else {
            panic!("one statement, not {}", progress.steps.len());
        };
        let seqs: Vec<Seq> = group.steps.iter().map(|step| step.seq).collect();
        assert_eq!(seqs, (5..=20).collect::<Vec<_>>());
    }
}
