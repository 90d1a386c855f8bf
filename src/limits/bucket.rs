//! One token bucket.

use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use tokio::time::Instant;

use super::Kind;
use super::turns::Turns;
use crate::config::{LimitsConfig, Rate, Rates};

/// A bucket that fills steadily; without a rate it is never empty.
#[derive(Debug)]
pub(crate) struct Bucket {
    limiter: Option<Limiter>,
    turns: Option<Turns>,
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

impl Bucket {
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        let quota = |rate: Rate| {
            let each = Quota::with_period(each(rate))?;
            Some(each.allow_burst(rate.count))
        };
        let limiter =
            |quota| RateLimiter::direct(quota).with_middleware::<StateInformationMiddleware>();
        Self {
            limiter: rate.and_then(quota).map(limiter),
            turns: None,
        }
    }

    /// A bucket that tells each event that it refuses a time of its own.
    fn in_turns(rate: Option<Rate>) -> Self {
        Self {
            turns: rate.map(|rate| Turns::new(each(rate))),
            ..Self::new(rate)
        }
    }

    /// Takes one unit out; how many are left.
    ///
    /// # Errors
    /// How long it takes until there is a unit again.
    pub(crate) fn take(&self) -> Result<u32, Duration> {
        let Some(limiter) = &self.limiter else {
            return Ok(u32::MAX);
        };
        match limiter.check() {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(until) => {
                let wait = until.wait_time_from(DefaultClock::default().now());
                let turns = self.turns.as_ref();
                Err(turns.map_or(wait, |turns| turns.next(Instant::now(), wait)))
            }
        }
    }

    /// Takes one unit out; whether that was the last one, or there was none.
    pub(super) fn is_emptied(&self) -> bool {
        // the one that empties the bucket, not the one after it
        matches!(self.take(), Ok(0) | Err(_))
    }
}

/// How long it takes until there is one unit more.
fn each(rate: Rate) -> Duration {
    rate.per / rate.count.get()
}

/// A bucket of each kind.
#[derive(Debug)]
pub(super) struct Buckets {
    connects: Bucket,
    sends: Bucket,
    adds: Bucket,
    history: Bucket,
    history_walk: Bucket,
    typing: Bucket,
    signals: Bucket,
    events: Bucket,
}

impl Buckets {
    /// The buckets of one scope.
    pub(super) fn new(config: &LimitsConfig, scope: impl Fn(&Rates) -> Option<Rate>) -> Self {
        Self::of(config, |rates| Bucket::new(scope(rates)))
    }

    /// The same, which tell each event that they refuse a time of its own.
    pub(super) fn in_turns(config: &LimitsConfig, scope: impl Fn(&Rates) -> Option<Rate>) -> Self {
        Self::of(config, |rates| Bucket::in_turns(scope(rates)))
    }

    fn of(config: &LimitsConfig, bucket: impl Fn(&Rates) -> Bucket) -> Self {
        Self {
            connects: bucket(&config.connects),
            sends: bucket(&config.sends),
            adds: bucket(&config.adds),
            history: bucket(&config.history),
            history_walk: bucket(&config.history),
            typing: bucket(&config.typing),
            signals: bucket(&config.signals),
            events: bucket(&config.events),
        }
    }

    /// Takes one unit out.
    ///
    /// # Errors
    /// How long it takes until there is a unit again.
    pub(super) fn take(&self, kind: Kind, scope: &'static str) -> Result<(), Duration> {
        let bucket = match kind {
            Kind::Connect => &self.connects,
            Kind::Send => &self.sends,
            Kind::Add => &self.adds,
            Kind::History => &self.history,
            Kind::HistoryWalk => &self.history_walk,
            Kind::Typing => &self.typing,
            Kind::Signal => &self.signals,
            Kind::Other => &self.events,
        };
        bucket.take().map(drop).inspect_err(|_| {
            let kind = kind.as_str();
            metrics::counter!("chatzz_rate_limited_total", "kind" => kind, "of" => scope)
                .increment(1);
        })
    }
}
