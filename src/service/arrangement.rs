//! Whether the servers of a deployment are arranged as they should be; if not, the operator is warned.
//!
//! A wrong arrangement is no failure, and nothing stops for it. Each is logged once, and once
//! more only after it was right in between.

use std::collections::HashMap;
use std::time::Duration;

use bson::DateTime;
use parking_lot::Mutex;

use crate::store::{NO_BUS, Node};

/// How far the clock of a server may be from the database's.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(3);
/// Renewals in a row after which a lease counts as this server's own again.
const RENEWALS_TO_FORGET: u32 = 3;

/// What this server has logged about itself and the others.
#[derive(Debug)]
pub(super) struct Arrangement {
    /// This server's own setting, as other servers see it in its lease.
    bus: String,
    warned: Mutex<Warned>,
}

#[derive(Debug, Default)]
struct Warned {
    /// Other servers by node id, with their setting.
    buses: HashMap<String, String>,
    /// The clock is wrong.
    clock: bool,
    /// Another server has this one's node id: renewals that are still to succeed.
    claimed: u32,
}

impl Arrangement {
    pub(super) fn new(bus: String) -> Self {
        Self {
            bus,
            warned: Mutex::default(),
        }
    }

    /// This server's setting of the bus.
    pub(super) fn bus(&self) -> &str {
        &self.bus
    }

    /// Compares the setting of the bus with that of the other servers whose lease is valid.
    /// Those of earlier versions do not say theirs.
    pub(super) fn compare_buses(&self, me: &str, alive: &[Node]) {
        let mut warned = self.warned.lock();
        let mut different = HashMap::new();
        for node in alive.iter().filter(|node| node.id != me) {
            let Some(bus) = node.bus.as_ref().filter(|bus| **bus != self.bus) else {
                continue;
            };
            if warned.buses.get(&node.id) != Some(bus) {
                tracing::warn!(node = node.id, "{}", self.difference(bus));
            }
            different.insert(node.id.clone(), bus.clone());
        }
        // who has gone, or is right by now, is warned of anew
        warned.buses = different;
    }

    fn difference(&self, bus: &str) -> &'static str {
        match (self.bus.as_str(), bus) {
            (NO_BUS, _) => {
                "another server uses NATS and this one does not: set CHATZZ_NATS_URL for all \
                 servers or for none; until then typing and signals do not reach everybody"
            }
            (_, NO_BUS) => {
                "this server uses NATS and another one does not: set CHATZZ_NATS_URL for all \
                 servers or for none; until then typing and signals do not reach everybody"
            }
            _ => {
                "another server has another CHATZZ_NATS_URL or CHATZZ_NATS_PREFIX: write the same \
                 for all servers; until then typing and signals do not reach everybody"
            }
        }
    }

    /// Compares this server's clock, read while the database was asked, with the database's
    /// time. The answer took `round_trip`.
    pub(super) fn compare_clocks(&self, here: DateTime, there: DateTime, round_trip: Duration) {
        let apart = here
            .timestamp_millis()
            .saturating_sub(there.timestamp_millis());
        let surely = Duration::from_millis(apart.unsigned_abs()).saturating_sub(round_trip);
        let mut warned = self.warned.lock();
        let is_wrong = surely > CLOCK_TOLERANCE;
        if is_wrong && !warned.clock {
            tracing::warn!(
                apart_ms = apart,
                "this server's clock is {} the database's: set both by NTP; until then times of \
                 messages are wrong",
                if apart > 0 { "ahead of" } else { "behind" }
            );
        }
        warned.clock = is_wrong;
    }

    /// Another server holds the lease of the node id that this one has.
    pub(super) fn claimed(&self, node: &str) {
        let mut warned = self.warned.lock();
        if warned.claimed == 0 {
            tracing::warn!(
                node,
                "another server has this server's node id: give each its own CHATZZ_NODE_ID; until \
                 then they take the lease from each other, and close each other's sockets"
            );
        }
        warned.claimed = RENEWALS_TO_FORGET;
    }

    /// The lease was renewed.
    pub(super) fn renewed(&self) {
        let mut warned = self.warned.lock();
        warned.claimed = warned.claimed.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_no_wrong_clock() {
        let arrangement = Arrangement::new(NO_BUS.to_owned());
        let is_wrong = |here: i64, round_trip: u64| {
            let (here, there) = (DateTime::from_millis(here), DateTime::from_millis(0));
            arrangement.compare_clocks(here, there, Duration::from_millis(round_trip));
            arrangement.warned.lock().clock
        };
        assert!(!is_wrong(2_900, 10));
        assert!(!is_wrong(5_000, 4_000));
        assert!(is_wrong(5_000, 10));
        assert!(is_wrong(-5_000, 10));
        assert!(!is_wrong(-100, 10));
    }

    #[test]
    fn a_claim_is_forgotten_after_some_renewals() {
        let arrangement = Arrangement::new(NO_BUS.to_owned());
        arrangement.claimed("one");
        for left in [2, 1, 0, 0] {
            arrangement.renewed();
            assert_eq!(arrangement.warned.lock().claimed, left);
        }
    }
}
