//! What a front end of dialect 1 has read is not missed again, and nothing else is confirmed.

use serde_json::{Value, json};

use super::arrive_in;
use crate::support::server::Server;
use crate::support::user::{Person, each};

async fn send_all(from: &Person, to: &Value, texts: &[&str]) {
    for text in texts {
        from.send(to, text).await.unwrap();
    }
}

/// What the login contains of the one chat room.
fn missed(details: &Value) -> &Value {
    let rooms = details["missedMessages"].as_object().unwrap();
    rooms.values().next().unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_the_newest_of_what_was_missed_is_handed_none_of_it_again() {
    let server = super::server().await;
    let (alice, bob) = server.pair_with_absent().await;
    send_all(&alice, &bob, &["one", "two", "three"]).await;
    let (bob, details) = server.arrive(&bob).await;
    let newest = missed(&details)[2]["_id"].clone();

    bob.read_message(&newest).await.unwrap();

    server.wait_for_cursor(&bob.id, 3).await;
    bob.client.drop_connection().await;
    let (_bob, details) = server.arrive(&bob.id).await;
    assert_eq!(details["missedMessages"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_the_newest_of_what_came_live_is_handed_none_of_it_again() {
    let server = super::server().await;
    let (alice, bob) = server.pair().await;
    send_all(&alice, &bob.id, &["one", "two"]).await;
    bob.client.wait_for("new-message").await;
    let newest = bob.client.wait_for("new-message").await;
    assert_eq!(newest["message"], "two");

    bob.read_message(&newest["_id"]).await.unwrap();

    server.wait_for_cursor(&bob.id, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_login_left_out_is_not_confirmed_by_reading_the_newest() {
    let keys = [("CHATZZ_DIALECT", "1"), ("CHATZZ_MISSED_PER_CONTACT", "2")];
    let server = Server::with(&keys).await;
    let (alice, bob) = server.pair_with_absent().await;
    send_all(&alice, &bob, &["one", "two", "three", "four"]).await;
    let (bob, details) = server.arrive(&bob).await;
    let handed = missed(&details);
    assert_eq!(each(handed, "message"), ["three", "four"]);

    bob.read_message(&handed[1]["_id"]).await.unwrap();

    // what is confirmed beyond the gap counts once the gap is closed
    assert_eq!(server.delivered_cursor(&bob.id).await, 0);
    let (modern, details) = arrive_in(&server, "3", &bob.id).await;
    assert_eq!(details["connectedUsers"][0]["missedCount"], 4);
    let page = json!({ "userId": alice.id, "limit": 2 });
    modern.history(page).await.unwrap();
    modern.delivered_up_to(&alice.id, 2).await.unwrap();
    server.wait_for_cursor(&bob.id, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_another_socket_was_sent_confirms_itself_alone() {
    let server = super::server().await;
    let (alice, bob) = server.pair().await;
    send_all(&alice, &bob.id, &["one", "two"]).await;
    bob.client.wait_for("new-message").await;
    let newest = bob.client.wait_for("new-message").await;
    let (modern, details) = arrive_in(&server, "3", &bob.id).await;
    assert_eq!(details["missedMessages"].as_object().unwrap().len(), 1);

    modern.read_message(&newest["_id"]).await.unwrap();

    assert_eq!(server.delivered_cursor(&bob.id).await, 0);
    let (_bob, details) = arrive_in(&server, "3", &bob.id).await;
    let missed = &details["missedMessages"][alice.id.as_str().unwrap()];
    assert_eq!(each(missed, "message"), ["one", "two"]);
}
