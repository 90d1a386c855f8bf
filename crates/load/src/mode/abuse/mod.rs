//! Peers that misbehave, and what honest ones notice of it.

pub(crate) mod flood;
mod honest;
pub(crate) mod never_read;
pub(crate) mod slow;

use std::net::Ipv4Addr;

use clap::Args;
use serde::Serialize;

pub(crate) use honest::Honest;

use crate::measure::{Latency, Measured, Report};

/// The addresses of misbehaving peers.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct From {
    /// Loopback addresses of the misbehaving peers, 127.0.0.2 and on: limits go by address
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=250))]
    sources: u8,
}

impl From {
    /// The address of the peer number `i`; honest ones are at 127.0.0.1.
    fn address(self, i: u32) -> Ipv4Addr {
        let nth = i % u32::from(self.sources);
        Ipv4Addr::new(127, 0, 0, u8::try_from(nth).unwrap_or(0).saturating_add(2))
    }
}

/// A report of what honest peers measured without and with the others.
fn compared(
    mode: &str,
    parameters: serde_json::Value,
    without: &Latency,
    (measured, with): (Measured, &Latency),
) -> Report {
    let mut report = Report::new(mode, parameters, measured, with.count(), with);
    report.also("without", without);
    let (before, after) = (without.percentiles().p99, with.percentiles().p99);
    report.figure("p99Ratio", after / before.max(f64::EPSILON));
    report
}
