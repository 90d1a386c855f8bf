//! One attempt at a batch of receipts.
//!
//! | a job | becomes |
//! |---|---|
//! | its cursor stands there already, or nothing of the sender lies between | nothing |
//! | its attempt before this one was made after all | moved |
//! | the database does not answer | again, and its move may have been made |
//! | another server moved the cursor meanwhile | again, from where it stands now |

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bson::DateTime;

use super::command::{ReceiptKind, Scope};
use super::recent::{RecentCursors, RoomCursors};
use crate::domain::{Cursors, Delivery, Message};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::chat_rooms::{CursorMove, Moved};
use crate::store::{ChatRoom, Error, Store};

/// A receipt to be stored.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) room: ChatRoomId,
    pub(super) reader: ChatUserId,
    pub(super) sender: ChatUserId,
    pub(super) kind: ReceiptKind,
    pub(super) scope: Scope,
    /// The time of the receipt, the same at every attempt.
    pub(super) at: DateTime,
    /// The move of the attempt before, if it may have been made.
    pub(super) attempted: Option<Moving>,
}

/// A move of a cursor, and what is to be announced once it is made.
#[derive(Clone, Debug)]
pub(super) struct Moving {
    pub(super) made: CursorMove,
    /// Ascending; more than one around what is withheld.
    pub(super) parts: Vec<AnnouncedRange>,
    /// How many messages get further.
    pub(super) count: u64,
}

/// Messages that are announced together.
#[derive(Clone, Debug)]
pub(super) struct AnnouncedRange {
    pub(super) newest: Message,
    /// Position of the oldest, if there are several.
    pub(super) oldest: Option<Seq>,
    /// The others, where somebody hears of each; read once the move is made.
    pub(super) others: Vec<Message>,
}

/// What became of a [`Job`].
#[derive(Debug)]
pub(super) enum Outcome {
    /// The cursor moved.
    Moved(Box<Moving>),
    /// Everything up to this position had got as far before; of a message asked about,
    /// how far it got.
    Nothing {
        seq: Seq,
        delivery: Option<Delivery>,
    },
    /// It is to be tried again; with the move that may have been made.
    Again(Option<Box<Moving>>, Option<Error>),
    /// The database refused it, or there is no such chat room.
    Refused(Option<Error>),
}

/// Makes one attempt at all of them; the outcomes are in the order of the jobs.
pub(super) async fn make(
    store: &Store,
    recent: &RecentCursors,
    jobs: Vec<Job>,
    limit: Duration,
) -> Vec<Outcome> {
    let attempt = Attempt {
        store,
        recent,
        limit,
    };
    match attempt.prepare(&jobs).await {
        Ok(steps) => attempt.write(jobs, steps).await,
        Err(error) => jobs.into_iter().map(|job| failed(job, &error)).collect(),
    }
}

/// The outcome of a job whose chat room could not be read.
fn failed(job: Job, error: &Error) -> Outcome {
    if error.is_transient() {
        Outcome::Again(job.attempted.map(Box::new), Some(error.clone()))
    } else {
        Outcome::Refused(Some(error.clone()))
    }
}

struct Attempt<'a> {
    store: &'a Store,
    recent: &'a RecentCursors,
    limit: Duration,
}

/// What is to be done for a job.
enum Step {
    Done(Outcome),
    Write(Box<Moving>),
}

/// The message at the position that a job asks for, and the cursors before.
struct Target<'a> {
    job: &'a Job,
    room: RoomCursors,
    last: Message,
}

