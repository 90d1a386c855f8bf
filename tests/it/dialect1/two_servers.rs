//! Front ends of 1.x at two servers of one database.

use serde_json::{Value, json};

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::user::{Person, each};

struct Pair {
    database: TestDatabase,
    one: Binary,
    two: Binary,
}

impl Pair {
    async fn start() -> Self {
        let database = TestDatabase::shared().await;
        let server = async |id: &str| {
            let mut keys = database.keys().to_vec();
            keys.extend([
                ("CHATZZ_NODE_ID", id),
                ("CHATZZ_LEASE", "3s"),
                ("CHATZZ_DIALECT", "1"),
            ]);
            Binary::serve(&keys).await
        };
        let (one, two) = (server("one").await, server("two").await);
        Self { database, one, two }
    }
}

/// What is said of a message until it has this status.
async fn becomes(person: &Person, text: &str, status: &str) -> Vec<Value> {
    let mut heard = Vec::new();
    loop {
        let change = person.client.wait_for("message-status-changed").await;
        let message = &change["message"];
        if message["message"] == text {
            heard.push(message["status"].clone());
            if message["status"] == status {
                return heard;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn they_see_at_the_other_server_what_they_would_see_at_one() {
    let servers = Pair::start().await;
    let (alice, bob) = (
        servers.database.user("alice").await,
        servers.database.user("bob").await,
    );
    let (alice, _) = servers.one.login(&alice).await;
    let (bob, _) = servers.two.login(&bob).await;
    alice.add(&bob.id).await.unwrap();
    let added = bob.client.wait_for("chat-user-added").await;
    assert_eq!(added["_id"], alice.id);
    assert!(added.get("chatRoomId").is_none());

    let payload = json!({ "userId": bob.id, "message": "hello" });
    alice.client.emit("send-message", payload).unwrap();
    for person in [&alice, &bob] {
        let message = person.client.wait_for("new-message").await;
        assert_eq!(message["status"], "not_sent");
        assert_eq!(message["from"]["user"]["_id"], alice.id);
        assert_eq!(becomes(person, "hello", "sent").await, ["sent"]);
    }

    let history = bob.history(json!({ "userId": alice.id })).await.unwrap();
    let id = each(&history["messages"], "_id")[0].clone();
    let read = json!({ "messageId": id });
    bob.client.emit("message-read", read).unwrap();
    for person in [&alice, &bob] {
        assert_eq!(becomes(person, "hello", "read").await, ["read"]);
    }

    alice.client.drain();
    bob.client.close().await;
    let gone = alice.client.wait_for("chat-user-status-changed").await;
    assert_eq!(
        (&gone["user"]["_id"], &gone["status"]),
        (&bob.id, &json!("offline"))
    );
    alice.send(&bob.id, "missed").await.unwrap();
    let (_bob, details) = servers.two.login(&bob.id).await;
    let room = details["connectedUsers"][0]["chatRoom"].as_str().unwrap();
    let missed = &details["missedMessages"][room];
    assert_eq!(each(missed, "message"), ["missed"]);
    assert_eq!(becomes(&alice, "missed", "sent").await, ["sent"]);
}
