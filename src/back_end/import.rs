//! `chatzz import`: brings in messages that were sent before.

use std::time::Duration;

use http::Method;
use serde::Deserialize;

use super::{BackEnd, Call, CallError, Failed, MAX_BYTES, PATIENCE, Patience};
use crate::callout::{self, FetchError};

/// How long one part may take.
const WITHIN: Duration = Duration::from_mins(5);

/// What became of some lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Imported {
    /// Those that were read.
    pub lines: u64,
    /// Those that were stored.
    pub imported: u64,
    /// Those that were there before.
    pub duplicates: u64,
    /// Those of chat rooms in which something was sent since.
    pub conflicts: u64,
    /// Those that are wrong.
    pub refused: u64,
    /// Why lines were not stored, for the first of them.
    #[serde(default)]
    pub errors: Vec<NotImported>,
}

/// Why a line was not stored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NotImported {
    /// Its number, from 1 on.
    pub line: u64,
    /// The stable code.
    pub code: String,
    /// For people.
    pub detail: String,
}

impl Imported {
    /// Adds what became of the lines that follow.
    pub fn add(&mut self, next: Self) {
        let errors = next.errors.into_iter();
        self.errors.extend(errors.map(|error| NotImported {
            line: self.lines + error.line,
            ..error
        }));
        self.lines += next.lines;
        self.imported += next.imported;
        self.duplicates += next.duplicates;
        self.conflicts += next.conflicts;
        self.refused += next.refused;
    }
}

impl std::fmt::Display for Imported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            lines,
            imported,
            duplicates,
            conflicts,
            refused,
            errors: _,
        } = self;
        write!(
            f,
            "imported {imported} of {lines} lines; there before: {duplicates}, in conflict: \
             {conflicts}, refused: {refused}"
        )
    }
}

/// The part of a line of the answer that says what it is.
#[derive(Deserialize)]
struct Line {
    kind: String,
    code: Option<String>,
}

impl BackEnd {
    /// Brings in some lines, of which every one is a message: what is there is a duplicate, so
    /// that they are sent again where the answer is cut off.
    ///
    /// # Errors
    /// Why they were not all read.
    pub async fn import(&self, lines: Vec<u8>) -> Result<Imported, CallError> {
        let call = Call {
            body: Some(("application/x-ndjson", lines)),
            timeout: WITHIN,
            ..Call::new(Method::POST, "messages/import")
        };
        let mut patience = Patience::new(Some(PATIENCE));
        loop {
            match self.import_once(&call).await {
                Ok(imported) => return Ok(imported),
                Err(failed) => patience.next(failed, self.waits).await?,
            }
        }
    }

    async fn import_once(&self, call: &Call<'_>) -> Result<Imported, Failed> {
        let response = self.open(call).await?;
        let status = response.status().as_u16();
        let body = callout::body(response, MAX_BYTES).await;
        let body = body.map_err(|error| self.no_answer(&error))?;
        let last = body.trim_ascii().rsplit(|byte| *byte == b'\n').next();
        let last = last.unwrap_or_default();
        let stranger = || Failed::ForGood(CallError::Stranger(self.url.to_string(), status));
        match callout::object::<Line>(last) {
            Some(line) if line.kind == "end" => callout::object(last).ok_or_else(stranger),
            Some(line) if line.kind == "error" => Err(self.cut_off(&line.code.unwrap_or_default())),
            Some(line) if line.kind == "progress" => Err(self.no_answer(&FetchError::CUT_OFF)),
            _ => Err(stranger()),
        }
    }
}
