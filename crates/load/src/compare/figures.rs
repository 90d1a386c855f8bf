//! The figures of each run, and how those of A and B compare.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::measure::{Report, median};

/// The figures of a run, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Those of a report; processor time is in milliseconds for each thing done.
    pub(super) fn of(report: &Report) -> Self {
        let mut all = report.all_figures();
        let mut add = |name: &str, value: f64| all.insert(name.to_owned(), value);
        add("perSecond", report.per_second);
        let each = |seconds: f64| 1_000.0 * seconds / report.per_second / report.seconds;
        let cpu = report.cpu_seconds;
        for (name, seconds) in [
            ("serverMs", cpu.server),
            ("mongodMs", cpu.mongod),
            ("ownMs", cpu.own),
        ] {
            if let Some(seconds) = seconds {
                add(name, each(seconds));
            }
        }
        if let (Some(server), Some(mongod)) = (cpu.server, cpu.mongod) {
            add("serverAndMongodMs", each(server + mongod));
        }
        let latency = report.latency_ms;
        for (name, value) in [
            ("p50", latency.p50),
            ("p99", latency.p99),
            ("p999", latency.p999),
            ("max", latency.max),
        ] {
            add(name, value);
        }
        Self(all)
    }

    /// The same with the figures of what ran beside it.
    pub(super) fn beside(mut self, report: &Report) -> Self {
        let others = Self::of(report).0.into_iter();
        self.0
            .extend(others.map(|(name, value)| (format!("beside.{name}"), value)));
        self
    }
}

/// All runs of A, and those of B if there is one; printed as the medians.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison {
    a: Vec<Figures>,
    b: Vec<Figures>,
}

/// The medians of one figure.
#[derive(Clone, Copy, Debug, Serialize)]
struct Compared {
    a: f64,
    #[serde(flatten)]
    b: Option<Against>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Against {
    b: f64,
    /// The median of B / A of each pair.
    ratio: f64,
    /// The median of B - A of each pair.
    difference: f64,
}

impl Comparison {
    pub(super) fn add(&mut self, a: Figures, b: Option<Figures>) {
        self.a.push(a);
        self.b.extend(b);
    }

    fn compared(&self) -> BTreeMap<&str, Compared> {
        let runs = self.a.iter().chain(&self.b);
        let names: BTreeSet<&String> = runs.flat_map(|figures| figures.0.keys()).collect();
        let all = names.into_iter().map(|name| {
            let of = |figures: &Figures| figures.0.get(name).copied();
            let a = median(self.a.iter().filter_map(of).collect());
            let b: Vec<f64> = self.b.iter().filter_map(of).collect();
            let pairs = || {
                let pairs = self.a.iter().zip(&self.b);
                pairs.filter_map(|(a, b)| Some((of(a)?, of(b)?)))
            };
            let against = (!b.is_empty()).then(|| Against {
                b: median(b),
                ratio: median(pairs().map(|(a, b)| b / a).collect()),
                difference: median(pairs().map(|(a, b)| b - a).collect()),
            });
            (name.as_str(), Compared { a, b: against })
        });
        all.collect()
    }

    /// A row for each figure, for people.
    pub(super) fn rows(&self) -> impl Iterator<Item = String> {
        let head = format!(
            "{:<28} {:>12} {:>12} {:>8} {:>12}  (medians of {})",
            "",
            "A",
            "B",
            "B / A",
            "B - A",
            self.a.len()
        );
        let rows = self
            .compared()
            .into_iter()
            .map(|(name, Compared { a, b })| match b {
                None => format!("{name:<28} {a:>12.3}"),
                Some(Against {
                    b,
                    ratio,
                    difference,
                }) => {
                    format!("{name:<28} {a:>12.3} {b:>12.3} {ratio:>8.3} {difference:>12.3}")
                }
            });
        std::iter::once(head)
            .chain(rows)
            .collect::<Vec<_>>()
            .into_iter()
    }
}

impl Serialize for Comparison {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.compared().serialize(serializer)
    }
}
