//! The bugs on purpose: each is really there under the condition that shows it,
//! and without it the same condition shows nothing.
//!
//! They run on `chatzz-seeded`, which the first of them builds. What of them the
//! fault harness finds is its own matter, see `tests/faults/profile/bugs.rs`.

mod delivery;
mod network;
mod outage;
mod presence;
mod program;
mod receipts;
mod storing;

use chatzz::bugs::Bug;
use serde_json::Value;

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::seeded;
use crate::support::user::Person;

/// Two people who have a chat room, on a server that may have a bug.
struct Scene {
    database: TestDatabase,
    server: Binary,
    alice: Person,
    bob: Person,
}

impl Scene {
    async fn set(bug: Option<Bug>) -> Self {
        Self::on(TestDatabase::shared().await, bug, &[]).await
    }

    async fn on(database: TestDatabase, bug: Option<Bug>, more: &[(&str, &str)]) -> Self {
        let mut keys = database.keys().to_vec();
        keys.extend(more);
        let server = seeded::serve(bug, &keys).await;
        let (alice, bob) = (database.user("alice").await, database.user("bob").await);
        let (alice, _) = server.login(&alice).await;
        let (bob, _) = server.login(&bob).await;
        alice.add(&bob.id).await.unwrap();
        bob.client.expect_envelope("chat-user-added").await;
        Self {
            database,
            server,
            alice,
            bob,
        }
    }

    /// A user who has a chat room with Alice and was never here.
    async fn absent(&self, name: &str) -> Value {
        let id = self.database.user(name).await;
        self.alice.add(&id).await.unwrap();
        id
    }

    async fn send(&self, text: &str) -> Value {
        self.alice.send(&self.bob.id, text).await.unwrap()
    }

    /// The status of a message in the database.
    async fn status(&self, text: &str) -> String {
        let stored = self.database.messages().await;
        let found = stored
            .iter()
            .find(|m| m.get_str("message").unwrap() == text);
        found.unwrap().get_str("status").unwrap().to_owned()
    }

    /// How many messages with this text are in the database.
    async fn count(&self, text: &str) -> usize {
        let stored = self.database.messages().await;
        let same = stored
            .iter()
            .filter(|m| m.get_str("message").unwrap() == text);
        same.count()
    }
}

/// Checks that something looks wrong with the bug, and does not without it.
async fn shows(bug: Bug, looks_wrong: impl AsyncFn(Option<Bug>) -> bool) {
    assert!(
        !looks_wrong(None).await,
        "{bug}: it looks wrong without the bug"
    );
    assert!(
        looks_wrong(Some(bug)).await,
        "{bug}: nothing wrong was seen with the bug"
    );
}
