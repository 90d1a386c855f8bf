//! What was measured, and the medians of it.

use std::collections::BTreeMap;

use crate::measure::{Report, median};

/// Whose figures they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Chatzz,
    /// Servers that are connected by NATS.
    Nats,
    Peer,
    Batched,
    Raw,
}

impl Who {
    /// The name on the page.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Chatzz => "chatzz",
            Self::Nats => "chatzz, NATS",
            Self::Peer => "Node peer",
            Self::Batched => "Node peer, batched",
            Self::Raw => "database alone",
        }
    }
}

/// A part of the page, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Send,
    OpenLoop,
    Work,
    BackEnd,
    Servers,
    Growth,
    Contacts,
    Connections,
}

/// One line of a table: what was done, by whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) part: Part,
    /// Where it stands on the plot: messages in flight, stored, contacts, sockets.
    pub(super) x: u32,
    /// Such as `send, 10 × 1`.
    pub(super) what: String,
    pub(super) who: Who,
}

/// Medians over the repeats.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Medians {
    pub(super) runs: usize,
    pub(super) per_second: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    /// Processor milliseconds for each thing done; `None` if unknown.
    pub(super) server_ms: Option<f64>,
    pub(super) mongod_ms: Option<f64>,
    pub(super) own_ms: Option<f64>,
    pub(super) figures: BTreeMap<String, f64>,
}

/// All reports, by line.
#[derive(Debug, Default)]
pub(super) struct Results(BTreeMap<Key, Vec<Report>>);

impl Results {
    /// Adds a report.
    pub(super) fn add(&mut self, key: Key, report: Report) {
        self.0.entry(key).or_default().push(report);
    }

    /// The lines of a part, in order, with their medians.
    pub(super) fn part(&self, part: Part) -> impl Iterator<Item = (&Key, Medians)> {
        let of_part = self.0.iter().filter(move |(key, _)| key.part == part);
        of_part.map(|(key, reports)| (key, medians(reports)))
    }
}

fn medians(reports: &[Report]) -> Medians {
    let of = |value: fn(&Report) -> f64| median(reports.iter().map(value).collect());
    let cpu = |value: fn(&Report) -> Option<f64>| {
        let each: Option<Vec<f64>> = reports
            .iter()
            .map(|report| Some(1000.0 * value(report)? / report.per_second / report.seconds))
            .collect();
        each.map(median)
    };
    let all: Vec<_> = reports.iter().map(Report::all_figures).collect();
    let names = all.first().map(BTreeMap::keys);
    let figure = |name: &String| {
        let values = all.iter().filter_map(|figures| figures.get(name));
        (name.clone(), median(values.copied().collect()))
    };
    Medians {
        runs: reports.len(),
        per_second: of(|report| report.per_second),
        p50: of(|report| report.latency_ms.p50),
        p99: of(|report| report.latency_ms.p99),
        p999: of(|report| report.latency_ms.p999),
        server_ms: cpu(|report| report.cpu_seconds.server),
        mongod_ms: cpu(|report| report.cpu_seconds.mongod),
        own_ms: cpu(|report| report.cpu_seconds.own),
        figures: names.into_iter().flatten().map(figure).collect(),
    }
}
