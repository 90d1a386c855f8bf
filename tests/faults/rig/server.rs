//! A chatzz process between two fault proxies.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::proxy::{Options, Proxy};
use crate::support::binary::Binary;
use crate::support::{clock, http, tied};

/// How long a killed server may take to listen again.
const RESTART_WITHIN: Duration = Duration::from_mins(1);
/// How long the figures of a server may take.
const METRICS_WITHIN: Duration = Duration::from_secs(5);

/// The configuration of every server of a run.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The binary to run.
    pub(crate) program: PathBuf,
    /// The database, by name.
    pub(crate) database: String,
    /// The file of keys of the HTTP API.
    pub(crate) api_keys: PathBuf,
    /// Keys beside the usual ones.
    pub(crate) keys: BTreeMap<String, String>,
    /// By how many seconds each server's clock is wrong; none where all are right.
    pub(crate) clocks: Vec<i64>,
    /// A seeded bug to run with.
    pub(crate) bug: Option<String>,
}

/// How soon a server notices what; also what the history says in its first line.
pub(crate) mod bounds {
    use std::time::Duration;

    /// `CHATZZ_OFFLINE_GRACE`.
    pub(crate) const GRACE: Duration = Duration::from_millis(300);
    /// `CHATZZ_PING_INTERVAL`.
    pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(2);
    /// `CHATZZ_PING_TIMEOUT`.
    pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(2);
    /// `CHATZZ_LEASE`.
    pub(crate) const LEASE: Duration = Duration::from_secs(4);
    /// `CHATZZ_REQUEST_TIMEOUT`, its default.
    pub(crate) const DEADLINE: Duration = Duration::from_millis(4500);
}

/// A server and its links.
pub(crate) struct Server {
    binary: Option<Binary>,
    metrics: SocketAddr,
    /// The link of the people, which outlives the process.
    pub(crate) clients: Proxy,
    /// A second link, of some of the people alone.
    pub(crate) some: Proxy,
    /// The link of the back end to the HTTP API.
    pub(crate) api: Proxy,
    /// The link to the database, where one mongod stands behind it.
    pub(crate) database: Option<Proxy>,
    /// The link to NATS, if there is one.
    pub(crate) bus: Option<Proxy>,
}

impl Server {
    /// Starts a server on a database at `uri`.
    pub(crate) async fn start(
        number: usize,
        settings: &Settings,
        uri: &str,
        database: Option<Proxy>,
        bus: Option<Proxy>,
    ) -> Self {
        let (metrics, api) = (free_port(), free_port());
        let millis = |duration: Duration| format!("{}ms", duration.as_millis());
        let mut keys = vec![
            ("CHATZZ_LISTEN", "127.0.0.1:0".to_owned()),
            ("CHATZZ_METRICS_LISTEN", metrics.to_string()),
            ("CHATZZ_API_LISTEN", api.to_string()),
            (
                "CHATZZ_API_KEYS_FILE",
                settings.api_keys.display().to_string(),
            ),
            ("CHATZZ_AUTH", "trusted".to_owned()),
            ("CHATZZ_DATABASE", settings.database.clone()),
            ("CHATZZ_MONGODB_URI", uri.to_owned()),
            ("CHATZZ_NODE_ID", format!("faults-{number}")),
            ("CHATZZ_OFFLINE_GRACE", millis(bounds::GRACE)),
            ("CHATZZ_PING_INTERVAL", millis(bounds::PING_INTERVAL)),
            ("CHATZZ_PING_TIMEOUT", millis(bounds::PING_TIMEOUT)),
            ("CHATZZ_LEASE", millis(bounds::LEASE)),
            ("CHATZZ_REQUEST_TIMEOUT", millis(bounds::DEADLINE)),
            ("CHATZZ_LOG", "warn".to_owned()),
            // everybody comes from one address, and repeats what fails
            ("CHATZZ_RATE_LIMITS", "off".to_owned()),
        ];
        let more = settings.keys.iter();
        keys.extend(more.map(|(key, value)| (key.as_str(), value.clone())));
        if let Some(bus) = &bus {
            keys.push(("CHATZZ_NATS_URL", format!("nats://{}", bus.addr())));
        }
        if let Some(bug) = &settings.bug {
            keys.push(("CHATZZ_SEEDED_BUG", bug.clone()));
        }
        if let Some(seconds) = settings.clocks.get(number) {
            keys.extend(clock::wrong_by(*seconds));
        }
        let keys: Vec<_> = keys
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        let binary = Binary::serve_by(&settings.program, &keys).await;
        let clients = Proxy::start(binary.addr()).unwrap();
        // who stalls there is felt soon
        let small = Options {
            receive_buffer: Some(16 * 1024),
            ..Options::default()
        };
        let some = Proxy::start_with(binary.addr(), small).unwrap();
        let api = Proxy::start(api).unwrap();
        Self {
            binary: Some(binary),
            metrics,
            clients,
            some,
            api,
            database,
            bus,
        }
    }

