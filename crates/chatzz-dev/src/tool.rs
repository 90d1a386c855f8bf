//! Running external programs (python3, npm) and reporting their output.

use std::io::{self, IsTerminal};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Command;

/// Why a required program failed.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The program is not installed or cannot be started.
    #[error("`{tool}` cannot be run: {source}")]
    Start {
        /// The program as it was called.
        tool: String,
        /// What the operating system answered.
        source: io::Error,
    },
    /// The program ran and reported a failure.
    #[error("`{tool}` failed ({status}): {output}")]
    Failed {
        /// The program as it was called.
        tool: String,
        /// How it ended.
        status: ExitStatus,
        /// Its whole output, or a hint that it went to the terminal already.
        output: String,
    },
    /// The program did not end in time and was ended.
    #[error("`{tool}` did not end within {limit:?}; is there a network?")]
    TooLong {
        /// The program as it was called.
        tool: String,
        /// The time limit.
        limit: Duration,
    },
}

/// The longest a download may take: 42 MB in 5 minutes is 1.1 Mbit/s.
const LIMIT: Duration = Duration::from_mins(5);

/// Runs a program to its end, without input; it is killed if the future is dropped.
///
/// Its output goes to standard error if that is a terminal (pip and npm draw progress bars there),
/// and into the error otherwise.
///
/// # Errors
/// [`ToolError::Start`], [`ToolError::Failed`] and [`ToolError::TooLong`].
pub(super) async fn run(command: &mut Command) -> Result<(), ToolError> {
    let tool = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    command.stdin(Stdio::null()).kill_on_drop(true);
    let outcome = async {
        if io::stderr().is_terminal() {
            command.stdout(io::stderr()).stderr(Stdio::inherit());
            let status = command.status().await;
            return status.map(|status| (status, "see its output above".to_owned()));
        }
        let output = command.output().await?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        Ok((output.status, text))
    };
    match tokio::time::timeout(LIMIT, outcome).await {
        Err(_) => Err(ToolError::TooLong { tool, limit: LIMIT }),
        Ok(Ok((status, _))) if status.success() => Ok(()),
        Ok(Ok((status, output))) => Err(ToolError::Failed {
            tool,
            status,
            output,
        }),
        Ok(Err(source)) => Err(ToolError::Start { tool, source }),
    }
}
