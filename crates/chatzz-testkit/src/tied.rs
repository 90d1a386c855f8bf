//! A program that ends with the test process, however that ends.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Runs a program, tells its process id, and kills it when the input ends: also when the
/// test process was killed.
const UNTIL_THE_INPUT_ENDS: &str = r#"exec 3<&0; "$0" "$@" </dev/null >/dev/null 2>&1 & echo $!; read _ <&3; kill -9 $! 2>/dev/null; wait"#;

/// A running program. Dropping it kills it.
pub struct Tied {
    shell: Child,
    pid: Pid,
}

impl Tied {
    /// Runs a program; what it prints is lost.
    pub fn run(program: &Path, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", UNTIL_THE_INPUT_ENDS])
            .arg(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell can be run");
        let mut line = String::new();
        let out = shell.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).unwrap();
        let pid = Pid::from_raw(line.trim().parse().expect("it tells the process id"));
        Self { shell, pid }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid, signal).expect("it was not reaped yet");
    }
}

impl Drop for Tied {
    fn drop(&mut self) {
        let _ = kill(self.pid, Signal::SIGKILL);
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A port of this machine that is free at this moment. Each call returns another one, below
/// those that Linux gives to connections (from 32768 on): one of these could be taken before
/// anybody listens.
pub fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 20_000;
    static CALLS: AtomicU32 = AtomicU32::new(0);
    loop {
        // tests that run beside these begin elsewhere
        let begin = std::process::id().wrapping_mul(61);
        let number = begin.wrapping_add(CALLS.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + number % COUNT).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
