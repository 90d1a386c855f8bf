//! A managed nats-server: start and stop.

use std::ffi::OsString;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{self, Signal};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::error::NatsError;
use crate::mongod::port;
use crate::watchdog::Watched;

/// Bound of a start.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How often a start is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// Bound of a clean end; then its shell kills it.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// A nats-server that belongs to this process, and ends with it however that ends.
#[derive(Debug)]
pub struct Nats {
    port: u16,
    running: Watched,
}

impl Nats {
    /// Starts the program and returns once it listens. Its log is `nats.log` in the folder,
    /// which exists.
    ///
    /// # Errors
    /// With a sentence for the developer; nothing is left running.
    pub async fn start(program: &Path, dir: &Path) -> Result<Self, NatsError> {
        let port = port::pick(Ipv4Addr::LOCALHOST).map_err(NatsError::Port)?;
        let log_path = dir.join("nats.log");
        let log = File::create(&log_path).map_err(NatsError::Spawn)?;
        let (port_text, addr) = (port.to_string(), Ipv4Addr::LOCALHOST.to_string());
        let line = ["--addr", &addr, "--port", &port_text].map(OsString::from);
        let line = [vec![program.as_os_str().to_owned()], line.to_vec()].concat();
        let running = Watched::spawn(&line, log).await.map_err(NatsError::Spawn)?;
        let mut nats = Self { port, running };
        if nats.until_it_listens().await {
            Ok(nats)
        } else {
            Err(nats.failed(log_path).await)
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it listens in time; `false` at once when it has ended.
    async fn until_it_listens(&mut self) -> bool {
        let deadline = Instant::now() + START_LIMIT;
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port);
        while Instant::now() < deadline {
            if TcpStream::connect(address).await.is_ok() {
                return true;
            }
            tokio::select! {
                _ = self.running.ended() => return false,
                () = sleep(LOOK_INTERVAL) => {}
            }
        }
        false
    }

    /// Why it does not listen. Its shell ends it when this is dropped.
    async fn failed(mut self, log: PathBuf) -> NatsError {
        let ended = timeout(Duration::ZERO, self.running.ended()).await;
        if ended.is_err() {
            return NatsError::NotReady(log);
        }
        match self.running.reap().await {
            Ok(status) => NatsError::Exited { status, log },
            Err(error) => NatsError::Spawn(error),
        }
    }

    /// Ends it cleanly (SIGTERM); if that takes more than 5 s its shell kills it.
    pub async fn stop(mut self) {
        // fails only when it has ended by itself
        let _ = signal::kill(self.running.pid(), Signal::SIGTERM);
        if timeout(STOP_LIMIT, self.running.ended()).await.is_ok() {
            let _ = self.running.reap().await;
        }
    }
}
