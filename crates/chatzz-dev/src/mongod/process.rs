//! A managed mongod: start, stop, and the failures that tests inflict on it.

use std::fs;
use std::io;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use tokio::time::{Instant, timeout};

use super::folder::{self, folder_error};
use super::log;
use super::options::{Options, REPLICA_SET};
use super::port;
use super::replica_set;
use super::start_error::StartError;
use crate::watchdog::Watched;

/// Bound of a start, from the shell to the writable primary.
const START_LIMIT: Duration = Duration::from_mins(1);
/// Bound of a clean end; then it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// mongod's exit code when it cannot bind its port.
const EXIT_NET_ERROR: i32 = 48;
/// How many picked ports may be lost to other processes between picking and binding.
const PORT_ATTEMPTS: usize = 5;

/// Why a running mongod could not be signalled or ended.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It was killed and not restarted.
    #[error("mongod is not running")]
    NotRunning,
    /// The operating system refused to signal it.
    #[error("cannot send {signal} to mongod: {source}")]
    Signal {
        /// The signal.
        signal: Signal,
        /// What the operating system answered.
        source: Errno,
    },
    /// Its end could not be waited for.
    #[error("cannot wait for the end of mongod: {0}")]
    Wait(#[source] io::Error),
}

/// A mongod that belongs to this process.
///
/// It ends with this process even if that is killed with `-9`, and it does not receive a
/// Ctrl-C in the terminal: end it by [`Mongod::stop`]. Dropping it ends it too, cleanly
/// but in the background.
#[derive(Debug)]
pub struct Mongod {
    options: Options,
    port: u16,
    running: Option<Watched>,
}

impl Mongod {
    /// Starts mongod and returns once it is [ready](super::Ready), within 60 s.
    ///
    /// The folder may be that of an earlier run, of which everything is kept, even if it
    /// was killed or had another port. The log of that run is kept as `mongod.log.old`.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(mut options: Options) -> Result<Self, StartError> {
        options.dir = std::path::absolute(&options.dir).map_err(folder_error(&options.dir))?;
        let db_path = options.db_path();
        fs::create_dir_all(&db_path).map_err(folder_error(&db_path))?;
        folder::until_unlocked(&db_path).await?;
        folder::keep_old_log(&options.log_path())?;

        let mut attempt = 1;
        loop {
            let port = match options.port {
                Some(port) => port,
                None => port::pick(options.ip)?,
            };
            match run(&options, port).await {
                Ok(watched) => {
                    return Ok(Self {
                        options,
                        port,
                        running: Some(watched),
                    });
                }
                Err(StartError::PortTaken(_))
                    if options.port.is_none() && attempt < PORT_ATTEMPTS =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the connection string, which names the replica set or asks for a direct connection.
    pub fn uri(&self) -> String {
        let address = SocketAddrV4::new(self.options.ip, self.port);
        if self.options.replica_set {
            format!("mongodb://{address}/?replicaSet={REPLICA_SET}")
        } else {
            format!("mongodb://{address}/?directConnection=true")
        }
    }

    /// Returns the port it listens on, which a restart keeps.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns mongod's own process id, or none after [`Mongod::kill`].
    pub fn pid(&self) -> Option<u32> {
        self.running
            .as_ref()
            .map(|watched| watched.pid().as_raw().unsigned_abs())
    }

    /// Returns the path of mongod's log.
    pub fn log_path(&self) -> PathBuf {
        self.options.log_path()
    }

    /// Ends mongod cleanly (SIGTERM), or by SIGKILL if that takes more than 10 s.
    ///
    /// # Errors
    /// [`ControlError::Signal`] and [`ControlError::Wait`]; its shell ends it nevertheless.
    pub async fn stop(mut self) -> Result<(), ControlError> {
        let Some(mut watched) = self.running.take() else {
            return Ok(());
        };
        send(&watched, Signal::SIGTERM)?;
        match timeout(STOP_LIMIT, watched.ended()).await {
            Ok(ended) => ended.map_err(ControlError::Wait)?,
            Err(_) => return end_now(watched).await.map(drop),
        }
        watched.reap().await.map(drop).map_err(ControlError::Wait)
    }

    /// Kills mongod (SIGKILL), even a frozen one, and waits for its end.
    ///
    /// # Errors
    /// [`ControlError::Signal`] and [`ControlError::Wait`].
    pub async fn kill(&mut self) -> Result<(), ControlError> {
        match self.running.take() {
            Some(watched) => end_now(watched).await.map(drop),
            None => Ok(()),
        }
    }

    /// Starts it again on the same port and folder; if it is still running, it is killed first.
    ///
    /// # Errors
    /// See [`StartError`]. It may be called again.
    pub async fn restart(&mut self) -> Result<(), StartError> {
        if let Err(ControlError::Wait(error)) = self.kill().await {
            return Err(StartError::Spawn(error));
        }
        self.running = Some(run(&self.options, self.port).await?);
        Ok(())
    }

    /// Sends it a signal, such as SIGSTOP to freeze it and SIGCONT to resume it.
    ///
    /// # Errors
    /// [`ControlError::NotRunning`] and [`ControlError::Signal`].
    pub fn signal(&self, signal: Signal) -> Result<(), ControlError> {
        send(
            self.running.as_ref().ok_or(ControlError::NotRunning)?,
            signal,
        )
    }
}

fn send(watched: &Watched, signal: Signal) -> Result<(), ControlError> {
    signal::kill(watched.pid(), signal).map_err(|source| ControlError::Signal { signal, source })
}

async fn end_now(mut watched: Watched) -> Result<ExitStatus, ControlError> {
    send(&watched, Signal::SIGKILL)?;
    watched.ended().await.map_err(ControlError::Wait)?;
    watched.reap().await.map_err(ControlError::Wait)
}

/// Runs mongod on `port` and waits until it is ready.
async fn run(options: &Options, port: u16) -> Result<Watched, StartError> {
    let address = SocketAddrV4::new(options.ip, port);
    // Otherwise a mongod that is already running could be mistaken for this one.
    if !port::is_free(address)? {
        return Err(StartError::PortTaken(address));
    }
    let log_path = options.log_path();
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(&log_path);
    let log = log.map_err(folder_error(&log_path))?;
    let mut watched = Watched::spawn(&options.command_line(port), log)
        .await
        .map_err(StartError::Spawn)?;

    let deadline = Instant::now() + START_LIMIT;
    let ready = tokio::select! {
        ready = replica_set::until_ready(address, options, deadline) => ready,
        ended = watched.ended() => {
            ended.map_err(StartError::Spawn)?;
            let status = watched.reap().await.map_err(StartError::Spawn)?;
            return Err(exited(options, address, status));
        }
    };
    match ready {
        Ok(()) => Ok(watched),
        Err(cause) => {
            // Its shell takes care of it if this fails; the first error is the one to report.
            let _ = end_now(watched).await;
            Err(StartError::NotReady {
                cause,
                log: log::tail(&log_path),
            })
        }
    }
}

fn exited(options: &Options, address: SocketAddrV4, status: ExitStatus) -> StartError {
    let log = log::tail(&options.log_path());
    if status.code() == Some(EXIT_NET_ERROR) {
        StartError::PortTaken(address)
    } else if log.contains("DBPathInUse") {
        folder::in_use(&options.db_path())
    } else {
        StartError::Exited { status, log }
    }
}