    /// `kill -9`, and a start on the same port.
    pub(crate) async fn kill_and_restart(&mut self) {
        self.kill_and_restart_after(Duration::ZERO).await;
    }

    /// The same, with a pause between the end and the start.
    pub(crate) async fn kill_and_restart_after(&mut self, pause: Duration) {
        if let Some(binary) = self.binary.take() {
            let restarted = binary.kill_and_restart_after(pause);
            let restarted = timeout(pause + RESTART_WITHIN, restarted);
            self.binary = Some(restarted.await.expect("a killed server starts again"));
        }
    }

    /// SIGTERM, and a start on the same port.
    pub(crate) async fn restart(&mut self) {
        if let Some(binary) = self.binary.take() {
            let restarted = timeout(RESTART_WITHIN, binary.restart());
            self.binary = Some(restarted.await.expect("a stopped server starts again"));
        }
    }

    /// Freezes the process or lets it go on.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(binary) = &self.binary {
            binary.signal(signal);
        }
    }

    /// Whether the process runs.
    pub(crate) fn state(&self) -> String {
        let pid = self.binary.as_ref().map(Binary::pid);
        pid.map_or_else(
            || "is between two starts".to_owned(),
            |pid| format!("is process {pid}, {}", process_state(pid)),
        )
    }

    /// What the process logged.
    pub(crate) fn log(&self) -> String {
        self.binary.as_ref().map(Binary::log).unwrap_or_default()
    }

    /// What the process holds at this moment, as in a `sample` of the history.
    pub(crate) async fn sample(&self) -> Value {
        let pid = self.binary.as_ref().map_or(0, Binary::pid);
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"));
        let metrics = timeout(METRICS_WITHIN, http::get(self.metrics, "/metrics")).await;
        let metrics = metrics.map(|response| response.body).unwrap_or_default();
        // those of the driver's pool are its own affair, and bounded by it
        let descriptors = descriptors.map_or(0, Iterator::count) as u64;
        let pool = gauge(&metrics, "chatzz_mongodb_connections").unwrap_or_default();
        let mut sample = json!({
            "rssKib": resident(pid),
            "fds": descriptors.saturating_sub(pool),
        });
        if let Some(sockets) = gauge(&metrics, "chatzz_sockets") {
            sample["sockets"] = sockets.into();
        }
        sample
    }

    /// Waits until the server knows of no socket any more.
    pub(crate) async fn until_empty(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if self.sample().await["sockets"] == 0 {
                return true;
            }
            sleep(Duration::from_millis(200)).await;
        }
        false
    }
}

/// What `/proc` calls the state of a process, such as `S (sleeping)`.
fn process_state(pid: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("State:"));
    line.map_or_else(|| "gone".to_owned(), |state| state.trim().to_owned())
}

/// Resident memory in KiB.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let figure = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    figure.unwrap_or_default()
}

/// The value of a gauge without labels.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it counts sockets"
)]
fn gauge(metrics: &str, name: &str) -> Option<u64> {
    let line = metrics.lines().find(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(' '))
    })?;
    let value: f64 = line.split(' ').nth(1)?.parse().ok()?;
    Some(value as u64)
}

/// A port that was free a moment ago.
fn free_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, tied::free_port()).into()
}
