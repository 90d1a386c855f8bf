//! What waits in front of a lane, and is answered in time even when the lane
//! itself waits for the database.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::command::{Answer, Caller, Command, LaneError, Outlet, Stored};
use crate::domain::{Delivery, Message};

/// Commands taken into one batch. 512 messages of 1 KiB are well within one
/// `insert_many`, and a batch of that size takes about 5 ms to store.
pub(super) const MAX_PER_BATCH: usize = 512;

/// The longest a batch waits for others to come: the resolution of tokio's timers, about
/// as long as a commit.
const GATHER_WITHIN: Duration = Duration::from_millis(1);
/// Fewest messages worth waiting for.
const WORTH_GATHERING: usize = 3;
/// Most batches that wait for nothing after one that waited in vain.
const LONGEST_PAUSE: u32 = 64;

/// Commands on their way to the lane.
pub(super) struct Inbox {
    commands: mpsc::Receiver<Command>,
    backlog: VecDeque<Command>,
    /// What goes before everything that waits: confirmations, which nobody waits for and
    /// whose order does not matter.
    first: Vec<Command>,
    /// No deadline in the backlog is before this.
    earliest: Option<Instant>,
    /// Most commands taken over from the channel while the lane waits.
    bound: usize,
    closed: bool,
    gathering: Gathering,
    outlet: Arc<dyn Outlet>,
    depth: metrics::Gauge,
}

/// Whether it pays to wait for a batch to fill.
#[derive(Debug, Default)]
struct Gathering {
    /// Messages of the batch before.
    last: usize,
    /// Of the one before that, unless the last one gathered.
    before: usize,
    /// Batches for which nothing is waited for, since waiting was in vain.
    pause: u32,
    /// The length of the pause before.
    paused: u32,
}

impl Gathering {
    /// How many messages to wait for, where `waiting` are there: as many as the last two
    /// batches were, since whoever was answered is likely to send again.
    fn wanted(&mut self, waiting: usize) -> Option<usize> {
        let wanted = self.last + self.before;
        if wanted < WORTH_GATHERING || waiting >= wanted {
            return None;
        }
        if self.pause > 0 {
            self.pause -= 1;
            return None;
        }
        Some(wanted.min(MAX_PER_BATCH))
    }

    /// A batch is complete.
    fn note(&mut self, size: usize, wanted: Option<usize>) {
        // one that gathered holds both
        self.before = if wanted.is_some() { 0 } else { self.last };
        self.last = size;
        match wanted {
            Some(wanted) if size < wanted => {
                self.paused = (self.paused * 2).clamp(1, LONGEST_PAUSE);
                self.pause = self.paused;
            }
            Some(_) => self.paused = 0,
            None => {}
        }
    }
}

/// How many of these commands are messages.
fn messages(commands: &[Command]) -> usize {
    let is_message = |command: &&Command| matches!(command, Command::Append(_));
    commands.iter().filter(is_message).count()
}

/// Something being worked on that can be answered early.
pub(super) trait Overdue {
    /// The earliest deadline of what is not answered yet.
    fn next_deadline(&self) -> Option<Instant>;
    /// Answers what is overdue; `false` when nothing is left to answer.
    fn expire(&mut self, now: Instant, outlet: &dyn Outlet) -> bool;
    /// Takes a message that was found stored, if it is one of its own whose answer was lost.
    fn claim(&mut self, _: &Message, _: Delivery, _: &dyn Outlet) -> Option<Stored> {
        None
    }
}

/// Work that nobody is answered early about.
impl Overdue for () {
    fn next_deadline(&self) -> Option<Instant> {
        None
    }

    fn expire(&mut self, _: Instant, _: &dyn Outlet) -> bool {
        true
    }
}

impl Inbox {
    pub(super) fn new(
        commands: mpsc::Receiver<Command>,
        bound: usize,
        outlet: Arc<dyn Outlet>,
        lane: String,
    ) -> Self {
        Self {
            commands,
            backlog: VecDeque::new(),
            first: Vec::new(),
            earliest: None,
            bound,
            closed: false,
            gathering: Gathering::default(),
            outlet,
            depth: metrics::gauge!("chatzz_lane_depth", "lane" => lane),
        }
    }

    /// Waits for commands and takes what is there; empty once the lane is to end.
    pub(super) async fn next_batch(&mut self) -> Vec<Command> {
        let mut batch = std::mem::take(&mut self.first);
        let waiting = self.backlog.len().min(MAX_PER_BATCH);
        batch.extend(self.backlog.drain(..waiting));
        if batch.is_empty() && !self.closed {
            self.commands.recv_many(&mut batch, MAX_PER_BATCH).await;
        }
        while self.backlog.is_empty()
            && batch.len() < MAX_PER_BATCH
            && let Ok(command) = self.commands.try_recv()
        {
            batch.push(command);
        }
        self.depth.set(self.waiting());
        batch
    }

