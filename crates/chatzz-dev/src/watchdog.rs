//! A program under a small shell that ends it when this process is gone.
//!
//! A process cannot clean up after its own `kill -9`, and asking Linux to do so
//! (`PR_SET_PDEATHSIG`) takes unsafe code. So mongod and nats-server are run by `/bin/sh`, which
//! then waits for the end of its standard input. That is a pipe of which this process alone holds
//! the other end: when the process ends, however it does, the kernel closes the pipe and the shell
//! ends the program.
//!
//! Three properties the rest relies on:
//! * Shell and program have a process group of their own, so Ctrl-C in a terminal reaches neither:
//!   the server drains first, then ends the program itself.
//! * The program alone holds the far end of a second pipe (the shell's standard output). The end
//!   of that pipe is the end of the program.
//! * The shell does not reap the program before it is asked to, so its process id cannot be given
//!   to another process while a signal is on its way.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::process::{ExitStatus, Stdio};

use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// Arguments: the command line to run. A line on standard input says that it has ended; the end
/// of the input without one says that the parent has, and then it gets 10 s for a clean end.
const SCRIPT: &str = r#"
exec 3>&1
"$@" </dev/null >&2 &
program=$!
echo "$program"
exec >&- 3>&-
if ! read -r _; then
    kill -s TERM "$program"
    tries=0
    while kill -s 0 "$program" && [ "$tries" -lt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -s KILL "$program"
fi 2>/dev/null
wait "$program"
"#;

/// A running program and its shell; dropping this makes the shell end it, in its own time.
#[derive(Debug)]
pub(crate) struct Watched {
    shell: Child,
    /// The shell's standard input: held, never read.
    lease: File,
    /// Ends when the program does.
    lifeline: BufReader<ChildStdout>,
    pid: Pid,
}

impl Watched {
    /// Runs `command_line`; what it writes before its own log is open goes to `log`.
    pub(crate) async fn spawn(command_line: &[OsString], log: File) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "chatzz-watchdog"])
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
            .map_err(|_| io::Error::other("/bin/sh did not run the program"))?;
        Ok(Self {
            shell,
            lease,
            lifeline,
            pid: Pid::from_raw(pid),
        })
    }

    /// Returns the program's process id, which stays its own until [`Watched::reap`].
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits until the program has ended; may be dropped and called again.
    pub(crate) async fn ended(&mut self) -> io::Result<()> {
        let mut nothing = [0; 64];
        while self.lifeline.read(&mut nothing).await? > 0 {}
        Ok(())
    }

    /// Lets the shell of an ended program exit and returns the program's exit status.
    pub(crate) async fn reap(mut self) -> io::Result<ExitStatus> {
        // A shell that has exited already needs no message; its status tells.
        let _ = self.lease.write_all(b"\n");
        self.shell.wait().await
    }
}
