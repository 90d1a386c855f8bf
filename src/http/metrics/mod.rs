//! Metrics for Prometheus, on a listener of their own.

mod catalog;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;

/// The process's recorder, rendered on request.
pub(crate) type Recorder = PrometheusHandle;

/// Bounds of durations, in seconds: from below a journal flush to the deadline.
const SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];
/// Bounds of batch sizes, in messages.
const MESSAGES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Installs the recorder once for the process and returns it.
///
/// # Errors
/// When another recorder was installed before.
pub(crate) fn recorder() -> Result<Recorder, BuildError> {
    static RECORDER: Mutex<Option<Recorder>> = Mutex::new(None);
    // kept locked: two servers in one process may start at the same time
    let mut installed = RECORDER.lock();
    if let Some(recorder) = installed.as_ref() {
        return Ok(recorder.clone());
    }
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Full("chatzz_batch_messages".into()), &MESSAGES)?
        .install_recorder()?;
    catalog::declare();
    process().describe();
    *installed = Some(recorder.clone());
    Ok(recorder)
}

/// `/metrics`.
pub(crate) fn router(recorder: Recorder) -> Router {
    Router::new().route(
        "/metrics",
        get(async move || {
            process().collect();
            recorder.run_upkeep();
            recorder.render()
        }),
    )
}

/// What the operating system says of the process: `process_*`.
#[cfg(target_os = "linux")]
fn process() -> metrics_process::Collector {
    metrics_process::Collector::default()
}

/// Nothing, where that would take many more packages.
#[cfg(not(target_os = "linux"))]
fn process() -> Nothing {
    Nothing
}

#[cfg(not(target_os = "linux"))]
struct Nothing;

#[cfg(not(target_os = "linux"))]
impl Nothing {
    fn describe(self) {}
    fn collect(self) {}
}
