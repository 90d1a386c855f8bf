//! What sets of samples say: their median, and whether two of them differ.

/// How two sets of samples compare.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Difference {
    /// How likely one of the first is less than one of the second, ties counted half:
    /// 0.5 when they do not differ.
    pub(crate) area: f64,
    /// The Mann-Whitney statistic as a standard normal variable, without correction
    /// for ties: beyond 3.3 either way once in 1,000 when they do not differ.
    pub(crate) z: f64,
    /// The greatest distance of the two distributions (Kolmogorov-Smirnov).
    pub(crate) distance: f64,
}

impl Difference {
    /// Compares two sets, in any order; nothing is said of an empty one.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^52")]
    pub(crate) fn of(first: &[u64], second: &[u64]) -> Self {
        if first.is_empty() || second.is_empty() {
            return Self::default();
        }
        let mut all: Vec<(u64, bool)> = first.iter().map(|at| (*at, true)).collect();
        all.extend(second.iter().map(|at| (*at, false)));
        all.sort_unstable();
        let (n, m) = (first.len() as f64, second.len() as f64);
        let (mut below, mut twice, mut distance) = (0.0, 0.0, 0.0_f64);
        let (mut seen_first, mut seen_second) = (0.0, 0.0);
        for tied in all.chunk_by(|a, b| a.0 == b.0) {
            let of_first = tied.iter().filter(|(_, is_first)| *is_first).count() as f64;
            let of_second = tied.len() as f64 - of_first;
            // each of the second is above all of the first that came before
            below += of_second * seen_first;
            twice += of_second * of_first;
            seen_first += of_first;
            seen_second += of_second;
            distance = distance.max((seen_first / n - seen_second / m).abs());
        }
        let u = below + twice / 2.0;
        let deviation = (n * m * (n + m + 1.0) / 12.0).sqrt();
        Self {
            area: u / (n * m),
            z: (u - n * m / 2.0) / deviation,
            distance,
        }
    }
}

/// The middle one, or the mean of the two in the middle; 0 of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |i: usize| values.get(i).copied().unwrap_or_default();
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => at(n / 2),
        n => f64::midpoint(at(n / 2 - 1), at(n / 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_times_do_not_differ_and_other_times_do() {
        let times: Vec<u64> = (0..1_000).map(|i| 10_000 + i * 7 % 513).collect();
        let same = Difference::of(&times, &times);
        assert!((same.area - 0.5).abs() < 1e-9, "{same:?}");
        assert!(same.z.abs() < 1e-9 && same.distance < 1e-9, "{same:?}");
        let later: Vec<u64> = times.iter().map(|time| time + 40).collect();
        let differs = Difference::of(&times, &later);
        assert!(differs.area > 0.5 && differs.z > 3.3, "{differs:?}");
        let apart = Difference::of(&[1, 2], &[3, 4]);
        assert!((apart.area - 1.0).abs() < 1e-9 && (apart.distance - 1.0).abs() < 1e-9);
        assert!(Difference::of(&[3, 4], &[1, 2]).area < 1e-9);
    }

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        let same = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-9, "{found}");
        same(median(vec![9.0, 1.0, 2.0]), 2.0);
        same(median(vec![4.0, 1.0, 2.0, 9.0]), 3.0);
        same(median(vec![]), 0.0);
    }
}
