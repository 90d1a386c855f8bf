//! mongod under a small shell that ends it when this process is gone.
//!
//! A process cannot clean up after its own `kill -9`, and asking Linux to do so
//! (`PR_SET_PDEATHSIG`) takes unsafe code. So mongod is run by `/bin/sh`, which then waits for the
//! end of its standard input. That is a pipe of which this process alone holds the other end: when
//! the process ends, however it does, the kernel closes the pipe and the shell ends mongod.
//!
//! Three properties the rest relies on:
//! * Shell and mongod have a process group of their own, so Ctrl-C in a terminal reaches neither:
//!   the server drains first, then ends mongod itself.
//! * mongod alone holds the far end of a second pipe (the shell's standard output). The end of that
//!   pipe is the end of mongod.
//! * The shell does not reap mongod before it is asked to, so its process id cannot be given to
//!   another process while a signal is on its way.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::process::{ExitStatus, Stdio};

use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// Arguments: the command line to run. A line on standard input says that mongod has ended; the end
/// of the input without one says that the parent has, and then mongod gets 10 s for a clean end.
const SCRIPT: &str = r#"
exec 3>&1
"$@" </dev/null >&2 &
mongod=$!
echo "$mongod"
exec >&- 3>&-
if ! read -r _; then
    kill -s TERM "$mongod"
    tries=0
    while kill -s 0 "$mongod" && [ "$tries" -lt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -s KILL "$mongod"
fi 2>/dev/null
wait "$mongod"
"#;

/// A running mongod and its shell; dropping this makes the shell end mongod, in its own time.
#[derive(Debug)]
pub(super) struct Watched {
    shell: Child,
    /// The shell's standard input: held, never read.
    lease: File,
    /// Ends when mongod does.
    lifeline: BufReader<ChildStdout>,
    pid: Pid,
}

impl Watched {
    /// Runs `command_line`; what it writes before its own log is open goes to `log`.
    pub(super) async fn spawn(command_line: &[OsString], log: File) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "chatzz-mongod"])
            .args(command_line);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0);
        let mut shell = command.spawn()?;
        let closed = || io::Error::other("the pipes to /bin/sh are missing");
        // As a plain file the lease depends on no runtime: a mongod shared by several tests
        // outlives the runtime that started it.
        let lease = shell
            .stdin
            .take()
            .ok_or_else(closed)?
            .into_owned_fd()?
            .into();
        let mut lifeline = BufReader::new(shell.stdout.take().ok_or_else(closed)?);
        let mut line = String::new();
        lifeline.read_line(&mut line).await?;
        let pid = line
            .trim()
            .parse()
            .map_err(|_| io::Error::other("/bin/sh did not run mongod"))?;
        Ok(Self {
            shell,
            lease,
            lifeline,
            pid: Pid::from_raw(pid),
        })
    }

    /// Returns mongod's process id, which stays its own until [`Watched::reap`].
    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits until mongod has ended; may be dropped and called again.
    pub(super) async fn ended(&mut self) -> io::Result<()> {
        let mut nothing = [0; 64];
        while self.lifeline.read(&mut nothing).await? > 0 {}
        Ok(())
    }

    /// Lets the shell of an ended mongod exit and returns mongod's exit status.
    pub(super) async fn reap(mut self) -> io::Result<ExitStatus> {
        // A shell that has exited already needs no message; its status tells.
        let _ = self.lease.write_all(b"\n");
        self.shell.wait().await
    }
}
