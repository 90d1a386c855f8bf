//! The `chatzz` program as a child, the way an operator runs it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::canary;
use super::frame::{Client, ConnectOptions};
use super::places;
pub use super::places::chatzz;
use super::poll::PAUSE;
use super::user::Person;

/// How long a start may take.
const START_LIMIT: Duration = Duration::from_secs(90);

/// A running `chatzz`. Dropping it kills it and waits for its end.
pub struct Binary {
    child: Child,
    program: PathBuf,
    keys: BTreeMap<String, String>,
    addr: SocketAddr,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
}

/// A `chatzz` that has ended, and its whole output.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to its standard output.
    pub out: String,
    /// What it wrote to its standard error, which is its log.
    pub err: String,
}

impl Binary {
    /// Runs `chatzz serve` with these keys and nothing else, and waits until it listens.
    pub async fn serve(keys: &[(&str, &str)]) -> Self {
        Self::serve_by(&chatzz(), keys).await
    }

    /// The same with another program that takes the same arguments and keys.
    pub async fn serve_by(program: &Path, keys: &[(&str, &str)]) -> Self {
        Self::ready(program, &["serve"], keys, "listening on http://").await
    }

    /// Starts any command, and does not wait.
    pub fn start(args: &[&str], keys: &[(&str, &str)]) -> Self {
        Self::spawn(&chatzz(), args, keys)
    }

    /// Runs any command to its end, which must come within a minute.
    pub async fn run(args: &[&str], keys: &[(&str, &str)]) -> Ended {
        Self::run_by(&chatzz(), args, keys).await
    }

    /// The same with another program.
    pub async fn run_by(program: &Path, args: &[&str], keys: &[(&str, &str)]) -> Ended {
        let running = Self::spawn(program, args, keys);
        running.ended(Duration::from_mins(1)).await
    }

    /// Runs `chatzz dev` with its data in a folder, and waits until it prints its addresses.
    pub async fn dev(dir: &Path, args: &[&str], keys: &[(&str, &str)]) -> Self {
        let dir = dir.to_str().expect("a path of the tests is text");
        let args = [&["dev", "--dir", dir], args].concat();
        Self::ready(&chatzz(), &args, keys, "/?as=bob").await
    }