impl Attempt<'_> {
    async fn prepare(&self, jobs: &[Job]) -> Result<Vec<Step>, Error> {
        let rooms = self.rooms(jobs).await?;
        let wanted = jobs.iter().filter_map(|job| {
            let room = rooms.get(&job.room)?;
            let seq = job.position()?;
            (seq > room.of(job.reader).of(job.kind)).then_some((job.room, seq))
        });
        let messages = self.messages(wanted.collect()).await?;
        let mut steps = Vec::with_capacity(jobs.len());
        for job in jobs {
            let step = match rooms.get(&job.room) {
                None => Step::Done(Outcome::Refused(None)),
                Some(room) => self.step(job, *room, &messages).await?,
            };
            steps.push(step);
        }
        Ok(steps)
    }

    /// The cursors of the jobs' chat rooms; those of open attempts are read anew.
    async fn rooms(&self, jobs: &[Job]) -> Result<HashMap<ChatRoomId, RoomCursors>, Error> {
        let mut rooms = HashMap::new();
        let mut unknown = HashSet::new();
        for job in jobs {
            match self.recent.get(job.room) {
                Some(room) if job.attempted.is_none() => {
                    rooms.insert(job.room, room);
                }
                _ => {
                    unknown.insert(job.room);
                }
            }
        }
        let unknown: Vec<ChatRoomId> = unknown.into_iter().collect();
        for room in self.store.chat_rooms.list(&unknown).await? {
            rooms.insert(room.id, self.recent.learn(&room));
        }
        Ok(rooms)
    }

    /// The messages at these positions; at the last one where a chat room ends before.
    async fn messages(
        &self,
        wanted: Vec<(ChatRoomId, Seq)>,
    ) -> Result<HashMap<(ChatRoomId, Seq), Message>, Error> {
        let mut found = HashMap::new();
        let mut unknown = Vec::new();
        for place in &wanted {
            match self.recent.message_at(place.0, place.1) {
                Some(message) => {
                    found.insert(*place, (*message).clone());
                }
                None => unknown.push(*place),
            }
        }
        let read = self.store.messages.list_at(&unknown).await?;
        found.extend(read.into_iter().map(|m| ((m.chat_room, m.seq), m)));
        let beyond = wanted.iter().filter(|place| !found.contains_key(*place));
        let beyond: Vec<(ChatRoomId, Seq)> = beyond.copied().collect();
        let rooms: Vec<ChatRoomId> = beyond.iter().map(|(room, _)| *room).collect();
        let last = self.store.messages.list_last(&rooms).await?;
        let last: HashMap<ChatRoomId, Message> =
            last.into_iter().map(|m| (m.chat_room, m)).collect();
        for place in beyond {
            let last = match last.get(&place.0) {
                // stored between the two looks
                Some(last) if last.seq > place.1 => {
                    self.store.messages.find_at(place.0, place.1).await?
                }
                last => last.cloned(),
            };
            found.extend(last.map(|last| (place, last)));
        }
        Ok(found)
    }

    async fn step(
        &self,
        job: &Job,
        room: RoomCursors,
        messages: &HashMap<(ChatRoomId, Seq), Message>,
    ) -> Result<Step, Error> {
        let cursors = room.of(job.reader);
        if let Some(attempted) = &job.attempted {
            let attempted = Box::new(attempted.clone());
            if attempted.made.is_made_in(&cursors) {
                return Ok(Step::Done(Outcome::Moved(attempted)));
            }
            if cursors.at(job.kind) == attempted.made.before {
                return Ok(Step::Write(attempted));
            }
        }
        let last = match &job.scope {
            Scope::UpTo(seq) | Scope::Counted(seq) => messages.get(&(job.room, *seq)).cloned(),
            Scope::Message(message) => Some((**message).clone()),
            Scope::Sent { up_to, newest } => {
                return Ok(sent_to_device(job, room, *up_to, newest));
            }
        };
        let reached = cursors.of(job.kind);
        let Some(last) = last.filter(|last| last.seq > reached) else {
            return self.nothing(job, room, reached).await;
        };
        let target = Target { job, room, last };
        match job.kind {
            ReceiptKind::Read => self.read(target).await,
            ReceiptKind::Sent => self.sent(target).await,
        }
    }

    /// Everything that the job asks for had got as far before.
    async fn nothing(&self, job: &Job, room: RoomCursors, reached: Seq) -> Result<Step, Error> {
        let (seq, delivery) = match &job.scope {
            Scope::UpTo(seq) | Scope::Counted(seq) => (*seq, None),
            Scope::Message(message) => {
                let receipts = self.store.chat_rooms.find_receipts(room.members).await?;
                let position = room.members.position(job.reader);
                let delivery = position.map(|position| {
                    let receipts = receipts.of(position);
                    let cursors = room.of(job.reader).furthest(receipts.cursors);
                    message.delivery(&cursors, &receipts.steps)
                });
                (message.seq, delivery)
            }
            Scope::Sent { up_to, .. } => (*up_to, None),
        };
        let seq = seq.min(reached);
        Ok(Step::Done(Outcome::Nothing { seq, delivery }))
    }

    /// Reads up to a message, and cuts what is announced around what is withheld there:
    /// a range stands for every message of the sender in it, and those stay `sent`.
    async fn read(&self, target: Target<'_>) -> Result<Step, Error> {
        let Target { job, room, last } = &target;
        let before = room.of(job.reader).read;
        let count = room
            .members
            .position(job.sender)
            .map_or(0, |sender| *last.counts.of(sender));
        let news = u64::try_from(count - before.count).unwrap_or_default();
        let made = target.make(before.seq, |seq, at| Moved::Read { seq, count, at });
        let mut parts = Vec::new();
        let mut after = before.seq;
        for end in self.withheld(&target, before.seq).await? {
            parts.extend(self.part(&target, after, end - 1).await?);
            after = end;
        }
        if parts.is_empty() && after == before.seq && last.to == job.reader {
            // the ordinary case: the message is there, and nothing is to be cut out
            parts.push(AnnouncedRange {
                newest: last.clone(),
                oldest: (news > 1).then_some(after + 1),
                others: Vec::new(),
            });
        } else {
            parts.extend(self.part(&target, after, last.seq).await?);
        }
        if parts.is_empty() {
            let seq = last.seq;
            let delivery = None;
            return Ok(Step::Done(Outcome::Nothing { seq, delivery }));
        }
        Ok(Step::Write(Box::new(Moving {
            made,
            parts,
            count: news,
        })))
    }

    /// The positions of what is withheld after a position and up to the place.
    async fn withheld(&self, target: &Target<'_>, after: Seq) -> Result<Vec<Seq>, Error> {
        let last = &target.last;
        if last.counts.withheld(last.seq) == 0 {
            return Ok(Vec::new());
        }
        let messages = &self.store.messages;
        let room = target.job.room;
        messages.list_withheld(room, after, last.seq + 1).await
    }

    /// What of the sender's lies after one position and up to another.
    async fn part(
        &self,
        target: &Target<'_>,
        after: Seq,
        last: Seq,
    ) -> Result<Option<AnnouncedRange>, Error> {
        if last <= after {
            return Ok(None);
        }
        let (to, room) = (target.job.reader, target.job.room);
        let messages = &self.store.messages;
        let newest = messages.find_newest_to(to, room, after, last).await?;
        Ok(newest.map(|newest| AnnouncedRange {
            oldest: (newest.seq > after + 1).then_some(after + 1),
            newest,
            others: Vec::new(),
        }))
    }

    /// Notes that a device has everything up to a message, or its count; what was born
    /// `sent` is not announced again.
    async fn sent(&self, target: Target<'_>) -> Result<Step, Error> {
        let Target { job, room, last } = &target;
        let cursors = room.of(job.reader);
        // what lies below was announced before it was confirmed
        let after = cursors.sent_or_read().max(cursors.delivered);
        let messages = &self.store.messages;
        let count = messages
            .count_born_unsent(job.reader, job.room, after, last.seq)
            .await?;
        let part = match count {
            0 => None,
            _ => self.part(&target, after, last.seq).await?,
        };
        let part = part.map(|part| AnnouncedRange {
            oldest: part.oldest.filter(|_| count > 1),
            ..part
        });
        // what a login only counted, nobody has got: that it need not be counted again
        // is noted by the cursor, silently
        if part.is_none() && matches!(job.scope, Scope::UpTo(_)) {
            self.recent.note_delivered(job.room, job.reader, last.seq);
            let (seq, delivery) = (last.seq, None);
            return Ok(Step::Done(Outcome::Nothing { seq, delivery }));
        }
        let made = target.make(cursors.sent.seq, |seq, at| Moved::Sent { seq, at });
        Ok(Step::Write(Box::new(Moving {
            made,
            parts: part.into_iter().collect(),
            count,
        })))
    }

    /// Makes the moves, and finds out which of them were made.
    async fn write(&self, jobs: Vec<Job>, steps: Vec<Step>) -> Vec<Outcome> {
        let moves = steps.iter().filter_map(|step| match step {
            Step::Write(moving) => Some(moving.made.clone()),
            Step::Done(_) => None,
        });
        let moves: Vec<CursorMove> = moves.collect();
        let written = self.written(&moves).await;
        let outcomes = jobs.into_iter().zip(steps);
        let outcomes = outcomes.map(|(job, step)| match (step, &written) {
            (Step::Done(outcome), _) => outcome,
            (Step::Write(moving), Ok(Written::All)) => self.moved(&job, moving),
            (Step::Write(moving), Ok(Written::Some(rooms))) => match rooms.get(&job.room) {
                Some(room) if moving.made.is_made(room) => self.moved(&job, moving),
                // it did not move though it stands where it was believed to stand
                Some(room) if room.cursors(job.reader).at(job.kind) == moving.made.before => {
                    Outcome::Refused(None)
                }
                _ => Outcome::Again(None, None),
            },
            (Step::Write(moving), Err(error)) if error.is_transient() => {
                let open = error.may_be_applied() || job.attempted.is_some();
                Outcome::Again(open.then_some(moving), Some(error.clone()))
            }
            (Step::Write(_), Err(error)) => Outcome::Refused(Some(error.clone())),
        });
        outcomes.collect()
    }

    async fn written(&self, moves: &[CursorMove]) -> Result<Written, Error> {
        if moves.is_empty() {
            return Ok(Written::All);
        }
        let count = self
            .store
            .chat_rooms
            .move_cursors(moves, self.limit)
            .await?;
        if count == moves.len() {
            return Ok(Written::All);
        }
        let rooms: Vec<ChatRoomId> = moves.iter().map(|one| one.room).collect();
        // some were made: a failure to read which leaves all of them open
        let rooms = self.store.chat_rooms.list(&rooms).await;
        let rooms = rooms.map_err(|_| Error::Unconfirmed)?;
        for room in &rooms {
            self.recent.learn(room);
        }
        let rooms = rooms.into_iter().map(|room| (room.id, room));
        Ok(Written::Some(rooms.collect()))
    }

    fn moved(&self, job: &Job, moving: Box<Moving>) -> Outcome {
        let known = self.recent.get(job.room);
        let cursors = known.map_or_else(Cursors::default, |known| known.of(job.reader));
        let cursors = moving.made.applied_to(cursors);
        self.recent.note(job.room, job.reader, cursors);
        Outcome::Moved(moving)
    }
}

