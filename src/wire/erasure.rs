//! How far an erasure is: the answer to `POST /v1/users/{id}/erase`.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Code, ErrorBody};
use crate::service::{ErasureCounts, Error};

/// A line of the answer.
#[derive(Serialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
#[schemars(rename = "ErasureLine")]
pub(crate) enum Line {
    /// It goes on.
    Progress {
        #[serde(flatten)]
        counts: Counts,
    },
    /// It is done: nothing is left. Without this line it is not known how far it got: ask
    /// again.
    End {
        /// Always `true`.
        end: bool,
        #[serde(flatten)]
        counts: Counts,
        /// Collections of chatzz 1.x, kept by `chatzz adopt`, that an erasure does not reach:
        /// drop them, since they may name the user. Absent if there are none.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        kept: Vec<String>,
    },
    /// It cannot go on now: ask again.
    Error {
        /// As in the answer to another call.
        code: Code,
        detail: String,
    },
}

/// What this call has removed so far.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(crate) struct Counts {
    /// Chat rooms in which the user had a part.
    chat_rooms: u64,
    /// Messages of the user that say nothing any more.
    messages: u64,
    /// Block lists and whitelists of others that do not name the user any more.
    lists: u64,
}

impl From<&ErasureCounts> for Counts {
    fn from(counts: &ErasureCounts) -> Self {
        let ErasureCounts {
            chat_rooms,
            messages,
            lists,
        } = *counts;
        Self {
            chat_rooms,
            messages,
            lists,
        }
    }
}

impl Line {
    /// How far it is.
    pub(crate) fn progress(counts: &ErasureCounts) -> Self {
        let counts = counts.into();
        Self::Progress { counts }
    }

    /// It is done, except for what is in these collections.
    pub(crate) fn end(counts: &ErasureCounts, kept: Vec<String>) -> Self {
        let (end, counts) = (true, counts.into());
        Self::End { end, counts, kept }
    }

    /// It cannot go on, and the code that says why.
    pub(crate) fn error(error: &Error) -> (Self, &'static str) {
        let ErrorBody { code, message, .. } = ErrorBody::from(error);
        let detail = message;
        (Self::Error { code, detail }, code.as_str())
    }
}
