//! The JSON line that a run ends with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::latency::{Latency, Percentiles};
use super::process::Cpu;
use super::stage::Measured;

/// What went wrong; each is zero in a good run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checks {
    /// Acknowledged, or due, and never arrived.
    pub(crate) lost: u64,
    /// Arrived more often than it should.
    pub(crate) duplicate: u64,
    /// Arrived after something later, or a page that is not in order.
    pub(crate) disorder: u64,
    /// Refused, unanswered, or an answer that is not what was asked for.
    pub(crate) errors: u64,
}

impl Checks {
    /// Adds those of another part of the run.
    pub(crate) fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.duplicate += other.duplicate;
        self.disorder += other.disorder;
        self.errors += other.errors;
    }

    /// Whether nothing went wrong.
    pub(crate) fn are_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// What a run found out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The mode, such as `send`.
    pub(crate) mode: String,
    /// What was asked for.
    pub(crate) parameters: Value,
    /// How long it counted.
    pub(crate) seconds: f64,
    /// What was done in that time.
    pub(crate) count: u64,
    /// `count / seconds`.
    pub(crate) per_second: f64,
    /// Of what was counted, in milliseconds.
    pub(crate) latency_ms: Percentiles,
    /// Latencies of other kinds, in milliseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) more_ms: BTreeMap<String, Percentiles>,
    /// Processor seconds used in that time.
    pub(crate) cpu_seconds: Cpu,
    /// What went wrong.
    pub(crate) checks: Checks,
    /// Further figures of the mode.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) figures: BTreeMap<String, f64>,
}

impl Report {
    /// A report of `count` things done in the window.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^52")]
    pub(crate) fn new(
        mode: &str,
        parameters: Value,
        measured: Measured,
        count: u64,
        latency: &Latency,
    ) -> Self {
        Self {
            mode: mode.to_owned(),
            parameters,
            seconds: measured.seconds,
            count,
            per_second: count as f64 / measured.seconds.max(f64::EPSILON),
            latency_ms: latency.percentiles(),
            more_ms: BTreeMap::new(),
            cpu_seconds: measured.cpu,
            checks: Checks::default(),
            figures: BTreeMap::new(),
        }
    }

    /// Adds latencies of another kind.
    pub(crate) fn also(&mut self, name: &str, latency: &Latency) {
        self.more_ms.insert(name.to_owned(), latency.percentiles());
    }

    /// The figures, with p50 and p99 of the latencies of other kinds.
    pub(crate) fn all_figures(&self) -> BTreeMap<String, f64> {
        let mut all = self.figures.clone();
        for (kind, latency) in &self.more_ms {
            all.insert(format!("{kind}.p50"), latency.p50);
            all.insert(format!("{kind}.p99"), latency.p99);
        }
        all
    }

    /// Adds a figure.
    pub(crate) fn figure(&mut self, name: &str, value: f64) {
        self.figures.insert(name.to_owned(), value);
    }
}
