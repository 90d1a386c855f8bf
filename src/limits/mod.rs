//! Rate limits and caps of sockets, users and addresses: token buckets.
//!
//! The buckets of a user and of an address outlive their sockets, so that a reconnect
//! does not fill them. A socket holds references to all three, so an event costs only a
//! check of three numbers.

mod allowance;
mod bucket;
mod shared;
mod slot;
mod turns;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::time::Instant;

use crate::config::{LimitsConfig, Rate, Rates};
use crate::id::UserId;
use slot::Counter;

pub(crate) use allowance::Allowance;
pub(crate) use bucket::Bucket;
pub(crate) use shared::Shared;
pub(crate) use slot::Slot;

/// The kinds of events that are counted separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Connect,
    Send,
    Add,
    History,
    /// Further pages of a history that is sent whole, which wait instead of being refused.
    HistoryWalk,
    Typing,
    Signal,
    Other,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Send => "send",
            Self::Add => "add",
            Self::History => "history",
            Self::HistoryWalk => "history-walk",
            Self::Typing => "typing",
            Self::Signal => "signal",
            Self::Other => "other",
        }
    }
}

/// The limits of all sockets of this process.
#[derive(Debug)]
pub(crate) struct Limits {
    config: LimitsConfig,
    users: DashMap<UserId, Arc<Shared>>,
    addresses: DashMap<IpAddr, Arc<Shared>>,
    sockets: Arc<Counter>,
    /// After this long without use a bucket is full, and may be forgotten.
    longest: Duration,
}

impl Limits {
    pub(crate) fn new(config: LimitsConfig) -> Self {
        Self {
            sockets: Arc::new(Counter::new(config.sockets.all)),
            longest: longest(&config),
            users: DashMap::new(),
            addresses: DashMap::new(),
            config,
        }
    }

    /// The buckets of a user.
    pub(crate) fn user(&self, user: &UserId) -> Arc<Shared> {
        if let Some(known) = self.users.get(user) {
            known.touch();
            return Arc::clone(&known);
        }
        let of_user = |rates: &Rates| rates.user;
        let new = || {
            Arc::new(Shared::new(
                &self.config,
                of_user,
                None,
                self.config.sockets.user,
            ))
        };
        Arc::clone(&self.users.entry(user.clone()).or_insert_with(new))
    }

    /// The buckets of an address; for IPv6 those of the /64, which belongs to one customer.
    pub(crate) fn address(&self, address: IpAddr) -> Arc<Shared> {
        let network = network_of(address);
        if let Some(known) = self.addresses.get(&network) {
            known.touch();
            return Arc::clone(&known);
        }
        let (of_address, config) = (|rates: &Rates| rates.address, &self.config);
        let new = || {
            let (requests, sockets) = (config.requests, config.sockets.address);
            Arc::new(Shared::new(config, of_address, requests, sockets))
        };
        Arc::clone(&self.addresses.entry(network).or_insert_with(new))
    }

    /// The allowance of a new socket of an address, unless there are too many sockets.
    pub(crate) fn admit(&self, address: Arc<Shared>) -> Option<Allowance> {
        let slots = [self.sockets.enter()?, address.enter()?];
        Some(Allowance::new(&self.config, address, slots))
    }

    /// Forgets users and addresses whose buckets are full.
    pub(crate) fn forget_idle(&self, now: Instant) {
        self.users
            .retain(|_, shared| !Shared::is_idle(shared, now, self.longest));
        self.addresses
            .retain(|_, shared| !Shared::is_idle(shared, now, self.longest));
    }
}

/// The longest time in which a bucket fills.
fn longest(config: &LimitsConfig) -> Duration {
    let rates = [
        config.connects,
        config.sends,
        config.adds,
        config.history,
        config.typing,
        config.signals,
        config.events,
    ];
    let each = rates.iter().flat_map(|rates| [rates.user, rates.address]);
    let all = each.chain([config.requests]).flatten();
    all.map(|rate: Rate| rate.per).max().unwrap_or_default()
}

