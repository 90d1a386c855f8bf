//! Latencies, in an HDR histogram: three significant digits from 1 µs to 5 minutes.

use std::fmt;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The largest latency distinguished from larger ones: 5 minutes in microseconds.
const LONGEST: u64 = 300_000_000;
/// Significant digits kept: an error of at most 0.1 %.
const DIGITS: u8 = 3;

/// Latencies of one kind.
#[derive(Clone, Default)]
pub(crate) struct Latency(Option<Histogram<u64>>);

impl Latency {
    /// Adds one of `micros` microseconds.
    pub(crate) fn add(&mut self, micros: u64) {
        if self.0.is_none() {
            // the bounds are constants that it accepts
            self.0 = Histogram::new_with_bounds(1, LONGEST, DIGITS).ok();
        }
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(micros);
        }
    }

    /// Adds everything of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (_, None) => {}
            (None, Some(_)) => self.0.clone_from(&other.0),
            (Some(own), Some(others)) => {
                // refused only if the bounds differed
                let _ = own.add(others);
            }
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// The percentiles, all zero while there are none.
    pub(crate) fn percentiles(&self) -> Percentiles {
        let Some(histogram) = &self.0 else {
            return Percentiles::default();
        };
        let at = |quantile| millis(histogram.value_at_quantile(quantile));
        Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: millis(histogram.max()),
        }
    }
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Latency({} values)", self.count())
    }
}

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Percentiles {
    /// Half were at most this.
    pub(crate) p50: f64,
    /// Nine of ten.
    pub(crate) p90: f64,
    /// 99 of 100.
    pub(crate) p99: f64,
    /// 999 of 1,000.
    pub(crate) p999: f64,
    /// The longest.
    pub(crate) max: f64,
}

#[expect(clippy::cast_precision_loss, reason = "below 2^52 microseconds")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_known_series_are_right_to_three_digits() {
        let (mut odd, mut even) = (Latency::default(), Latency::default());
        for micros in 1..=10_000_u64 {
            let half = if micros % 2 == 0 { &mut even } else { &mut odd };
            half.add(micros);
        }
        let mut all = Latency::default();
        all.merge(&odd);
        all.merge(&even);
        let Percentiles {
            p50,
            p90,
            p99,
            p999,
            max,
        } = all.percentiles();
        for (found, wanted) in [
            (p50, 5.0),
            (p90, 9.0),
            (p99, 9.9),
            (p999, 9.99),
            (max, 10.0),
        ] {
            assert!(
                (found / wanted - 1.0).abs() < 0.001,
                "{found} is not {wanted}"
            );
        }
        assert_eq!(all.count(), 10_000);
    }

    #[test]
    fn nothing_measured_is_zero_and_the_longest_is_kept_in_bounds() {
        let mut latency = Latency::default();
        assert_eq!(latency.percentiles(), Percentiles::default());
        latency.add(u64::MAX);
        assert!(latency.percentiles().max >= 300_000.0);
    }
}
