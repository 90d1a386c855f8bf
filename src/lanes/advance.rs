//! Moving messages forward: handed over, delivered, read.

use std::collections::HashMap;

use futures::StreamExt as _;
use tokio::time::Instant;

use super::apply::{Done, Job, Part, apply};
use super::command::{Advance, Advanced, Answer, Asker, Command, LaneError, Scope, Stored};
use super::follow_up::{HAND_OVER_WITHIN, OpenReceipt};
use super::inbox::answer;
use super::lane::{FIRST_PAUSE, LONGEST_PAUSE, Lane};
use crate::id::{ChatRoomId, Seq};
use crate::store::messages::{Change, Step};

/// Chat rooms whose receipts are applied at the same time.
const ROOMS_AT_ONCE: usize = 16;

impl Lane {
    /// Applies receipts: each chat room's in order, several rooms at once.
    pub(super) async fn advance(&mut self, advances: Vec<Advance>) {
        let Some(advances) = self.learn_for(advances).await else {
            return;
        };
        let mut rooms: HashMap<ChatRoomId, Vec<(usize, Job)>> = HashMap::new();
        for (index, advance) in advances.iter().enumerate() {
            let job = self.job(advance);
            rooms.entry(advance.room).or_default().push((index, job));
        }
        let mut advances: Vec<Option<Advance>> = advances.into_iter().map(Some).collect();
        let store = self.with.store.clone();
        let work = futures::stream::iter(rooms.into_values())
            .map(|jobs| {
                let store = store.clone();
                let one_by_one = futures::stream::iter(jobs).then(move |(index, job)| {
                    let store = store.clone();
                    async move {
                        let (outcome, open) = apply(&store, &job).await;
                        (index, job.change, outcome, open)
                    }
                });
                Box::pin(one_by_one)
            })
            .flatten_unordered(ROOMS_AT_ONCE);
        tokio::pin!(work);
        // every job ends by its own deadline
        while let Some(Some(done)) = self.inbox.wait(work.next(), &mut ()).await {
            let (index, change, outcome, open) = done;
            let Some(advance) = advances.get_mut(index).and_then(Option::take) else {
                continue;
            };
            if let Some(ends) = open {
                self.follow_ups.look_again_at_receipt(OpenReceipt {
                    change,
                    ends,
                    reader: advance.reader.clone(),
                    sender: advance.sender.clone(),
                });
            }
            self.tell_advance(advance, change, outcome);
        }
    }

