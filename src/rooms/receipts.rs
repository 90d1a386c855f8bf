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

use super::Deps;
use super::command::{
    Advance, Advanced, Answer, Caller, Command, Confirm, LaneError, Outlet, ReceiptKind, Scope,
    Stored,
};
use super::cursor_moves::{self, Job, Moving, Outcome};
use super::each;
use super::heard::HeardAdvances;
use super::inbox::{Inbox, Overdue};
use super::lane::{FIRST_PAUSE, MAX_PAUSE, until};
use super::recent::RecentCursors;
use crate::domain::{Delivery, Members, ReadStep, Status};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::Error;
use crate::store::chat_rooms::Moved;

/// How long what nobody waits for is tried, so that an outage of a minute is outlived.
pub(super) const UNASKED_FOR: Duration = Duration::from_mins(2);
/// How long a receipt of open outcome is looked at after its answer. The attempt itself
/// may still reach the database as long as the driver holds on to it.
const OPEN_FOR: Duration = Duration::from_secs(45);
/// Receipts that wait here at most; more wait in front.
const MAX_PENDING: usize = 4_096;
/// The longest pause between two such looks.
const MAX_LOOK: Duration = Duration::from_secs(10);

/// The receipts of one lane's chat rooms.
pub(super) struct Receipts {
    pub(super) deps: Deps,
    pub(super) inbox: Inbox,
    pub(super) recent: RecentCursors,
    /// Where confirmations go. Weak: the lane holds a sender of ours.
    lane: mpsc::WeakSender<Command>,
    pub(super) pending: Vec<Pending>,
    /// What got further through other servers.
    pub(super) heard: HeardAdvances,
}

