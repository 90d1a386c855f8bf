//! Receipts: durable before they are announced, beside a lane's sends and not between
//! them.
//!
//! One task for each lane takes what waits, one receipt for each member of a chat room,
//! and moves all their cursors with one command. What it could not find out, because an
//! answer was lost, it looks at again: whoever asked is answered in time meanwhile.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bson::DateTime;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Equipment;
use super::command::{
    Advance, Advanced, Answer, Asker, Command, Confirm, LaneError, Origin, Outlet, ReceiptKind,
    Scope, Stored,
};
use super::cursor_moves::{self, Job, Moving, Outcome};
use super::inbox::{Inbox, Overdue, answer_asker};
use super::lane::{FIRST_PAUSE, LONGEST_PAUSE, until};
use super::recent::RecentCursors;
use crate::bugs::{self, Bug};
use crate::domain::{Delivery, ReadStep, Status};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::Error;
use crate::store::chat_rooms::Moved;

/// How long what nobody waits for is tried, so that an outage of a minute is outlived.
pub(super) const UNASKED_FOR: Duration = Duration::from_mins(2);
/// How long a receipt of open outcome is looked at after its answer. The attempt itself
/// may still reach the database as long as the driver holds on to it.
const OPEN_FOR: Duration = Duration::from_secs(45);
/// The longest pause between two such looks.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// The receipts of one lane's chat rooms.
pub(super) struct Receipts {
    deps: Equipment,
    inbox: Inbox,
    recent: RecentCursors,
    /// Where confirmations go. Weak: the lane holds a sender of ours.
    lane: mpsc::WeakSender<Command>,
    pending: Vec<Pending>,
}

/// A receipt that is not settled.
struct Pending {
    advance: Advance,
    /// Receipts that reach no further, answered with it.
    followers: Vec<Advance>,
    /// Whether somebody is still to be answered, or the asker is nobody.
    is_open: bool,
    /// When it was taken up: the time of the receipt, the same at every attempt.
    at: DateTime,
    /// The move that was attempted and may have been made.
    attempted: Option<Moving>,
    /// Whether an attempt is under way.
    in_flight: bool,
    retry: Instant,
    pause: Duration,
    expires: Instant,
}

impl Receipts {
    pub(super) fn new(
        deps: Equipment,
        inbox: Inbox,
        recent: RecentCursors,
        lane: mpsc::WeakSender<Command>,
    ) -> Self {
        Self {
            deps,
            inbox,
            recent,
            lane,
            pending: Vec::new(),
        }
    }

    /// Works until every sender of commands is gone and nothing waits.
    pub(super) async fn run(mut self) {
        loop {
            let retry = self.pending.iter().map(|pending| pending.retry).min();
            let batch = tokio::select! {
                batch = self.inbox.next_batch() => {
                    if batch.is_empty() {
                        return;
                    }
                    batch
                }
                () = until(retry) => Vec::new(),
            };
            let mut due = self.take_due(batch);
            self.attempt(&mut due).await;
            self.pending.append(&mut due);
        }
    }

    /// What is to be tried now: at most one receipt of each member of a chat room, since
    /// the next one begins where that one ends. Of several it is the furthest, behind
    /// which nothing is left for the others to move: they are answered with it.
    fn take_due(&mut self, batch: Vec<Command>) -> Vec<Pending> {
        let now = Instant::now();
        let furthest = furthest(&batch);
        let mut taken = HashSet::new();
        let mut free = |advance: &Advance| taken.insert((advance.room, advance.reader.id));
        let is_due = |pending: &mut Pending| pending.retry <= now && free(&pending.advance);
        let mut due: Vec<Pending> = self.pending.extract_if(.., is_due).collect();
        let (mut leading, mut others) = (HashMap::new(), Vec::new());
        for command in batch {
            match command {
                Command::Advance(advance) if is_furthest(&advance, &furthest) && free(&advance) => {
                    leading.insert(advance.key(), due.len());
                    due.push(Pending::new(advance, self.deps.clock.now()));
                }
                other => others.push(other),
            }
        }
        let mut later = Vec::new();
        for command in others {
            match command {
                Command::Advance(advance) if matches!(advance.scope, Scope::UpTo(_)) => {
                    let leader = leading.get(&advance.key());
                    match leader.and_then(|index| due.get_mut(*index)) {
                        Some(leader) if matches!(leader.advance.scope, Scope::UpTo(_)) => {
                            leader.followers.push(advance);
                        }
                        _ => later.push(Command::Advance(advance)),
                    }
                }
                other => later.push(other),
            }
        }
        self.inbox.put_back(later);
        due
    }

