//! What waits in front of a lane, and is answered in time even when the lane
//! itself waits for the database.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::command::{Answer, Caller, Command, LaneError, Outlet, Stored};
use crate::domain::{Delivery, Message};

/// Commands taken into one batch. 512 messages of 1 KiB are well within one
/// `insert_many`, and a batch of that size takes about 5 ms to store.
pub(super) const MAX_PER_BATCH: usize = 512;

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
    outlet: Arc<dyn Outlet>,
    depth: metrics::Gauge,
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
        Command::Confirm(_) => {}
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