    async fn ready(program: &Path, args: &[&str], keys: &[(&str, &str)], marker: &str) -> Self {
        let mut binary = Self::spawn(program, args, keys);
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let said = binary.out.lock().clone();
            // with a log of JSON it is a line of the log
            let found = address_in(&said, marker).or_else(|| address_in(&binary.log(), marker));
            if let Some(addr) = found {
                binary.addr = addr;
                return binary;
            }
            let ended = binary.child.try_wait().unwrap();
            let late = Instant::now() >= deadline;
            assert!(
                ended.is_none() && !late,
                "chatzz {args:?} did not start ({ended:?}):\n{said}\n{}",
                binary.log()
            );
            sleep(PAUSE).await;
        }
    }

    fn spawn(program: &Path, args: &[&str], keys: &[(&str, &str)]) -> Self {
        let keys = keys.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let keys: BTreeMap<String, String> = keys.collect();
        let mut child = Command::new(program)
            .args(args)
            .env_clear()
            .envs(inherited())
            .envs(&keys)
            .current_dir(empty_folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("chatzz can be run");
        let out = collect(child.stdout.take().expect("it is piped"));
        let err = collect(child.stderr.take().expect("it is piped"));
        Self {
            child,
            program: program.to_owned(),
            keys,
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            out,
            err,
        }
    }

    /// The address where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to its standard output so far.
    pub fn out(&self) -> String {
        self.out.lock().clone()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.err.lock().clone()
    }

    /// Whether the process is running.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).expect("a process id fits");
        kill(Pid::from_raw(pid), signal).expect("the child was not reaped yet");
    }

    /// Sends SIGTERM and waits at most ten seconds for the end.
    pub async fn terminate(self) -> Ended {
        self.signal(Signal::SIGTERM);
        self.ended(Duration::from_secs(10)).await
    }

    /// Kills it as `kill -9` does, and waits for its end.
    pub async fn kill(self) -> Ended {
        self.signal(Signal::SIGKILL);
        self.ended(Duration::from_secs(10)).await
    }

    /// Stops it in order and starts another one with the same keys on the same port.
    pub async fn restart(self) -> Self {
        let (program, keys) = self.successor();
        let ended = self.terminate().await;
        assert!(ended.status.success(), "{}", ended.err);
        Self::serve_again(&program, keys).await
    }

    /// The same after `kill -9`.
    pub async fn kill_and_restart(self) -> Self {
        self.kill_and_restart_after(Duration::ZERO).await
    }

    /// The same, with a pause between the end and the start.
    pub async fn kill_and_restart_after(self, pause: Duration) -> Self {
        let (program, keys) = self.successor();
        self.kill().await;
        sleep(pause).await;
        Self::serve_again(&program, keys).await
    }

    /// The program and the keys of another one on the same port.
    fn successor(&self) -> (PathBuf, BTreeMap<String, String>) {
        let mut keys = self.keys.clone();
        keys.insert("CHATZZ_LISTEN".to_owned(), self.addr.to_string());
        (self.program.clone(), keys)
    }

    async fn serve_again(program: &Path, keys: BTreeMap<String, String>) -> Self {
        let keys: Vec<_> = keys.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        Self::serve_by(program, &keys).await
    }

    /// Waits for the end of the process and of its output.
    pub async fn ended(mut self, within: Duration) -> Ended {
        let deadline = Instant::now() + within;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "chatzz did not end within {within:?}:\n{}",
                self.log()
            );
            sleep(PAUSE).await;
        };
        // the readers drop their handle at the end of the stream
        while Arc::strong_count(&self.out) + Arc::strong_count(&self.err) > 2 {
            assert!(
                Instant::now() < deadline,
                "something still holds its output"
            );
            sleep(PAUSE).await;
        }
        Ended {
            status,
            out: self.out.lock().clone(),
            err: self.err.lock().clone(),
        }
    }

    /// Connects a client that will act as a user, and does not log in.
    pub async fn socket_of(&self, id: &Value) -> Person {
        let client = Client::connect(ConnectOptions::new(self.addr)).await;
        Person::new(client.unwrap(), id.clone())
    }

    /// A logged-in user; returns the `user-details` as well.
    pub async fn login(&self, id: &Value) -> (Person, Value) {
        let person = self.socket_of(id).await;
        person.login().await.unwrap();
        let details = person.client.expect_envelope("user-details").await;
        (person, details)
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        // both fail only when it has been reaped already
        let _ = self.child.kill();
        let _ = self.child.wait();
        canary::assert_unsaid("the log", &self.err.lock());
        canary::assert_unsaid("the output", &self.out.lock());
    }
}

/// This process's environment without the keys of chatzz, so that only those of the test
/// count; `dev` needs the rest to find its tools.
#[expect(
    clippy::disallowed_methods,
    reason = "the child's environment is made here"
)]
fn inherited() -> impl Iterator<Item = (OsString, OsString)> {
    let is_key = |name: &OsString| name.to_string_lossy().starts_with("CHATZZ_");
    std::env::vars_os().filter(move |(name, _)| name == "CHATZZ_MONGOD" || !is_key(name))
}

/// A working directory without a `.env`.
fn empty_folder() -> PathBuf {
    let folder = places::temporary().join("empty");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Reads a stream to its end, line by line.
fn collect(stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&text);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            let mut kept = kept.lock();
            kept.push_str(&line);
            kept.push('\n');
        }
    });
    text
}

/// The address of the URL in the first line that holds the marker.
fn address_in(text: &str, marker: &str) -> Option<SocketAddr> {
    let line = text.lines().find(|line| line.contains(marker))?;
    let (_, url) = line.split_once("http://")?;
    url.split(['/', ' ', '"']).next()?.parse().ok()
}

/// The cargo that runs these tests, as if called from a shell.
///
/// What cargo sets for the tests of a package is left out: passed on to another cargo it
/// would cause crates to be rebuilt, such as `ring`.
#[expect(
    clippy::disallowed_methods,
    reason = "the child's environment is made here"
)]
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.stdin(Stdio::null());
    let by_cargo = ["CARGO_PKG_", "CARGO_MANIFEST_", "OUT_DIR"];
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if by_cargo.iter().any(|begin| text.starts_with(begin)) {
            cargo.env_remove(&name);
        }
    }
    cargo
}
