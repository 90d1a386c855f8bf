//! What is withheld, over several nodes, another configuration, and `chatzz verify`.

use std::time::Duration;

use chatzz::verify::{Options, run};
use serde_json::json;

use super::nodes::node_with;
use super::withheld::{SECRET, WITHHOLD, assert_unheard};
use crate::support::database::TestDatabase;
use crate::support::server::Server;
use crate::support::user::{Person, each};
use crate::verify::store;

async fn node(database: &TestDatabase, id: &str) -> Server {
    node_with(database, id, &[WITHHOLD]).await
}

/// Waits until the block is known at the sender's node: there the receiver goes offline.
async fn until_hidden(alice: &Person) {
    while alice.client.wait_for("chat-user-status-changed").await["status"] != "offline" {}
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
    until_hidden(&alice).await;
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
        assert_eq!(bob.client.wait_for("new-message").await, own);
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
