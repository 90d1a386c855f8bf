//! The official socket.io client, fetched once for the demo page.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::{Progress, ToolError, lock, tool};

/// The npm package and the exact version that is served.
const PACKAGE: &str = "socket.io-client@4.8.4";

/// SHA-256 of that version's `dist/socket.io.min.js`.
const BUNDLE_SHA256: [u8; 32] = [
    0xd5, 0xd7, 0x9a, 0x35, 0x03, 0x9e, 0x86, 0x0b, 0x32, 0xbd, 0xef, 0x47, 0x95, 0x52, 0x8b,
    0x05, //
    0xc2, 0xf7, 0x88, 0xd4, 0xb2, 0xd9, 0xda, 0xcc, 0x91, 0x31, 0x20, 0xe2, 0x87, 0x8f, 0x7b, 0x3f,
];

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Why the socket.io client is not there.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// npm is not installed.
    #[error(
        "the demo page needs the npm package {PACKAGE}, and {0}. Install Node.js with npm and start again. \
         The server runs without it."
    )]
    NoNpm(ToolError),
    /// npm could not install the package, for instance without a network.
    #[error("the demo page needs the npm package {PACKAGE}, and {0}\nThe server runs without it.")]
    Npm(ToolError),
    /// npm installed something, but not the known file.
    #[error(
        "{} is not the file of {PACKAGE} that this version of chatzz knows. Remove the folder node_modules \
         beside it and start again. The server runs without it.",
        .0.display()
    )]
    UnknownBundle(PathBuf),
    /// The folder cannot be written or read.
    #[error("cannot keep the socket.io client in {}: {source}", .path.display())]
    Folder {
        /// The file or folder in question.
        path: PathBuf,
        /// What the operating system answered.
        source: io::Error,
    },
}

/// Returns the path of `socket.io.min.js`, fetched into `dir` at the first call.
///
/// Later calls find the file there and need neither npm nor a network. The file is compared with
/// a checksum each time, so what the page serves is always the same. Several processes may call
/// this for one `dir` at once.
///
/// # Errors
/// [`ClientError::NoNpm`], [`ClientError::Npm`], [`ClientError::UnknownBundle`] and
/// [`ClientError::Folder`]. The server itself does not depend on this file.
pub async fn socket_io_client(dir: &Path, progress: Progress<'_>) -> Result<PathBuf, ClientError> {
    fetch_by(NPM.as_ref(), dir, progress).await
}

async fn fetch_by(npm: &OsStr, dir: &Path, progress: Progress<'_>) -> Result<PathBuf, ClientError> {
    let bundle = dir.join("node_modules/socket.io-client/dist/socket.io.min.js");
    if is_known(&bundle)? {
        return Ok(bundle);
    }
    let folder_error = |source| ClientError::Folder {
        path: dir.to_owned(),
        source,
    };
    std::fs::create_dir_all(dir).map_err(folder_error)?;
    let waiting = "waiting for another chatzz that is fetching the socket.io client";
    let _lock = lock::acquire(&dir.join("npm.lock"), waiting, progress)
        .await
        .map_err(folder_error)?;
    if is_known(&bundle)? {
        return Ok(bundle);
    }
    progress(&format!("fetching {PACKAGE} with npm, once"));
    let mut install = Command::new(npm);
    install.arg("install").arg("--prefix").arg(dir).args([
        "--no-save",
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
        "--fetch-retries=1",
    ]);
    install.args(["--ignore-scripts", PACKAGE]);
    tool::run(&mut install).await.map_err(|error| match error {
        ToolError::Start { .. } => ClientError::NoNpm(error),
        ToolError::Failed { .. } | ToolError::TooLong { .. } => ClientError::Npm(error),
    })?;
    if is_known(&bundle)? {
        Ok(bundle)
    } else {
        Err(ClientError::UnknownBundle(bundle))
    }
}

/// Tells whether `bundle` is there and is the pinned file.
fn is_known(bundle: &Path) -> Result<bool, ClientError> {
    match std::fs::read(bundle) {
        Ok(bytes) => Ok(Sha256::digest(bytes).as_slice() == BUNDLE_SHA256),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(ClientError::Folder {
            path: bundle.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> PathBuf {
        std::env::temp_dir().join(format!("chatzz-client-{}", uuid::Uuid::new_v4()))
    }

    #[tokio::test]
    async fn the_client_is_fetched_once_and_then_needs_no_npm() {
        let dir = folder();
        let fetched = socket_io_client(&dir, &|_| {})
            .await
            .expect("install Node.js with npm: apt-get install npm");
        let silent = |line: &str| panic!("fetched again: {line}");
        let kept = fetch_by("no-such-npm".as_ref(), &dir, &silent)
            .await
            .unwrap();

        assert_eq!(fetched, kept);
        assert!(
            std::fs::read_to_string(kept)
                .unwrap()
                .contains("Socket.IO v4.8")
        );
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[tokio::test]
    async fn a_missing_npm_is_reported_with_what_to_install() {
        let dir = folder();
        let error = fetch_by("no-such-npm".as_ref(), &dir, &|_| {})
            .await
            .unwrap_err();

        assert!(matches!(error, ClientError::NoNpm(_)));
        let text = error.to_string();
        assert!(text.contains("Install Node.js with npm"), "{text}");
        assert!(text.contains("The server runs without it"), "{text}");
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[tokio::test]
    async fn a_changed_file_is_not_served() {
        let dir = folder();
        let bundle = dir.join("node_modules/socket.io-client/dist/socket.io.min.js");
        std::fs::create_dir_all(bundle.parent().unwrap()).unwrap();
        std::fs::write(&bundle, "alert('not socket.io')").unwrap();

        // `true` plays an npm that finds its package installed and leaves it as it is.
        let error = fetch_by("true".as_ref(), &dir, &|_| {}).await.unwrap_err();

        assert!(matches!(error, ClientError::UnknownBundle(path) if path == bundle));
        std::fs::remove_dir_all(dir).unwrap();
    }
}
