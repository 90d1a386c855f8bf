//! `message-read`: one message, or everything of a sender up to a number.

use serde_json::{Value, json};

use super::{assert_names_field, assert_wants_a_contact, no_ids};
use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::user::{Person, code, each};

/// Two people; the first has sent some messages, all envelopes taken off.
async fn pair_with_messages(server: &Server, count: u64) -> (Person, Person, Vec<Value>) {
    let (alice, bob) = server.pair().await;
    let mut messages = Vec::new();
    for number in 1..=count {
        let text = format!("text {number}");
        messages.push(alice.send(&bob.id, &text).await.unwrap());
        bob.client.expect_envelope("new-message").await;
    }
    alice.client.drain();
    (alice, bob, messages)
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_one_message_is_announced_to_its_sender_and_the_readers_other_sockets() {
    let server = Server::start().await;
    let (alice, bob, messages) = pair_with_messages(&server, 2).await;
    let alice_at_home = server.another_of(&alice).await;
    let bob_at_home = server.another_of(&bob).await;

    let read = bob.read_message(&messages[1]["_id"]).await.unwrap();

    let mut expected = messages[1].clone();
    expected["status"] = json!("read");
    expected["readAt"] = read["readAt"].clone();
    assert_eq!(read, expected);
    assert!(read["readAt"].as_str() >= read["sentAt"].as_str());
    // everything up to it is read
    expected["range"] = json!({ "from": 1, "to": 2 });
    for socket in [&alice, &alice_at_home, &bob_at_home] {
        let heard = socket
            .client
            .expect_envelope("message-status-changed")
            .await;
        assert_eq!(heard, expected);
    }
    for socket in [&alice, &alice_at_home, &bob, &bob_at_home] {
        socket.client.assert_silent_for_roundtrip().await;
    }
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    assert_eq!(each(&page["messages"], "status"), ["read", "read"]);
    assert_eq!(each(&page["messages"], "readAt"), [&read["readAt"]; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_writes_no_message() {
    let server = Server::start().await;
    let (alice, bob, messages) = pair_with_messages(&server, 3).await;
    let before = server.messages().await;
    bob.read_message(&messages[1]["_id"]).await.unwrap();
    bob.read_up_to(&alice.id, 3).await.unwrap();
    assert_eq!(server.messages().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_times_of_the_newest_sixteen_receipts_are_in_pages() {
    let server = Server::start().await;
    let (alice, bob, messages) = pair_with_messages(&server, 20).await;
    let mut times = Vec::new();
    for message in &messages {
        let read = bob.read_message(&message["_id"]).await.unwrap();
        times.push(read["readAt"].clone());
    }
    let page = eventually("what is written behind is there", async || {
        let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
        let page = page["messages"].as_array().unwrap().clone();
        // the time of the newest one stands in the cursor, too: until it is written behind,
        // and for whoever looked then, there are seventeen
        let has_time = |message: &Value| message["readAt"].is_string();
        (page.iter().skip(4).all(has_time) && !has_time(&page[0])).then_some(page)
    })
    .await;
    for (message, time) in page.iter().zip(&times).skip(4) {
        assert_eq!(message["readAt"], *time);
    }
    for message in &page {
        assert_eq!(message["status"], "read");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_up_to_a_number_is_announced_as_the_newest_with_the_range() {
    let server = Server::start().await;
    let (alice, bob, messages) = pair_with_messages(&server, 4).await;
    let bob_at_home = server.another_of(&bob).await;
    bob.read_message(&messages[0]["_id"]).await.unwrap();
    for socket in [&alice, &bob_at_home] {
        socket
            .client
            .expect_envelope("message-status-changed")
            .await;
    }

    let read = bob.read_up_to(&alice.id, 3).await.unwrap();

    assert_eq!(read, json!({ "read": 2 }));
    for socket in [&alice, &bob_at_home] {
        let announced = socket
            .client
            .expect_envelope("message-status-changed")
            .await;
        assert_eq!(announced["_id"], messages[2]["_id"]);
        assert_eq!(announced["status"], "read");
        assert_eq!(announced["range"], json!({ "from": 2, "to": 3 }));
    }
    bob.client.assert_silent_for_roundtrip().await;
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    let statuses = each(&page["messages"], "status");
    assert_eq!(statuses, ["read", "read", "read", "sent"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_messages_of_the_other_are_read() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "one").await.unwrap();
    bob.send(&alice.id, "two").await.unwrap();
    alice.send(&bob.id, "three").await.unwrap();
    assert_eq!(bob.read_up_to(&alice.id, 3).await.unwrap()["read"], 2);
    let page = bob.history(json!({ "userId": alice.id })).await.unwrap();
    assert_eq!(each(&page["messages"], "status"), ["read", "sent", "read"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_again_changes_and_tells_nothing() {
    let server = Server::start().await;
    let (alice, bob, messages) = pair_with_messages(&server, 2).await;
    bob.read_message(&messages[0]["_id"]).await.unwrap();
    let first = bob.read_message(&messages[1]["_id"]).await.unwrap();
    alice.client.expect_envelope("message-status-changed").await;
    let announced = alice.client.expect_envelope("message-status-changed").await;
    assert!(
        announced.get("range").is_none(),
        "one message needs no range"
    );

    let again = bob.read_message(&messages[1]["_id"]).await.unwrap();

    assert_eq!(again, first, "readAt is set once");
    assert_eq!(bob.read_up_to(&alice.id, 2).await.unwrap()["read"], 0);
    alice.client.assert_silent_for_roundtrip().await;
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_clamped_to_what_is_stored() {
    let server = Server::start().await;
    let (alice, bob, _) = pair_with_messages(&server, 2).await;
    let huge = u64::try_from(i64::MAX).unwrap();
    assert_eq!(bob.read_up_to(&alice.id, huge).await.unwrap()["read"], 2);
    let later = alice.send(&bob.id, "later").await.unwrap();
    assert_eq!(later["status"], "sent");
    let page = bob.history(json!({ "userId": alice.id })).await.unwrap();
    assert_eq!(each(&page["messages"], "status"), ["read", "read", "sent"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn for_anybody_but_the_receiver_there_is_no_such_message() {
    let server = Server::start().await;
    let (alice, bob, messages) = pair_with_messages(&server, 1).await;
    let carol = server.person("carol").await;
    let mut refusals = Vec::new();
    for somebody in [&alice, &carol] {
        refusals.push(somebody.read_message(&messages[0]["_id"]).await);
    }
    for id in ["65a0000000000000000000ff", "65a0", "", "nobody's"] {
        refusals.push(bob.read_message(&json!(id)).await);
    }
    let first = refusals[0].clone().unwrap_err();
    assert_eq!(first["code"], "message-not-found");
    for refusal in refusals {
        assert_eq!(refusal.unwrap_err(), first, "the answer tells nothing");
    }
    assert_eq!(code(carol.read_up_to(&bob.id, 1).await), "no-chat-room");
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    assert_eq!(each(&page["messages"], "status"), ["sent"]);
    assert_eq!(alice.read_up_to(&bob.id, 1).await.unwrap()["read"], 0);
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_handed_over_is_sent_and_read_at_once() {
    let server = Server::with(&[("CHATZZ_MISSED_PER_CONTACT", "1")]).await;
    let (alice, bob) = server.pair_with_absent().await;
    for text in ["one", "two", "three"] {
        alice.send(&bob, text).await.unwrap();
    }
    let (bob, _) = server.arrive(&bob).await;
    assert_eq!(bob.read_up_to(&alice.id, 2).await.unwrap()["read"], 2);
    let query = json!({ "userId": bob.id, "before": 3 });
    let page = alice.history(query).await.unwrap();
    for message in page["messages"].as_array().unwrap() {
        assert_eq!(message["status"], "read");
        assert!(message["readAt"].is_string());
        assert!(message.get("sentAt").is_none(), "not born sent");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_message_never_goes_back() {
    let server = Server::start().await;
    let (alice, bob, messages) = pair_with_messages(&server, 1).await;
    let read = bob.read_message(&messages[0]["_id"]).await.unwrap();
    alice.client.expect_envelope("message-status-changed").await;
    assert_eq!(
        bob.delivered_up_to(&alice.id, 1).await.unwrap()["delivered"],
        0
    );
    bob.history(json!({ "userId": alice.id })).await.unwrap();
    let (_again, _) = server.arrive(&bob.id).await;
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    assert_eq!(page["messages"][0], read);
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_lowers_the_unread_count_of_the_reader_alone() {
    let server = Server::start().await;
    let (alice, bob, messages) = pair_with_messages(&server, 3).await;
    bob.send(&alice.id, "back").await.unwrap();
    for (upto, unread) in [(1, 2), (3, 0)] {
        bob.read_message(&messages[upto - 1]["_id"]).await.unwrap();
        let (_bob, details) = server.arrive(&bob.id).await;
        assert_eq!(details["connectedUsers"][0]["unreadCount"], unread);
    }
    let (_alice, details) = server.arrive(&alice.id).await;
    assert_eq!(details["connectedUsers"][0]["unreadCount"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_must_be_a_contact() {
    assert_wants_a_contact("message-read", json!({ "upTo": 1 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_the_wrong_type_is_named() {
    let server = Server::start().await;
    let (alice, bob, messages) = pair_with_messages(&server, 1).await;
    for id in no_ids() {
        let payload = json!({ "messageId": id });
        assert_names_field(&bob, "message-read", "messageId", payload).await;
    }
    for up_to in [json!(0), json!(-1), json!(1.5), json!("1"), json!(u64::MAX)] {
        let payload = json!({ "userId": alice.id, "upTo": up_to });
        assert_names_field(&bob, "message-read", "upTo", payload).await;
    }
    for unclear in [
        json!({}),
        json!({ "userId": alice.id }),
        json!({ "upTo": 1 }),
        json!({ "messageId": messages[0]["_id"], "userId": alice.id, "upTo": 1 }),
    ] {
        assert_names_field(&bob, "message-read", "messageId", unclear).await;
    }
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    assert_eq!(each(&page["messages"], "status"), ["sent"]);
}