fn network_of(address: IpAddr) -> IpAddr {
    /// The bits of a /64.
    const NETWORK: u128 = !(u64::MAX as u128);
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Caps;

    fn config(rate: Rate, most: usize) -> LimitsConfig {
        let rates = Rates {
            socket: None,
            user: None,
            address: Some(rate),
        };
        LimitsConfig {
            connects: rates,
            sends: rates,
            adds: Rates::default(),
            history: rates,
            typing: rates,
            signals: rates,
            events: rates,
            requests: None,
            errors: None,
            sockets: Caps {
                user: None,
                address: Some(most),
                all: None,
            },
        }
    }

    fn limits(count: u32, most: usize) -> Limits {
        let count = std::num::NonZeroU32::new(count).unwrap();
        let per = Duration::from_mins(1);
        Limits::new(config(Rate { count, per }, most))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_bucket_gives_what_it_holds_and_says_when_there_is_more() {
        let limits = limits(3, 9);
        let address = limits.address(ip("192.0.2.1"));
        for _ in 0..3 {
            address.take(Kind::Send).unwrap();
        }
        let wait = address.take(Kind::Send).unwrap_err();
        assert!(wait > Duration::from_secs(10) && wait <= Duration::from_secs(20));
        address.take(Kind::History).unwrap();
        for _ in 0..100 {
            address.take(Kind::Add).unwrap();
        }
    }

    #[test]
    fn a_bucket_is_one_for_all_that_hold_it_and_outlives_them() {
        let limits = limits(1, 9);
        limits.address(ip("192.0.2.1")).take(Kind::Send).unwrap();
        limits.forget_idle(Instant::now());
        let again = limits.address(ip("::ffff:192.0.2.1"));
        again.take(Kind::Send).unwrap_err();
        limits.address(ip("192.0.2.2")).take(Kind::Send).unwrap();
        limits.address(ip("2001:db8::1")).take(Kind::Send).unwrap();
        let neighbour = limits.address(ip("2001:db8::ffff:1"));
        neighbour.take(Kind::Send).unwrap_err();
        let other = limits.address(ip("2001:db8:0:1::1"));
        other.take(Kind::Send).unwrap();
    }

    #[test]
    fn what_nobody_holds_is_forgotten_once_it_is_full_again() {
        let limits = limits(1, 9);
        let held = limits.address(ip("192.0.2.1"));
        drop(limits.address(ip("192.0.2.2")));
        let later = Instant::now() + Duration::from_secs(61);
        limits.forget_idle(later);
        assert_eq!(limits.addresses.len(), 1);
        drop(held);
        limits.forget_idle(later);
        assert_eq!(limits.addresses.len(), 1, "it was held a moment ago");
        limits.forget_idle(later + Duration::from_secs(61));
        assert!(limits.addresses.is_empty());
    }

    #[test]
    fn a_user_has_one_login_at_a_time_and_another_one_when_it_is_over() {
        use futures::FutureExt as _;
        let limits = limits(1, 2);
        let [alice, bob] = ["alice", "bob"].map(|id| limits.user(&UserId::String(id.into())));
        let login = alice.begin_login().now_or_never().unwrap();
        assert!(alice.begin_login().now_or_never().is_none());
        assert!(bob.begin_login().now_or_never().is_some());
        limits.forget_idle(Instant::now() + Duration::from_hours(1));
        let again = limits.user(&UserId::String("alice".into()));
        assert!(again.begin_login().now_or_never().is_none());
        drop(login);
        assert!(again.begin_login().now_or_never().is_some());
    }

    #[test]
    fn a_place_is_free_again_when_its_socket_is_gone() {
        let limits = limits(1, 2);
        let admit = || limits.admit(limits.address(ip("192.0.2.1")));
        let (first, _second) = (admit().unwrap(), admit().unwrap());
        assert!(admit().is_none());
        assert!(limits.admit(limits.address(ip("192.0.2.2"))).is_some());
        first.leave();
        assert!(admit().is_some());
    }
}