    /// Learns the rooms' numbering, as long as somebody waits for it.
    async fn learn_for(&mut self, mut advances: Vec<Advance>) -> Option<Vec<Advance>> {
        let mut pause = FIRST_PAUSE;
        loop {
            let now = Instant::now();
            let overdue = advances.extract_if(.., |advance| advance.deadline <= now);
            for overdue in overdue.collect::<Vec<_>>() {
                self.give_up_advance(overdue, LaneError::Unavailable);
            }
            let next = advances.iter().map(|advance| advance.deadline).min()?;
            let rooms: Vec<ChatRoomId> = advances.iter().map(|advance| advance.room).collect();
            for advance in &advances {
                // another node may have stored what is confirmed here
                if let Scope::UpTo(to) = advance.scope
                    && self
                        .rooms
                        .get(advance.room)
                        .is_some_and(|room| room.last < to)
                {
                    self.rooms.doubt(advance.room);
                }
            }
            let learned = tokio::time::timeout_at(next, self.learn(&rooms, &mut ())).await;
            match learned {
                Ok(Some(Ok(()))) => return Some(advances),
                Ok(Some(Err(error))) if !error.is_transient() => {
                    tracing::error!(error = &error as &dyn std::error::Error, "receipts refused");
                    for advance in advances {
                        answer(advance.asker, Err(LaneError::Internal), self.outlet());
                    }
                    return None;
                }
                Ok(_) => {
                    let rest = tokio::time::sleep(pause);
                    self.inbox.wait(rest, &mut ()).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                Err(_) => {}
            }
        }
    }

    /// The change that an advance asks for, within what is stored.
    fn job(&mut self, advance: &Advance) -> Job {
        let (last, delivered) = self.rooms.get(advance.room).map_or((0, 0), |room| {
            let cursor = room.cursors.get(&advance.reader.id);
            (
                room.last,
                cursor.map_or(0, super::cursor::Cursor::delivered),
            )
        });
        let (first, last) = match (&advance.scope, advance.step) {
            (Scope::One(message), _) => (message.seq, message.seq),
            (Scope::Known(ends), _) => (ends.oldest, ends.newest.seq),
            (Scope::UpTo(to), Step::Read) => (1, last.min(*to)),
            // what lies below was handed over before it was confirmed; a mark
            // that failed is made again by the lane itself
            (Scope::UpTo(to), Step::Sent) => (delivered + 1, last.min(*to)),
        };
        Job {
            change: Change {
                step: advance.step,
                room: advance.room,
                to: advance.reader.id,
                first,
                last,
                at: self.with.clock.now(),
            },
            one: match &advance.scope {
                Scope::One(message) => Some(message.id),
                Scope::UpTo(_) | Scope::Known(_) => None,
            },
            known: match &advance.scope {
                Scope::Known(ends) => Some(ends.clone()),
                Scope::UpTo(_) | Scope::One(_) => None,
            },
            deadline: advance.deadline,
        }
    }

    /// Answers why it was not done, or tries again what nobody waits for.
    fn give_up_advance(&mut self, advance: Advance, error: LaneError) {
        match advance.asker {
            Asker::Nobody { again } if again > 0 && error != LaneError::Internal => {
                self.inbox.push(Command::Advance(Advance {
                    asker: Asker::Nobody { again: again - 1 },
                    deadline: Instant::now() + HAND_OVER_WITHIN,
                    ..advance
                }));
            }
            asker => answer(asker, Err(error), self.outlet()),
        }
    }

    fn tell_advance(&mut self, advance: Advance, change: Change, outcome: Result<Done, LaneError>) {
        let done = match outcome {
            Ok(done) => done,
            Err(error) => return self.give_up_advance(advance, error),
        };
        let count = done.moved.iter().map(|part| part.count).sum();
        let mut newest = None;
        for Part { ends, count } in done.moved {
            let moved = newest.insert(change.applied_to(ends.newest));
            self.with.outlet.advanced(&Advanced {
                newest: moved.clone(),
                oldest: ends.oldest,
                count,
                step: change.step,
                origin: match &advance.asker {
                    Asker::Event(origin) => Some(*origin),
                    Asker::Task(_) | Asker::Nobody { .. } => None,
                },
                sender: advance.sender.user.clone(),
                reader: advance.reader.user.clone(),
            });
        }
        self.confirm_advance(&advance, change);
        let message = newest.or(done.unmoved);
        let result = match (advance.scope, message) {
            (Scope::One(_), Some(message)) => Ok(Answer::Message(Stored {
                message,
                from: advance.sender.user,
                to: advance.reader.user,
                origin: None,
            })),
            (Scope::One(_), None) => Err(LaneError::Internal),
            (Scope::UpTo(_) | Scope::Known(_), _) => Ok(Answer::Moved {
                step: change.step,
                count,
                at: change.at,
            }),
        };
        answer(advance.asker, result, self.outlet());
    }

    /// What a client says it read or got, it has confirmed; what the server
    /// handed over, nobody has confirmed yet.
    fn confirm_advance(&mut self, advance: &Advance, change: Change) {
        let first: Seq = match advance.scope {
            Scope::One(_) => change.first,
            Scope::UpTo(_) => 1,
            Scope::Known(_) => return,
        };
        self.move_cursor(advance.room, advance.reader.id, first, change.last);
    }
}