/// Which of several moves were made.
enum Written {
    All,
    /// Those that the chat rooms, read afterwards, show.
    Some(HashMap<ChatRoomId, ChatRoom>),
}

/// Moves the cursor past what a device is about to be sent, unless it stands there.
fn sent_to_device(job: &Job, room: RoomCursors, up_to: Seq, newest: &Message) -> Step {
    let cursors = room.of(job.reader);
    let after = cursors.sent_or_read();
    if newest.seq <= after {
        let (seq, delivery) = (up_to, None);
        return Step::Done(Outcome::Nothing { seq, delivery });
    }
    let made = CursorMove {
        room: job.room,
        members: room.members,
        member: job.reader,
        before: cursors.sent.seq,
        to: Moved::Sent {
            seq: up_to.max(newest.seq),
            at: job.at,
        },
    };
    Step::Write(Box::new(Moving {
        made,
        count: 0,
        parts: vec![AnnouncedRange {
            newest: newest.clone(),
            oldest: (newest.seq > after + 1).then_some(after + 1),
            others: Vec::new(),
        }],
    }))
}

impl Target<'_> {
    fn make(&self, before: Seq, to: impl FnOnce(Seq, DateTime) -> Moved) -> CursorMove {
        CursorMove {
            room: self.job.room,
            members: self.room.members,
            member: self.job.reader,
            before,
            to: to(self.last.seq, self.job.at),
        }
    }
}

impl Job {
    /// The position whose message has to be read.
    fn position(&self) -> Option<Seq> {
        match &self.scope {
            Scope::UpTo(seq) | Scope::Counted(seq) => Some(*seq),
            Scope::Message(_) | Scope::Sent { .. } => None,
        }
    }
}

impl Cursors {
    /// Where the cursor of this kind stands.
    fn at(&self, kind: ReceiptKind) -> Seq {
        match kind {
            ReceiptKind::Sent => self.sent.seq,
            ReceiptKind::Read => self.read.seq,
        }
    }

    /// Up to where nothing of this kind is news: what was read was sent, and what was
    /// delivered too.
    fn of(&self, kind: ReceiptKind) -> Seq {
        match kind {
            ReceiptKind::Sent => self.sent_or_read().max(self.delivered),
            ReceiptKind::Read => self.read.seq,
        }
    }
}