/// A receipt that is not settled.
pub(super) struct Pending {
    advance: Advance,
    /// Receipts that reach no further, answered with it.
    followers: Vec<Advance>,
    /// Whether the caller is still to be answered, or is a task.
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
        deps: Deps,
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
            heard: HeardAdvances::default(),
        }
    }

    /// Works until every sender of commands is gone and nothing waits.
    pub(super) async fn run(mut self) {
        loop {
            let wake = self.wake();
            let has_room = self.pending.len() < MAX_PENDING;
            let batch = tokio::select! {
                batch = self.inbox.next_batch(), if has_room => {
                    if batch.is_empty() {
                        return;
                    }
                    batch
                }
                () = until(wake) => Vec::new(),
            };
            self.take_in(batch);
            let now = Instant::now();
            self.pending.expire(now, self.deps.outlet.as_ref());
            self.pending.retain(|pending| pending.may_go_on(now));
            let due = self.take_due(now);
            if !due.is_empty() {
                self.attempt(due).await;
            }
            self.announce_heard().await;
        }
    }

    /// Takes over what waits. Of several receipts of one member it is the furthest that
    /// is stored: behind it the others have nothing to move, and are answered with it.
    fn take_in(&mut self, batch: Vec<Command>) {
        let untried = self.pending.iter().enumerate();
        let untried = untried.filter(|(_, pending)| pending.attempted.is_none());
        let mut leaders: HashMap<Key, usize> = untried
            .filter_map(|(index, pending)| Some((pending.advance.leads()?, index)))
            .collect();
        for command in batch {
            let advance = match command {
                Command::Advance(advance) => advance,
                Command::Heard(heard) => {
                    self.heard.add(heard);
                    continue;
                }
                // nothing else comes here
                Command::Append(_) | Command::Confirm(_) => continue,
            };
            let leader = advance.leads().and_then(|key| leaders.get(&key).copied());
            if let Some(leader) = leader.and_then(|index| self.pending.get_mut(index)) {
                leader.join(advance);
            } else {
                leaders.extend(advance.leads().map(|key| (key, self.pending.len())));
                let now = self.deps.clock.now();
                self.pending.push(Pending::new(advance, now));
            }
        }
    }

    /// Takes out what is to be tried now: one receipt of each member of a chat room, since
    /// the next one begins where that one ends. One whose outcome is open comes first: the
    /// next one would hide what it did.
    fn take_due(&mut self, now: Instant) -> Vec<Pending> {
        let (open, waiting): (Vec<&Pending>, Vec<&Pending>) = self
            .pending
            .iter()
            .partition(|pending| pending.attempted.is_some());
        let open: HashSet<Member> = open.iter().map(|one| one.advance.member()).collect();
        let waiting: HashSet<Member> = waiting.iter().map(|one| one.advance.member()).collect();
        let mut taken = HashSet::new();
        let mut is_due = |pending: &mut Pending| {
            let member = pending.advance.member();
            let is_open = pending.attempted.is_some();
            if is_open && waiting.contains(&member) {
                pending.retry = pending.retry.min(now + MAX_PAUSE);
            }
            pending.retry <= now && (is_open || !open.contains(&member)) && taken.insert(member)
        };
        self.pending.extract_if(.., |one| is_due(one)).collect()
    }

    /// When something is to be tried or answered.
    fn wake(&self) -> Option<Instant> {
        let open = self.pending.iter().filter(|one| one.attempted.is_some());
        let open: HashSet<Member> = open.map(|one| one.advance.member()).collect();
        let times = self.pending.iter().flat_map(|pending| {
            let is_blocked =
                pending.attempted.is_none() && open.contains(&pending.advance.member());
            let retry = (!is_blocked).then_some(pending.retry);
            [retry, pending.deadline()]
        });
        times.flatten().chain(self.heard.retry()).min()
    }

    /// Tries these once; what is not settled waits on.
    async fn attempt(&mut self, due: Vec<Pending>) {
        let jobs: Vec<Job> = due.iter().map(Pending::job).collect();
        let first = self.pending.len();
        self.pending.extend(due.into_iter().map(|pending| Pending {
            in_flight: true,
            ..pending
        }));
        let (store, recent) = (self.deps.store.clone(), self.recent.clone());
        let (limit, outlet) = (self.deps.attempt, Arc::clone(&self.deps.outlet));
        let work = async {
            let mut outcomes = cursor_moves::make(&store, &recent, jobs, limit).await;
            for outcome in &mut outcomes {
                if let Outcome::Moved(moving) = outcome {
                    for part in &mut moving.parts {
                        let (newest, oldest) = (&part.newest, part.oldest);
                        part.others = each::others(&store, outlet.as_ref(), newest, oldest).await;
                    }
                }
            }
            outcomes
        };
        // always `Some`: the work is waited for to the end, whoever was answered early
        let outcomes = self.inbox.wait(work, &mut self.pending).await;
        let tried = self.pending.split_off(first);
        for (mut pending, outcome) in tried.into_iter().zip(outcomes.unwrap_or_default()) {
            pending.in_flight = false;
            match outcome {
                Outcome::Moved(moving) => self.announce(pending, *moving),
                Outcome::Nothing { seq, delivery } => self.answer_unmoved(pending, seq, delivery),
                Outcome::Again(attempted, error) => {
                    report(error.as_ref());
                    pending.attempted = attempted.map(|moving| *moving);
                    pending.postpone();
                    self.pending.push(pending);
                }
                Outcome::Refused(error) => {
                    let error = error.as_ref().map(|error| error as &dyn std::error::Error);
                    tracing::error!(error, "receipt refused");
                    pending.answer(Err(LaneError::Internal), self.deps.outlet.as_ref());
                }
            }
        }
    }

    /// Announces messages that got further, and answers.
    fn announce(&mut self, mut pending: Pending, moving: Moving) {
        let outlet = Arc::clone(&self.deps.outlet);
        let Moving { made, parts, count } = moving;
        let origin = pending.advance.caller.origin().cloned();
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
                others: part.others,
                room: self.recent.outline(made.room),
                kind: pending.advance.kind,
                origin: origin.clone(),
            };
            outlet.advanced(&advanced);
        }
        let seq = match made.to {
            Moved::Sent { seq, .. } => seq,
            Moved::Read { seq, at, .. } => {
                let after = made.before;
                let step = ReadStep { after, seq, at };
                let behind = &self.deps.write_behind;
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
                let stored = pending.stored((**message).clone(), delivery);
                Answer::Unmoved(Box::new(Advanced {
                    room: self.recent.outline(pending.advance.room),
                    ..Advanced::of(stored)
                }))
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
            Scope::UpTo(_) => {
                // known before the answer: a login after it must not miss this again
                let members = Members::new(advance.reader.id, advance.sender.id);
                if let Some(members) = members {
                    let behind = &self.deps.write_behind;
                    behind.delivered(advance.room, members, advance.reader.id, last);
                }
                (1, last)
            }
            Scope::Message(message) => {
                let caller = &advance.caller;
                let first = caller.received_from(advance.room, message.seq);
                (first, message.seq)
            }
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
        let expires = match advance.caller {
            Caller::Task => advance.deadline,
            Caller::Socket(_) | Caller::Call(_) => advance.deadline + OPEN_FOR,
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
        let is_wanted = self.is_open || !self.followers.is_empty() || self.attempted.is_some();
        now < self.expires && is_wanted
    }

    fn postpone(&mut self) {
        let now = Instant::now();
        self.retry = now + self.pause;
        let longest = if self.is_open { MAX_PAUSE } else { MAX_LOOK };
        self.pause = longest.min(self.pause * 2);
        if let Some(deadline) = self.deadline() {
            self.retry = self.retry.min(deadline);
        }
    }

    /// When somebody has to be answered: of several, the first.
    fn deadline(&self) -> Option<Instant> {
        let followers = self.followers.iter().map(|follower| follower.deadline);
        self.own_deadline().into_iter().chain(followers).min()
    }

    fn own_deadline(&self) -> Option<Instant> {
        let is_asked = self.is_open && !matches!(self.advance.caller, Caller::Task);
        is_asked.then_some(self.advance.deadline)
    }

    /// Lets another receipt of the same member be answered with this one, or, if it
    /// reaches further, this one with that.
    fn join(&mut self, other: Advance) {
        let is_further = match (&self.advance.scope, &other.scope) {
            (Scope::UpTo(own), Scope::UpTo(others)) => others > own,
            _ => false,
        };
        if is_further && self.is_open {
            let shorter = std::mem::replace(&mut self.advance, other);
            self.expires = self.advance.deadline + OPEN_FOR;
            self.followers.push(shorter);
        } else {
            self.followers.push(other);
        }
    }

    fn answer(&mut self, answer: Result<Answer, LaneError>, outlet: &dyn Outlet) {
        for follower in self.followers.drain(..) {
            let kind = follower.kind;
            let unmoved = answer.as_ref().map(|_| Answer::Moved { kind, count: 0 });
            let unmoved = unmoved.map_err(|error| *error);
            follower.caller.answer(unmoved, outlet);
        }
        self.answer_own(answer, outlet);
    }

    fn answer_own(&mut self, answer: Result<Answer, LaneError>, outlet: &dyn Outlet) {
        if std::mem::take(&mut self.is_open) {
            let caller = std::mem::replace(&mut self.advance.caller, Caller::Task);
            caller.answer(answer, outlet);
        }
    }

    fn stored(&self, message: crate::domain::Message, delivery: Delivery) -> Stored {
        Stored {
            message,
            delivery,
            from: Arc::clone(&self.advance.sender.user),
            to: Arc::clone(&self.advance.reader.user),
            receiver: self.advance.reader.id,
            origin: None,
        }
    }
}

impl Advance {
    fn member(&self) -> Member {
        (self.room, self.reader.id)
    }

    /// Which others may be answered with this one, if any.
    fn leads(&self) -> Option<Key> {
        let is_range = matches!(self.scope, Scope::UpTo(_));
        is_range.then(|| (self.member(), self.kind))
    }
}

impl Overdue for Vec<Pending> {
    fn next_deadline(&self) -> Option<Instant> {
        self.iter().filter_map(Pending::deadline).min()
    }

    fn expire(&mut self, now: Instant, outlet: &dyn Outlet) -> bool {
        for pending in self {
            let error = if pending.in_flight || pending.attempted.is_some() {
                LaneError::UnknownOutcome
            } else {
                LaneError::Unavailable
            };
            let is_late = |follower: &mut Advance| follower.deadline <= now;
            for follower in pending.followers.extract_if(.., is_late) {
                follower.caller.answer(Err(error), outlet);
            }
            if pending.own_deadline().is_some_and(|at| at <= now) {
                pending.answer_own(Err(error), outlet);
            }
        }
        true
    }
}

/// A member of a chat room.
type Member = (ChatRoomId, ChatUserId);
/// Whose receipts, and of which kind.
type Key = (Member, ReceiptKind);

fn report(error: Option<&Error>) {
    if let Some(error) = error {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "receipt is retried"
        );
    }
}
