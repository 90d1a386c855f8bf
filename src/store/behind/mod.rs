//! Updates written behind: many in one round trip, never awaited by an answer.

mod queue;
mod repeats;

use std::collections::HashMap;
use std::time::Duration;

use bson::{Bson, DateTime, Document, doc};
use mongodb::Database;

use super::error::{AMBIGUOUS_CODES, Error};
use super::{Runner, chat_rooms, chat_users};
use crate::id::{ChatRoomId, ChatUserId, Seq};

pub use queue::WriteBehind;

/// Milliseconds that a majority may take; then the same is written again.
const CONFIRMED_WITHIN: i32 = 4_000;
/// How long one command is waited for: its answer may be lost on a connection that
/// lives on, and all that other nodes are to know would wait with it. A later one
/// may overtake it then: heads and cursors only grow, and presence is written once
/// more (see [`repeats`]).
const LONGEST: Duration = Duration::from_millis(1_500);
/// Statements sent in one `update` command.
const STATEMENTS_PER_COMMAND: usize = 500;

/// What became known about a chat room since the last write.
#[derive(Clone, Debug, Default)]
pub struct RoomProgress {
    /// Number and time of the last message.
    pub head: Option<(Seq, DateTime)>,
    /// Delivered cursors that moved.
    pub cursors: HashMap<ChatUserId, Seq>,
}

/// What became known about a person since the last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresenceChange {
    /// The person has a socket on this node, and had last left then.
    Online(Option<DateTime>),
    /// The person's last socket on this node went, then.
    Offline(DateTime),
}

/// Writes progress and presence on a majority: what only a primary knew would
/// be lost with it, and nothing would ever write it again.
#[derive(Clone, Debug)]
pub struct Behind {
    database: Database,
    rooms: String,
    users: String,
    runner: Runner,
}

impl Behind {
    pub(super) fn new(database: Database, rooms: String, users: String, runner: Runner) -> Self {
        Self {
            database,
            rooms,
            users,
            runner,
        }
    }

    /// Moves heads and cursors forward; never backwards, whatever is stored.
    ///
    /// # Errors
    /// When the database cannot be asked or did not answer; writing the same
    /// again is harmless.
    pub async fn rooms(&self, moved: &HashMap<ChatRoomId, RoomProgress>) -> Result<(), Error> {
        let statements = moved.iter().map(|(room, progress)| {
            let update = chat_rooms::moved(progress.head, &progress.cursors);
            statement(Bson::from(*room), update.into())
        });
        let statements = statements.collect();
        self.write("behind.rooms", &self.rooms, statements).await
    }

    /// Writes who came and went on the node `boot`; what is read next shows it.
    ///
    /// # Errors
    /// When the database cannot be asked or did not answer; writing the same
    /// again is harmless.
    pub async fn presence(
        &self,
        boot: &str,
        changes: &HashMap<ChatUserId, PresenceChange>,
    ) -> Result<(), Error> {
        let statements = changes.iter().map(|(user, change)| {
            let update = match change {
                PresenceChange::Online(left) => chat_users::online(boot, *left),
                PresenceChange::Offline(at) => chat_users::offline(boot, *at),
            };
            statement(Bson::from(*user), update)
        });
        let statements = statements.collect();
        self.write("behind.presence", &self.users, statements).await
    }

    async fn write(
        &self,
        name: &'static str,
        collection: &str,
        statements: Vec<Document>,
    ) -> Result<(), Error> {
        for some in statements.chunks(STATEMENTS_PER_COMMAND) {
            let command = doc! {
                "update": collection,
                "updates": some,
                "ordered": false,
                "writeConcern": { "w": "majority", "wtimeout": CONFIRMED_WITHIN },
            };
            let database = self.database.clone();
            let unconfirmed = self
                .runner
                .run_within(LONGEST, name, async move {
                    let reply = database.run_command(command).await?;
                    // a command's answer is "ok" even when statements were refused
                    let codes = codes(&reply);
                    let again = codes.iter().any(|code| AMBIGUOUS_CODES.contains(code));
                    if !again && !codes.is_empty() {
                        // the same again would be refused again: it is given up
                        tracing::error!(?codes, "statements written behind were refused");
                    }
                    Ok(again || reply.contains_key("writeConcernError"))
                })
                .await?;
            if unconfirmed {
                return Err(Error::Unconfirmed);
            }
        }
        Ok(())
    }
}

/// The codes of the statements that were refused.
fn codes(reply: &Document) -> Vec<i32> {
    let errors = reply.get_array("writeErrors").into_iter().flatten();
    let documents = errors.filter_map(Bson::as_document);
    documents
        .filter_map(|error| error.get_i32("code").ok())
        .collect()
}

fn statement(id: Bson, update: Bson) -> Document {
    doc! { "q": { "_id": id }, "u": update }
}
