//! Why there is no demo application.

use std::io;
use std::path::PathBuf;

use crate::ToolError;

/// A sentence for the developer.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// npm is not installed.
    #[error(
        "the demo application is built with npm, and {0}.\nInstall Node.js 18 or later with npm and start \
         again; until then a plain page is served instead."
    )]
    NoNpm(#[source] ToolError),
    /// npm could not fetch the packages, for instance without a network, or not build.
    #[error(
        "the demo application could not be built: {0}\nA plain page is served instead; start again to try again."
    )]
    Npm(#[source] ToolError),
    /// The cache cannot be written or read.
    #[error("the demo application cannot be kept in {}: {source}", .path.display())]
    Folder {
        /// The file or folder in question.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl DemoError {
    /// Turns an error at a path into one of these.
    #[cfg(any(test, not(feature = "embed-demo")))]
    pub(super) fn at(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Folder { path, source }
    }
}
