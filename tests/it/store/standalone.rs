//! A standalone mongod is as good as a replica set.

use serde_json::json;

use crate::support::mongod;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_standalone_mongod_is_prepared_and_a_restart_loses_nothing() {
    let mongod = mongod::start("standalone", |mut options| {
        options.replica_set = false;
        options
    })
    .await;
    let mut server = Server::on(&mongod.uri(), &[]).await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send_with(&bob.id, "hello", "one").await.unwrap();
    assert_eq!(bob.client.expect_envelope("new-message").await, sent);
    let again = alice.send_with(&bob.id, "hello", "one").await.unwrap();
    assert_eq!(again["duplicate"], true);
    bob.read_up_to(&alice.id, 1).await.unwrap();

    server.restart().await;

    let alice = server.login(&alice.id).await;
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    assert_eq!(page["messages"][0]["_id"], sent["_id"]);
    assert_eq!(page["messages"][0]["status"], "read");
    server.stop().await;
    mongod.stop().await.unwrap();
}
