//! Why hooks could not be asked, as the log says it: each cause once a minute, and few of them.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{CannotAsk, Hook};

/// How long a cause is not repeated.
const QUIET: Duration = Duration::from_mins(1);
/// Causes that are named within that time, of each hook.
const MAX_CAUSES: usize = 8;

/// What was said of each hook.
#[derive(Debug, Default)]
pub(super) struct Causes(Mutex<Vec<Cause>>);

#[derive(Debug)]
struct Cause {
    hook: Hook,
    text: String,
    at: Instant,
    /// Whether the hook has answered since.
    is_over: bool,
}

impl Causes {
    /// Says in the log why there is no answer, unless it has been said just now; or that there
    /// is one again.
    pub(super) fn note<T>(&self, hook: Hook, answer: &Result<T, CannotAsk>) {
        let name = hook.as_str();
        match answer {
            Ok(_) if self.end(hook) => tracing::info!(hook = name, "the application answers again"),
            Err(error) if self.is_new(hook, &error.0, Instant::now()) => tracing::warn!(
                hook = name,
                error = error as &dyn std::error::Error,
                "the application cannot be asked; CHATZZ_HOOK_FAILURE holds"
            ),
            _ => {}
        }
    }

    /// Whether something was said of the hook, and no answer has come since.
    fn end(&self, hook: Hook) -> bool {
        let mut causes = self.0.lock();
        let open = causes
            .iter_mut()
            .filter(|one| one.hook == hook && !one.is_over);
        open.map(|one| one.is_over = true).count() > 0
    }

    fn is_new(&self, hook: Hook, text: &str, now: Instant) -> bool {
        let mut causes = self.0.lock();
        causes.retain(|one| now.duration_since(one.at) < QUIET);
        let mut of_hook = causes.iter().filter(|one| one.hook == hook);
        if of_hook.any(|one| one.text == text) {
            return false;
        }
        if causes.iter().filter(|one| one.hook == hook).count() >= MAX_CAUSES {
            return false;
        }
        causes.push(Cause {
            hook,
            text: text.to_owned(),
            at: now,
            is_over: false,
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_said_once_a_minute_and_no_more_than_eight() {
        let causes = Causes::default();
        let now = Instant::now();
        let said = |text: &str| causes.is_new(Hook::BeforeSend, text, now);
        assert_eq!([said("one"), said("two"), said("one")], [true, true, false]);
        assert!(
            causes.is_new(Hook::BeforeAdd, "one", now),
            "each hook for itself"
        );
        let more = (0..100).filter(|number| said(&number.to_string()));
        assert_eq!(more.count(), MAX_CAUSES - 2);
        assert!(causes.is_new(Hook::BeforeSend, "one", now + QUIET));
    }

    #[test]
    fn that_it_answers_again_is_said_once() {
        let causes = Causes::default();
        assert!(!causes.end(Hook::BeforeSend));
        causes.is_new(Hook::BeforeSend, "one", Instant::now());
        assert!(!causes.end(Hook::BeforeAdd));
        assert_eq!(
            [causes.end(Hook::BeforeSend), causes.end(Hook::BeforeSend)],
            [true, false]
        );
    }
}
