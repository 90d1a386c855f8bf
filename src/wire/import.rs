//! What became of messages that were imported: the answer to `POST /v1/messages/import`.

use schemars::JsonSchema;
use serde::Serialize;

/// A line of the answer.
#[derive(Serialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
#[schemars(rename = "ImportLine")]
pub(crate) enum Line {
    /// It goes on.
    Progress {
        #[serde(flatten)]
        counts: Counts,
    },
    /// Every line was read.
    End {
        /// Always `true`.
        end: bool,
        #[serde(flatten)]
        counts: Counts,
        /// The first 100 lines that were not stored.
        errors: Vec<Refused>,
    },
    /// It cannot go on now: send the same again, which stores nothing twice.
    Error {
        /// As in the answer to another call.
        code: super::Code,
        detail: String,
        #[serde(flatten)]
        counts: Counts,
        /// The first 100 lines that were not stored.
        errors: Vec<Refused>,
    },
}

/// What became of the lines so far.
#[derive(Clone, Copy, Default, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Counts {
    /// All of them.
    pub(crate) lines: u64,
    /// Stored by this call.
    pub(crate) imported: u64,
    /// Stored before under this key.
    pub(crate) duplicates: u64,
    /// Not stored: something was sent in their chat rooms before.
    pub(crate) conflicts: u64,
    /// Not stored: something in them is wrong.
    pub(crate) refused: u64,
}

/// A line that was not stored.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "RefusedLine")]
pub(crate) struct Refused {
    /// Which line, from 1 on.
    line: u64,
    code: Code,
    /// For people: what is wrong.
    detail: String,
}

/// Why a line was not stored.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "RefusedLineCode")]
pub(crate) enum Code {
    /// One of the protocol of clients.
    Wire(super::Code),
    /// One of imports alone.
    Own(OwnCode),
}

/// A code of imports alone.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "RefusedLineOwnCode")]
pub(crate) enum OwnCode {
    /// Something was sent in this chat room before.
    Conflict,
}

impl Refused {
    /// A line, and why.
    pub(crate) fn new(line: u64, code: Code, detail: &str) -> Self {
        let detail = detail.to_owned();
        Self { line, code, detail }
    }
}

impl Line {
    /// How far it is.
    pub(crate) fn progress(counts: Counts) -> Self {
        Self::Progress { counts }
    }

    /// Every line was read.
    pub(crate) fn end(counts: Counts, errors: Vec<Refused>) -> Self {
        Self::End {
            end: true,
            counts,
            errors,
        }
    }

    /// It cannot go on.
    pub(crate) fn error(
        code: super::Code,
        detail: String,
        counts: Counts,
        errors: Vec<Refused>,
    ) -> Self {
        Self::Error {
            code,
            detail,
            counts,
            errors,
        }
    }
}