    /// Waits a moment for the messages that are about to come, if the batches before were
    /// larger.
    ///
    /// Whoever was answered first sends first, and would have a commit almost to themselves
    /// while everybody else waits for the next one: two commits where one would do.
    pub(super) async fn gather(&mut self, batch: &mut Vec<Command>) {
        let waiting = messages(batch);
        if waiting == 0 {
            return;
        }
        let wanted = self.gathering.wanted(waiting);
        let until = Instant::now() + GATHER_WITHIN;
        while let Some(missing) = wanted.and_then(|wanted| wanted.checked_sub(messages(batch)))
            && missing > 0
        {
            let more = self.commands.recv_many(batch, missing);
            match tokio::time::timeout_at(until, more).await {
                Ok(0) => {
                    self.closed = true;
                    break;
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        self.gathering.note(messages(batch), wanted);
    }

    #[expect(clippy::cast_precision_loss, reason = "a metric")]
    fn waiting(&self) -> f64 {
        (self.backlog.len() + self.commands.len()) as f64
    }

    /// Waits for `work` while overdue commands are answered.
    ///
    /// `None` when all of `batch` was answered before the work was done; the
    /// work itself then goes on in the database, its outcome open.
    pub(super) async fn wait<T>(
        &mut self,
        work: impl Future<Output = T>,
        batch: &mut (impl Overdue + Send),
    ) -> Option<T> {
        tokio::pin!(work);
        // looked at when something is due, not for every command that comes
        let mut due = Some(Instant::now());
        loop {
            let now = Instant::now();
            self.expire_backlog(now);
            if due.is_some_and(|due| due <= now) {
                if !batch.expire(now, self.outlet.as_ref()) {
                    return None;
                }
                due = batch.next_deadline();
            }
            let next = due.into_iter().chain(self.earliest).min();
            let alarm = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let may_take = !self.closed && self.backlog.len() + self.first.len() < self.bound;
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                command = self.commands.recv(), if may_take => match command {
                    Some(confirm @ Command::Confirm(_)) => self.first.push(confirm),
                    Some(command) => {
                        self.earliest = self.earliest.into_iter().chain(command.deadline()).min();
                        self.backlog.push_back(command);
                    }
                    None => self.closed = true,
                },
                () = alarm => {}
            }
        }
    }

    /// Answers what waited too long: it was never tried, so nothing is stored.
    fn expire_backlog(&mut self, now: Instant) {
        if self.earliest.is_none_or(|earliest| earliest > now) {
            return;
        }
        let overdue = |command: &Command| command.deadline().is_some_and(|at| at <= now);
        let (late, waiting): (VecDeque<_>, VecDeque<_>) = self.backlog.drain(..).partition(overdue);
        self.backlog = waiting;
        self.earliest = self.backlog.iter().filter_map(Command::deadline).min();
        for command in late {
            refuse(command, LaneError::Unavailable, self.outlet.as_ref());
        }
    }
}

/// Answers a command that was not done.
pub(super) fn refuse(command: Command, error: LaneError, outlet: &dyn Outlet) {
    match command {
        Command::Append(append) => append.caller.answer(Err(error), outlet),
        Command::Advance(advance) => advance.caller.answer(Err(error), outlet),
        Command::Confirm(_) | Command::Heard(_) => {}
    }
}

/// Answers a caller once, now or never again.
pub(super) fn answer_once(
    caller: &mut Option<Caller>,
    result: Result<Answer, LaneError>,
    outlet: &dyn Outlet,
) {
    if let Some(caller) = caller.take() {
        caller.answer(result, outlet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches of these sizes, none of which gathered.
    fn after(sizes: &[usize]) -> Gathering {
        let mut gathering = Gathering::default();
        for size in sizes {
            gathering.note(*size, None);
        }
        gathering
    }

    #[test]
    fn a_batch_waits_for_as_many_messages_as_the_last_two_had() {
        assert_eq!(after(&[]).wanted(1), None);
        assert_eq!(after(&[1, 1]).wanted(1), None, "too few");
        assert_eq!(after(&[9, 1]).wanted(3), Some(10));
        assert_eq!(after(&[9, 1]).wanted(10), None, "they are there");
        let all = after(&[400, 400]).wanted(1);
        assert_eq!(all, Some(MAX_PER_BATCH), "no more than a batch holds");
    }

    #[test]
    fn a_batch_that_gathered_stands_for_both() {
        let mut gathering = after(&[9, 1]);
        let wanted = gathering.wanted(2);
        gathering.note(10, wanted);
        assert_eq!(gathering.wanted(1), Some(10));
    }

    #[test]
    fn waiting_in_vain_is_followed_by_longer_and_longer_pauses() {
        let mut gathering = after(&[9, 1]);
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let mut pause = 0;
            let wanted = loop {
                if let Some(wanted) = gathering.wanted(1) {
                    break wanted;
                }
                pause += 1;
                gathering.note(5, None);
            };
            pauses.push(pause);
            gathering.note(5, Some(wanted));
            gathering.note(5, None);
        }
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 64, 64, 64]);
        let wanted = loop {
            if let Some(wanted) = gathering.wanted(1) {
                break wanted;
            }
        };
        gathering.note(wanted, Some(wanted));
        assert_eq!(gathering.wanted(1), Some(wanted), "it paid this time");
    }
}
