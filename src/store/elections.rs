//! Reads after an election see everything that was acknowledged before it.
//!
//! A new primary has every message that a majority had, but for a moment it may not know
//! that a majority has it: until its own first write is confirmed, a majority read shows
//! an older state. So every read waits for such a write after each election, and reads in
//! progress at the time are repeated.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bson::{Document, doc};
use mongodb::Database;
use mongodb::event::sdam::SdamEvent;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::error::Error;

/// Pause between two attempts to write.
const PAUSE: Duration = Duration::from_millis(10);
/// Milliseconds that a majority may take in one attempt.
const TRY_WITHIN: i32 = 1_000;
/// How long an answer may take; after that the write is tried on another connection.
const ANSWER_WITHIN: Duration = Duration::from_millis(1_500);
/// The document that is written.
pub(super) const PROBE: &str = "probe";

/// Counts elections, and those that reads may already rely on.
#[derive(Debug, Default)]
pub(super) struct Elections {
    seen: AtomicU64,
    passed: AtomicU64,
    /// Whether there ever was a primary: the first one is not an election.
    begun: AtomicBool,
    /// The collection for the write; none until the store is open.
    probe: Mutex<Option<(Database, String)>>,
    /// One write at a time; the others wait for it.
    writing: tokio::sync::Mutex<()>,
}

/// Which election was the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Election(u64);

impl Elections {
    /// Sets the collection that is written to after an election.
    pub(super) fn write_to(&self, database: Database, collection: String) {
        *self.probe.lock() = Some((database, collection));
    }

    /// Drops the collection: it holds the connections that hold this.
    pub(super) fn close(&self) {
        *self.probe.lock() = None;
    }

    /// Watches the driver find and lose primaries.
    pub(super) fn look(&self, event: &SdamEvent) {
        let SdamEvent::TopologyDescriptionChanged(changed) = event else {
            return;
        };
        let (before, now) = (&changed.previous_description, &changed.new_description);
        let (had, has) = (before.has_writable_server(), now.has_writable_server());
        if had == has && before.max_election_id() == now.max_election_id() {
            return;
        }
        if self.begun.swap(true, Ordering::SeqCst) {
            self.seen.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The last election.
    pub(super) fn last(&self) -> Election {
        Election(self.seen.load(Ordering::SeqCst))
    }

    /// Waits until a read shows everything acknowledged before the last election; `None`
    /// if it does not within `limit`.
    pub(super) async fn settled(&self, limit: Duration) -> Option<Election> {
        let last = self.last();
        if self.has_passed(last) {
            return Some(last);
        }
        let deadline = Instant::now() + limit;
        let turn = tokio::time::timeout_at(deadline, self.writing.lock()).await;
        let _turn = turn.ok()?;
        loop {
            let last = self.last();
            if self.has_passed(last) {
                return Some(last);
            }
            if Instant::now() >= deadline {
                return None;
            }
            let probe = self.probe.lock().clone();
            let Some((database, collection)) = probe else {
                return Some(last);
            };
            // in a task of its own: driver futures are never dropped half-way
            let written =
                tokio::spawn(async move { database.run_command(write(&collection)).await });
            let Ok(Ok(written)) = tokio::time::timeout(ANSWER_WITHIN, written).await else {
                continue;
            };
            match written {
                Ok(reply) if !reply.contains_key("writeConcernError") => {
                    self.passed.fetch_max(last.0, Ordering::SeqCst);
                }
                Ok(_) => {}
                Err(error) => {
                    let error = Error::from(error);
                    if !error.is_transient() {
                        // such as a role that may only read: then reads are no weaker than before
                        tracing::warn!(%error, "nothing can be written after an election");
                        self.passed.fetch_max(last.0, Ordering::SeqCst);
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn has_passed(&self, election: Election) -> bool {
        self.passed.load(Ordering::SeqCst) >= election.0
    }
}

fn write(collection: &str) -> Document {
    doc! {
        "update": collection,
        "updates": [{
            "q": { "_id": PROBE },
            "u": [{ "$set": { "at": "$$NOW" } }],
            "upsert": true,
        }],
        "writeConcern": { "w": "majority", "wtimeout": TRY_WITHIN },
    }
}
