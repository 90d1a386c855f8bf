//! A whole conversation, as two people see it.

use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn two_people_talk_and_see_the_same() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;

    let sent = alice.send(&bob.id, "hello").await.unwrap();
    assert_eq!(sent["seq"], 1);
    assert_eq!(sent["status"], "sent");
    assert_eq!(alice.client.expect_envelope("new-message").await, sent);
    assert_eq!(bob.client.expect_envelope("new-message").await, sent);

    let read = bob.read_up_to(&alice.id, 1).await.unwrap();
    assert_eq!(read["read"], 1);
    let status = alice.client.expect_envelope("message-status-changed").await;
    assert_eq!(status["status"], "read");
    assert_eq!(status["_id"], sent["_id"]);
}
