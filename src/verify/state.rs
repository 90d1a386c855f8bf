//! The progress of an interrupted run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Report, VerifyError};
use crate::id::{ChatRoomId, ChatUserId};

/// Version of the file's format.
const VERSION: u32 = 1;

/// The parts of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Phase {
    /// Indexes, migrations.
    Schema,
    /// What a missing unique index would have refused.
    Duplicates,
    /// Chat users after this one.
    People(Option<ChatUserId>),
    /// Messages that name no chat room.
    Roomless,
    /// Chat rooms and their messages after this one.
    Rooms(Option<ChatRoomId>),
}

/// The contents of the state file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    version: u32,
    /// The next part to do.
    pub(super) part: Phase,
    /// The findings so far.
    pub(super) report: Report,
}

impl State {
    pub(super) fn new(part: Phase, report: Report) -> Self {
        Self {
            version: VERSION,
            part,
            report,
        }
    }

    /// Reads the file, if there is one.
    pub(super) async fn load(path: &Path) -> Result<Option<Self>, VerifyError> {
        let text = match tokio::fs::read(path).await {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(unusable(path, cause)),
        };
        let state: Self =
            serde_json::from_slice(&text).map_err(|error| unusable(path, error.into()))?;
        Ok(Some(state))
    }

    /// Whether the run that is about to begin is a continuation of the one that left this file.
    pub(super) fn check(&self, path: &Path, new: &Report) -> Result<(), VerifyError> {
        let differs = [
            ("the version", self.version == VERSION),
            ("the database", self.report.database == new.database),
            ("--repair", self.report.repair == new.repair),
        ];
        match differs.iter().find(|(_, same)| !same) {
            None => Ok(()),
            Some((what, _)) => Err(VerifyError::OtherRun {
                path: path.to_owned(),
                what,
            }),
        }
    }

    /// Replaces the file as a whole: after a crash it is either the old or the new one.
    pub(super) async fn save(&self, path: &Path) -> Result<(), VerifyError> {
        let text = serde_json::to_vec(self).map_err(|error| unusable(path, error.into()))?;
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        let written = async {
            tokio::fs::write(&new, text).await?;
            tokio::fs::rename(&new, path).await
        };
        written.await.map_err(|cause| unusable(path, cause))
    }

    /// Removes the file: the run is complete.
    pub(super) async fn remove(path: &Path) -> Result<(), VerifyError> {
        match tokio::fs::remove_file(path).await {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                Err(unusable(path, cause))
            }
            _ => Ok(()),
        }
    }
}

fn unusable(path: &Path, cause: std::io::Error) -> VerifyError {
    VerifyError::State {
        path: path.to_owned(),
        cause,
    }
}
