//! The deliberate bugs: each is really there under the condition that shows it,
//! and without it the same condition shows nothing.
//!
//! They run on `chatzz-seeded`, which the first of these tests builds. Which of them the
//! fault harness finds is tested separately, see `tests/faults/profile/bugs.rs`.

mod application;
mod delivery;
mod network;
mod outage;
mod presence;
mod program;
mod receipts;
mod servers;
mod storing;

use bson::Document;
use bson::oid::ObjectId;
use serde_json::Value;

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::seeded::{self, Bug};
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

    async fn send(&self, text: &str) -> Value {
        self.alice.send(&self.bob.id, text).await.unwrap()
    }

    /// How far Bob got in the chat room with Alice, as it is stored.
    async fn cursors(&self) -> Option<Document> {
        let id = ObjectId::parse_str(self.bob.id.as_str().unwrap()).unwrap();
        let users = self.database.dump("chatusers").await;
        let is_bob = |user: &&Document| user.get_object_id("user").is_ok_and(|user| user == id);
        let bob = users.iter().find(is_bob).unwrap();
        let bob = bob.get_object_id("_id").unwrap().to_hex();
        let rooms = self.database.dump("chatrooms").await;
        let cursors = rooms[0].get_document("cursors").ok()?;
        cursors.get_document(&bob).ok().cloned()
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
