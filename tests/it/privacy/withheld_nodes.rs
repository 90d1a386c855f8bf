//! What is withheld, over several nodes, another configuration, and `chatzz verify`.

use std::time::Duration;

use bson::oid::ObjectId;
use chatzz::verify::{Options, run};
use serde_json::json;

use super::nodes::{CONVERGED, node_with};
use super::withheld::{SECRET, WITHHOLD, assert_unheard};
use crate::support::database::TestDatabase;
use crate::support::poll;
use crate::support::server::Server;
use crate::support::user::{Person, each};
use crate::verify::store;

async fn node(database: &TestDatabase, id: &str) -> Server {
    node_with(database, id, &[WITHHOLD]).await
}

/// Sends until the block is known at the sender's node. What is withheld and what is not look
/// alike to the sender: the stored one says it.
async fn until_withheld(database: &TestDatabase, alice: &Person, bob: &Person) {
    poll::until("the block is known", CONVERGED, async || {
        alice.send(&bob.id, "still?").await.unwrap();
        let to = database.messages().await.pop()?.get_object_id("to").ok()?;
        // it is addressed to nobody
        (to == ObjectId::from_bytes([0; 12])).then_some(())
    })
    .await;
}

/// Catching up with what another node stored, the receiver's node announces it only to
/// the sender's sockets, whether it has known the chat room before or not.
#[tokio::test(flavor = "multi_thread")]
async fn another_node_tells_the_senders_sockets_and_never_the_receivers() {
    let database = TestDatabase::shared().await;
    let (one, two) = (node(&database, "one").await, node(&database, "two").await);
    let alice = one.person("alice").await;
    let bob = two.person("bob").await;
    alice.add(&bob.id).await.unwrap();
    bob.block(&alice.id).await.unwrap();
    until_withheld(&database, &alice, &bob).await;
    for round in 0..2 {
        let sent = alice.send(&bob.id, SECRET).await.unwrap();
        let (second, _) = two.arrive(&alice.id).await;
        let more = alice.send(&bob.id, SECRET).await.unwrap();
        bob.client.drain();

        let own = bob.send(&alice.id, &format!("from bob {round}")).await;

        let own = own.unwrap();
        assert_eq!(own["seq"], more["seq"].as_i64().unwrap() + 1);
        loop {
            let announced = second.client.wait_for("new-message").await;
            if announced["seq"] == more["seq"] {
                assert_eq!(announced, more, "as at the sender's own node");
                break;
            }
        }
        assert_eq!(second.client.wait_for("new-message").await, own);
        // late, what was sent before the block was known at alice's node; then bob's own
        let mut heard = bob.client.wait_for("new-message").await;
        while heard["message"] == "still?" {
            heard = bob.client.wait_for("new-message").await;
        }
        assert_eq!(heard, own);
        assert_unheard(&bob, &[&sent, &more]);
    }
    let page = bob.history(json!({ "userId": alice.id })).await.unwrap();
    assert!(!each(&page["messages"], "message").contains(&&json!(SECRET)));
    assert_unheard(&bob, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stays_hidden_when_sends_are_refused_again_and_verify_finds_nothing() {
    let database = TestDatabase::shared().await;
    let (uri, name) = (database.uri(), database.name());
    let mut server = Server::on_database(uri, name, &[WITHHOLD]).await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "before").await.unwrap();
    bob.block(&alice.id).await.unwrap();
    for _ in 0..3 {
        alice.send(&bob.id, SECRET).await.unwrap();
    }
    bob.send(&alice.id, "I may").await.unwrap();
    alice.send(&bob.id, SECRET).await.unwrap();
    let ids = [alice.id.clone(), bob.id.clone()];
    drop((alice, bob));
    server.stop().await;
    let store = store(&database).await;
    let before = database.fingerprint().await;
    for repair in [false, true] {
        let options = Options {
            repair,
            pause: Duration::from_millis(5),
            ..Options::default()
        };
        let report = run(&store, &options).await.unwrap();
        assert_eq!(report.findings, [], "{report}");
        assert_eq!(report.checked.messages, 6);
    }
    assert_eq!(database.fingerprint().await, before);

    let server = Server::on_database(uri, name, &[]).await;

    let (bob, details) = server.arrive(&ids[1]).await;
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["lastMessage"]["message"], "I may");
    assert_eq!(contact["unreadCount"], 1);
    let page = bob.history(json!({ "userId": ids[0] })).await.unwrap();
    assert_eq!(each(&page["messages"], "message"), ["before", "I may"]);
    let (alice, details) = server.arrive(&ids[0]).await;
    assert_eq!(details["connectedUsers"][0]["lastMessage"]["seq"], 6);
    let page = alice.history(json!({ "userId": ids[1] })).await.unwrap();
    assert_eq!(each(&page["messages"], "seq").len(), 6);
    assert_unheard(&bob, &[]);
}
