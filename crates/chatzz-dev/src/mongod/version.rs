//! Whether a mongod binary runs here and is recent enough.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// The oldest major version of `MongoDB` that chatzz runs on.
pub(super) const OLDEST_MAJOR: u32 = 6;

/// Bound of `mongod --version`: the first run reads 140 MB from disk.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Why a mongod binary cannot be used here.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// There is no such file, or the operating system refuses to run it.
    #[error("it cannot be run: {0}")]
    Start(#[source] io::Error),
    /// `mongod --version` did not end within 30 s.
    #[error("`--version` gave no answer within {} s", ANSWER_LIMIT.as_secs())]
    Silent,
    /// `mongod --version` failed, typically for want of a shared library.
    #[error("`--version` failed ({status}): {output}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to standard error.
        output: String,
    },
    /// The program is not a mongod: its answer names no version.
    #[error("`--version` names no version of MongoDB")]
    NotMongod,
    /// The version is below 6.0.
    #[error("it is MongoDB {0}, and {OLDEST_MAJOR}.0 or later is needed")]
    TooOld(String),
}

/// Checks that `binary` runs here and is `MongoDB` 6.0 or later.
pub(super) async fn check(binary: &Path) -> Result<(), Unusable> {
    let mut command = Command::new(binary);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = match timeout(ANSWER_LIMIT, command.output()).await {
        Ok(output) => output.map_err(Unusable::Start)?,
        Err(_) => return Err(Unusable::Silent),
    };
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Unusable::Failed {
            status: output.status,
            output: text,
        });
    }
    let answer = String::from_utf8_lossy(&output.stdout);
    let (major, version) = parse(&answer).ok_or(Unusable::NotMongod)?;
    if major < OLDEST_MAJOR {
        Err(Unusable::TooOld(version.to_owned()))
    } else {
        Ok(())
    }
}

/// Finds the line `db version v6.0.5` and returns the major version and the whole.
fn parse(answer: &str) -> Option<(u32, &str)> {
    let version = answer
        .lines()
        .find_map(|line| line.strip_prefix("db version v"))?
        .trim();
    let (major, _) = version.split_once('.')?;
    Some((major.parse().ok()?, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_answer() {
        assert_eq!(
            parse("db version v6.0.5\nBuild Info: {\n"),
            Some((6, "6.0.5"))
        );
        assert_eq!(
            parse("db version v10.0.0-rc1\r\n"),
            Some((10, "10.0.0-rc1"))
        );
        assert_eq!(parse("mongosh 2.3.1"), None);
    }
}
