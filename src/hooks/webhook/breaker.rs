//! When to ask no more: a hook that fails again and again is left alone for a while, so that
//! nobody waits for it.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::config::Hook;

/// Failures in a row after which a hook is left alone.
const MAX_FAILURES: u32 = 10;
/// How long at first; twice as long after each further failure, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The breaker of one hook: one that fails takes no other with it.
#[derive(Debug)]
pub(super) struct Breaker {
    hook: Hook,
    /// How long an answer may take.
    limit: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    failures: u32,
    /// Until when nothing is asked; `None` while everything is.
    open_until: Option<Instant>,
    pause: Duration,
    /// Whether one question is on its way to find out.
    is_tried: bool,
}

impl State {
    const CLOSED: Self = Self {
        failures: 0,
        open_until: None,
        pause: FIRST_PAUSE,
        is_tried: false,
    };

    /// Whether a question may be asked, and if so, whether it is the one that finds out.
    fn enter(&mut self, now: Instant) -> Option<bool> {
        let is_trial = match self.open_until {
            None => false,
            Some(until) if now < until || self.is_tried => return None,
            Some(_) => true,
        };
        self.is_tried = is_trial;
        Some(is_trial)
    }

    fn fail(&mut self, now: Instant, is_trial: bool) {
        if self.open_until.is_some() && !is_trial {
            // asked before it was left alone
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.is_tried = false;
        if is_trial || self.failures >= MAX_FAILURES {
            self.open_until = Some(now + self.pause);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Breaker {
    pub(super) fn new(hook: Hook, limit: Duration) -> Self {
        Self {
            hook,
            limit,
            state: Mutex::new(State::CLOSED),
        }
    }

    /// A question that may be asked; `None` while it may not.
    pub(super) fn enter(&self) -> Option<Attempt<'_>> {
        let began = Instant::now();
        let is_trial = self.state.lock().enter(began)?;
        Some(Attempt {
            breaker: self,
            began,
            is_trial,
            is_settled: false,
        })
    }

    fn settle(&self, is_trial: bool, has_failed: bool) {
        let mut state = self.state.lock();
        if has_failed {
            state.fail(Instant::now(), is_trial);
        } else {
            *state = State::CLOSED;
        }
        let is_open = state.open_until.is_some();
        drop(state);
        let hook = self.hook.as_str();
        metrics::gauge!("chatzz_hook_open", "hook" => hook).set(f64::from(u8::from(is_open)));
    }
}

/// A question on its way.
pub(super) struct Attempt<'a> {
    breaker: &'a Breaker,
    began: Instant,
    is_trial: bool,
    is_settled: bool,
}

impl Attempt<'_> {
    pub(super) fn succeed(mut self) {
        self.is_settled = true;
        self.breaker.settle(self.is_trial, false);
    }

    pub(super) fn fail(mut self) {
        self.is_settled = true;
        self.breaker.settle(self.is_trial, true);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        // given up: by the time limit, or by whoever waited, which says nothing of the hook
        if self.began.elapsed() >= self.breaker.limit * 9 / 10 {
            self.breaker.settle(self.is_trial, true);
        } else if self.is_trial {
            self.breaker.state.lock().is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_ten_failures_it_is_left_alone_and_tried_once_after_each_pause() {
        let (mut state, mut now) = (State::CLOSED, Instant::now());
        for _ in 0..10 {
            assert_eq!(state.enter(now), Some(false));
            state.fail(now, false);
        }
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            now += Duration::from_millis(pause * 1_000 - 1);
            assert_eq!(state.enter(now), None, "{pause}");
            now += Duration::from_millis(1);
            assert_eq!(state.enter(now), Some(true), "{pause}");
            assert_eq!(state.enter(now), None, "once");
            // one that was on its way for long says nothing new
            state.fail(now, false);
            state.fail(now, true);
        }
    }

    #[test]
    fn a_success_between_failures_starts_anew() {
        let breaker = Breaker::new(Hook::BeforeSend, Duration::from_secs(1));
        for round in 0..30 {
            let attempt = breaker.enter().expect("it is asked");
            if round % 10 == 9 {
                attempt.succeed();
            } else {
                attempt.fail();
            }
        }
        assert!(breaker.enter().is_some());
    }

    #[test]
    fn a_question_that_is_given_up_counts_if_it_had_its_time() {
        let patient = Breaker::new(Hook::BeforeSend, Duration::from_secs(1));
        let hasty = Breaker::new(Hook::BeforeSend, Duration::ZERO);
        for _ in 0..10 {
            drop(patient.enter());
            drop(hasty.enter());
        }
        assert!(patient.enter().is_some() && hasty.enter().is_none());
    }
}