    /// Tries these once; what is settled is taken out.
    async fn attempt(&mut self, batch: &mut Vec<Pending>) {
        let now = Instant::now();
        batch.expire(now, self.deps.outlet.as_ref());
        batch.retain(|pending| pending.may_go_on(now));
        if batch.is_empty() {
            return;
        }
        let jobs: Vec<Job> = batch.iter().map(Pending::job).collect();
        for pending in &mut *batch {
            pending.in_flight = true;
        }
        let (store, recent) = (self.deps.store.clone(), self.recent.clone());
        let work = cursor_moves::make(&store, &recent, jobs, self.deps.attempt);
        // always `Some`: the batch is waited for to the end, whoever was answered early
        let outcomes = self.inbox.wait(work, batch).await.unwrap_or_default();
        let mut left = Vec::new();
        for (mut pending, outcome) in batch.drain(..).zip(outcomes) {
            pending.in_flight = false;
            match outcome {
                Outcome::Moved(moving) => self.announce(pending, *moving),
                Outcome::Nothing { seq, delivery } => self.answer_unmoved(pending, seq, delivery),
                Outcome::Again(attempted, error) => {
                    report(&error);
                    pending.attempted = attempted.map(|moving| *moving);
                    pending.postpone();
                    left.push(pending);
                }
                Outcome::Refused(error) => {
                    let error = error.as_ref().map(|error| error as &dyn std::error::Error);
                    tracing::error!(error, "receipt refused");
                    pending.answer(Err(LaneError::Internal), self.deps.outlet.as_ref());
                }
            }
        }
        batch.append(&mut left);
    }

    /// Announces messages that got further, and answers.
    fn announce(&mut self, mut pending: Pending, moving: Moving) {
        let outlet = Arc::clone(&self.deps.outlet);
        let Moving { made, parts, count } = moving;
        let origin = pending.advance.origin();
        let mut newest = None;
        for part in parts {
            let delivery = match made.to {
                Moved::Sent { at, .. } => Delivery {
                    status: Status::Sent,
                    sent_at: part.newest.sent_at.or(Some(at)),
                    read_at: None,
                },
                Moved::Read { at, .. } => Delivery {
                    status: Status::Read,
                    sent_at: part.newest.sent_at,
                    read_at: Some(at),
                },
            };
            let stored = newest.insert(pending.stored(part.newest, delivery));
            let advanced = Advanced {
                newest: stored.clone(),
                oldest: part.oldest,
                kind: pending.advance.kind,
                origin,
            };
            outlet.advanced(&advanced);
            if bugs::active(Bug::RangeAnnouncedTwice) {
                outlet.advanced(&advanced);
            }
        }
        let seq = match made.to {
            Moved::Sent { seq, .. } => seq,
            Moved::Read { seq, at, .. } => {
                let after = made.before;
                let step = ReadStep { after, seq, at };
                let behind = &self.deps.behind;
                behind.read(made.room, made.members, made.member, step);
                seq
            }
        };
        self.confirm(&pending.advance, seq);
        let answer = match (&pending.advance.scope, newest) {
            (Scope::Message(_), Some(newest)) => Answer::Message(newest),
            _ => Answer::Moved {
                kind: pending.advance.kind,
                count,
            },
        };
        pending.answer(Ok(answer), outlet.as_ref());
    }

    /// Answers that nothing got further.
    fn answer_unmoved(&mut self, mut pending: Pending, seq: Seq, delivery: Option<Delivery>) {
        self.confirm(&pending.advance, seq);
        let answer = match (&pending.advance.scope, delivery) {
            (Scope::Message(message), Some(delivery)) => {
                Answer::Message(pending.stored((**message).clone(), delivery))
            }
            _ => Answer::Moved {
                kind: pending.advance.kind,
                count: 0,
            },
        };
        pending.answer(Ok(answer), self.deps.outlet.as_ref());
    }

    /// What a client says it read or got, it has confirmed; what the server sends a
    /// device, nobody has confirmed yet.
    fn confirm(&self, advance: &Advance, last: Seq) {
        let (first, last) = match &advance.scope {
            Scope::UpTo(_) => (1, last),
            Scope::Message(message) if bugs::active(Bug::ReadConfirmsDelivery) => (1, message.seq),
            Scope::Message(message) => (message.seq, message.seq),
            Scope::Sent { .. } | Scope::Counted(_) => return,
        };
        let confirm = Command::Confirm(Confirm {
            room: advance.room,
            member: advance.reader.id,
            first,
            last,
        });
        let lane = self.lane.upgrade();
        if lane.is_none_or(|lane| lane.try_send(confirm).is_err()) {
            // the messages are only delivered once more
            tracing::debug!("a confirmation was dropped");
        }
    }
}

