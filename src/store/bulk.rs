//! Many different updates in one round trip: the plain `update` command with several
//! statements, which every version of the server supports.

use std::time::Duration;

use bson::{Bson, Document, doc};
use mongodb::Database;

use super::Runner;
use super::error::{AMBIGUOUS_CODES, DUPLICATE_KEY, Error};

/// Milliseconds that a majority may take; after that the same is written again.
const CONFIRMED_WITHIN: i32 = 4_000;
/// Statements sent in one `update` command.
const STATEMENTS_PER_COMMAND: usize = 500;

/// Writes updates in bulk, on a majority and journaled: a write that only a primary has
/// would be lost with it.
#[derive(Clone, Debug)]
pub(super) struct BulkWriter {
    database: Database,
    runner: Runner,
}

impl BulkWriter {
    pub(super) fn new(database: Database, runner: Runner) -> Self {
        Self { database, runner }
    }

    /// Executes statements `{q, u}`; returns how many documents they changed.
    ///
    /// A statement that the database refuses is logged and counted: a repeat would be
    /// refused again. Each command waits at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be reached, did not answer or did not confirm: some
    /// statements may have been executed.
    pub(super) async fn update(
        &self,
        name: &'static str,
        collection: &str,
        statements: Vec<Document>,
        limit: Duration,
    ) -> Result<Written, Error> {
        self.execute(name, collection, statements, limit, false)
            .await
    }

    /// As [`BulkWriter::update`], one statement after the other, until one is refused.
    ///
    /// # Errors
    /// Those of [`BulkWriter::update`].
    pub(super) async fn update_in_order(
        &self,
        name: &'static str,
        collection: &str,
        statements: Vec<Document>,
        limit: Duration,
    ) -> Result<Written, Error> {
        self.execute(name, collection, statements, limit, true)
            .await
    }

    async fn execute(
        &self,
        name: &'static str,
        collection: &str,
        statements: Vec<Document>,
        limit: Duration,
        is_ordered: bool,
    ) -> Result<Written, Error> {
        let mut written = Written::default();
        for (index, some) in statements.chunks(STATEMENTS_PER_COMMAND).enumerate() {
            let command = doc! {
                "update": collection,
                "updates": some,
                "ordered": is_ordered,
                "writeConcern": { "w": "majority", "j": true, "wtimeout": CONFIRMED_WITHIN },
            };
            let database = self.database.clone();
            let outcome = self
                .runner
                .run_within(limit, name, async move {
                    let reply = database.run_command(command).await?;
                    Ok(outcome(name, &reply))
                })
                .await;
            let outcome = match outcome {
                // those of the commands before have been executed
                Err(_) if index > 0 => return Err(Error::Unconfirmed),
                outcome => outcome?.ok_or(Error::Unconfirmed)?,
            };
            written.changed += outcome.changed;
            written.refused += outcome.refused;
            if is_ordered && outcome.refused > 0 {
                break;
            }
        }
        Ok(written)
    }
}

/// The result of executed statements.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    /// Documents that were changed.
    pub(super) changed: usize,
    /// Statements that the database refused.
    pub(super) refused: usize,
}

/// How many documents were changed; `None` when a majority has not confirmed it, or a
/// statement met an election. A command's answer is "ok" even then.
fn outcome(name: &'static str, reply: &Document) -> Option<Written> {
    let errors = reply.get_array("writeErrors").into_iter().flatten();
    let errors = errors.filter_map(Bson::as_document);
    let codes: Vec<i32> = errors
        .filter_map(|error| error.get_i32("code").ok())
        .collect();
    if codes.iter().any(|code| AMBIGUOUS_CODES.contains(code))
        || reply.contains_key("writeConcernError")
    {
        return None;
    }
    if codes.iter().any(|code| *code != DUPLICATE_KEY) {
        tracing::error!(operation = name, ?codes, "statements were refused");
    }
    let changed = reply.get_i32("nModified").unwrap_or_default();
    Some(Written {
        changed: usize::try_from(changed).unwrap_or_default(),
        refused: codes.len(),
    })
}