impl Pending {
    fn new(advance: Advance, at: DateTime) -> Self {
        let expires = match advance.asker {
            Asker::Nobody => advance.deadline,
            Asker::Event(_) | Asker::Task(_) => advance.deadline + OPEN_FOR,
        };
        Self {
            advance,
            followers: Vec::new(),
            is_open: true,
            at,
            attempted: None,
            in_flight: false,
            retry: Instant::now(),
            pause: FIRST_PAUSE,
            expires,
        }
    }

    fn job(&self) -> Job {
        Job {
            room: self.advance.room,
            reader: self.advance.reader.id,
            sender: self.advance.sender.id,
            kind: self.advance.kind,
            scope: self.advance.scope.clone(),
            at: self.at,
            attempted: self.attempted.clone(),
        }
    }

    /// Whether it is to be tried: somebody waits for it, or it may have been made.
    fn may_go_on(&self, now: Instant) -> bool {
        now < self.expires && (self.is_open || self.attempted.is_some())
    }

    fn postpone(&mut self) {
        let now = Instant::now();
        self.retry = now + self.pause;
        let longest = if self.is_open {
            LONGEST_PAUSE
        } else {
            LONGEST_LOOK
        };
        self.pause = longest.min(self.pause * 2);
        if let Some(deadline) = self.deadline() {
            self.retry = self.retry.min(deadline);
        }
    }

    /// When somebody has to be answered: of several, the first.
    fn deadline(&self) -> Option<Instant> {
        let is_asked = self.is_open && !matches!(self.advance.asker, Asker::Nobody);
        let own = is_asked.then_some(self.advance.deadline);
        let followers = self.followers.iter().map(|follower| follower.deadline);
        own.into_iter().chain(followers).min()
    }

    fn answer(&mut self, answer: Result<Answer, LaneError>, outlet: &dyn Outlet) {
        for follower in self.followers.drain(..) {
            let kind = follower.kind;
            let unmoved = answer.as_ref().map(|_| Answer::Moved { kind, count: 0 });
            answer_asker(follower.asker, unmoved.map_err(|error| *error), outlet);
        }
        if std::mem::take(&mut self.is_open) {
            let asker = std::mem::replace(&mut self.advance.asker, Asker::Nobody);
            answer_asker(asker, answer, outlet);
        }
    }

    fn stored(&self, message: crate::domain::Message, delivery: Delivery) -> Stored {
        Stored {
            message,
            delivery,
            from: Arc::clone(&self.advance.sender.user),
            to: Arc::clone(&self.advance.reader.user),
            origin: None,
        }
    }
}

impl Advance {
    fn key(&self) -> Key {
        (self.room, self.reader.id, self.kind)
    }

    fn origin(&self) -> Option<Origin> {
        match &self.asker {
            Asker::Event(origin) => Some(*origin),
            Asker::Task(_) | Asker::Nobody => None,
        }
    }
}

impl Overdue for Vec<Pending> {
    fn next_deadline(&self) -> Option<Instant> {
        self.iter().filter_map(Pending::deadline).min()
    }

    fn expire(&mut self, now: Instant, outlet: &dyn Outlet) -> bool {
        for pending in self {
            if pending.deadline().is_none_or(|deadline| deadline > now) {
                continue;
            }
            let error = if pending.in_flight || pending.attempted.is_some() {
                LaneError::UnknownOutcome
            } else {
                LaneError::Unavailable
            };
            pending.answer(Err(error), outlet);
        }
        true
    }
}

/// Whose receipts, and of which kind.
type Key = (ChatRoomId, ChatUserId, ReceiptKind);

/// The furthest position that anybody asks for, by member and kind.
fn furthest(batch: &[Command]) -> HashMap<Key, Seq> {
    let mut furthest = HashMap::new();
    for command in batch {
        if let Command::Advance(advance) = command
            && let Scope::UpTo(seq) = advance.scope
        {
            let known = furthest.entry(advance.key()).or_default();
            *known = seq.max(*known);
        }
    }
    furthest
}

fn is_furthest(advance: &Advance, furthest: &HashMap<Key, Seq>) -> bool {
    match advance.scope {
        Scope::UpTo(seq) => furthest.get(&advance.key()) == Some(&seq),
        Scope::Message(_) | Scope::Sent { .. } | Scope::Counted(_) => true,
    }
}

fn report(error: &Option<Error>) {
    if let Some(error) = error {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "receipt is retried"
        );
    }
}
