//! What dialect 1 says of messages: `not_sent`, `sent`, `read`, one by one.

use serde_json::{Value, json};

use super::arrive_in;
use crate::support::server::Server;
use crate::support::user::{Person, each};

/// The next status change: the message's text and its status.
async fn next_change(person: &Person) -> (String, String) {
    let change = person
        .client
        .expect_envelope("message-status-changed")
        .await;
    assert_eq!(change.as_object().unwrap().len(), 1, "{change}");
    let text = |name: &str| change["message"][name].as_str().unwrap().to_owned();
    (text("message"), text("status"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_somebody_online_is_not_sent_and_then_sent_to_both() {
    let server = super::server().await;
    let (alice, bob) = server.pair().await;
    let acked = alice.send(&bob.id, "hello").await.unwrap();
    assert_eq!(acked["status"], "sent", "the ack says how it is");
    for person in [&alice, &bob] {
        let message = person.client.expect_envelope("new-message").await;
        assert_eq!(message["status"], "not_sent");
        assert_eq!(message["from"]["user"]["_id"], alice.id);
        assert_eq!(message["to"]["user"]["_id"], bob.id);
        assert_eq!(
            next_change(person).await,
            ("hello".to_owned(), "sent".to_owned())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_becomes_sent_message_by_message() {
    let server = super::server().await;
    let (alice, bob) = server.pair_with_absent().await;
    for text in ["one", "two", "three"] {
        alice.send(&bob, text).await.unwrap();
    }
    alice.client.drain();

    let (bob, details) = server.arrive(&bob).await;

    let room = details["connectedUsers"][0]["chatRoom"].as_str().unwrap();
    assert_eq!(details["connectedUsers"][0]["chatRoomId"], room);
    let missed = &details["missedMessages"][room];
    assert_eq!(each(missed, "message"), ["one", "two", "three"]);
    assert_eq!(each(missed, "status"), ["not_sent"; 3]);
    assert_eq!(missed[0]["chatRoom"]["_id"], room);
    for text in ["one", "two", "three"] {
        assert_eq!(
            next_change(&alice).await,
            (text.to_owned(), "sent".to_owned())
        );
    }
    alice
        .client
        .expect_envelope("chat-user-status-changed")
        .await;
    // and so it is with what they read; the one that reads hears it as well
    let last = missed[2]["_id"].clone();
    bob.read_message(&last).await.unwrap();
    for person in [&alice, &bob] {
        for text in ["one", "two", "three"] {
            assert_eq!(
                next_change(person).await,
                (text.to_owned(), "read".to_owned())
            );
        }
        person.client.assert_silent_for_roundtrip().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_very_many_messages_the_newest_500_are_announced() {
    let server = super::server().await;
    let (alice, bob) = server.pair().await;
    let (modern, _) = arrive_in(&server, "3", &alice.id).await;
    server.store_unannounced(&alice.id, &bob.id, 700).await;
    bob.read_up_to(&alice.id, 700).await.unwrap();
    let whole = modern.client.wait_for("message-status-changed").await;
    assert_eq!(whole["range"], json!({ "from": 1, "to": 700 }));
    let mut texts = Vec::new();
    while texts.last().is_none_or(|last| last != "text 700") {
        let change = alice.client.wait_for("message-status-changed").await;
        let message = &change["message"];
        if message["status"] == "read" {
            texts.push(message["message"].as_str().unwrap().to_owned());
        }
    }
    let expected: Vec<String> = (201..=700).map(|seq| format!("text {seq}")).collect();
    assert_eq!(texts, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_comes_in_pages_until_all_is_out() {
    let keys = [
        ("CHATZZ_DIALECT", "1"),
        ("CHATZZ_HISTORY_MAX", "100"),
        ("CHATZZ_HISTORY_DEFAULT", "10"),
    ];
    let server = Server::with(&keys).await;
    let (alice, bob) = server.pair_with_absent().await;
    server.store_unannounced(&alice.id, &bob, 250).await;
    for _ in 0..2 {
        alice
            .client
            .emit(
                "get-old-messages",
                json!({ "userId": bob, "date": "2199-01-01" }),
            )
            .unwrap();
    }
    let mut pages: Vec<Vec<String>> = Vec::new();
    while pages.iter().map(Vec::len).sum::<usize>() < 500 {
        let page = alice.client.wait_for("old-messages").await;
        let texts = each(&page, "message").into_iter();
        pages.push(
            texts
                .map(|text: &Value| text.as_str().unwrap().to_owned())
                .collect(),
        );
    }
    let mut texts: Vec<String> = pages.iter().flatten().cloned().collect();
    texts.sort();
    let mut expected: Vec<String> = (1..=250).map(|seq| format!("text {seq}")).collect();
    expected.extend(expected.clone());
    expected.sort();
    assert_eq!(texts, expected, "each of the two is whole");
    assert_eq!(
        pages[0],
        (1..=100)
            .map(|seq| format!("text {seq}"))
            .collect::<Vec<_>>()
    );
    assert!(pages.iter().all(|page| page.len() <= 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_go_on_while_a_long_history_is_sent() {
    let keys = [
        ("CHATZZ_DIALECT", "1"),
        ("CHATZZ_HISTORY_MAX", "10"),
        ("CHATZZ_HISTORY_DEFAULT", "10"),
    ];
    let server = Server::with(&keys).await;
    let (alice, bob) = server.pair_with_absent().await;
    server.store_unannounced(&alice.id, &bob, 2_000).await;
    alice
        .client
        .emit("get-old-messages", json!({ "userId": bob }))
        .unwrap();
    alice.send(&bob, "meanwhile").await.unwrap();
    let mut count = 0;
    let mut pages_after = 0;
    let mut is_sent = false;
    while count < 2_000 {
        let envelope = alice.client.next_envelope().await;
        match envelope.kind.as_str() {
            "old-messages" => {
                count += envelope.data.as_array().unwrap().len();
                pages_after += usize::from(is_sent);
            }
            "new-message" => is_sent = true,
            _ => {}
        }
    }
    assert!(
        pages_after > 100,
        "{pages_after} pages came after the message"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_who_is_blocked_finds_no_sign_of_it_in_the_ids() {
    let server = Server::with(&[
        ("CHATZZ_DIALECT", "1"),
        ("CHATZZ_BLOCKED_SENDS", "withhold"),
    ])
    .await;
    let (alice, bob) = server.pair().await;
    let before = alice.send(&bob.id, "before").await.unwrap();
    bob.block(&alice.id).await.unwrap();

    let after = alice.send(&bob.id, "after").await.unwrap();

    assert_eq!(after["to"], before["to"]);
    assert_eq!(after["status"], before["status"]);
    for text in ["before", "after"] {
        let message = alice.client.wait_for("new-message").await;
        assert_eq!(message["message"], text);
        let change = alice.client.wait_for("message-status-changed").await;
        let message = &change["message"];
        assert_eq!(
            (&message["message"], &message["status"]),
            (&json!(text), &json!("sent"))
        );
    }
    for kind in ["new-message", "message-status-changed"] {
        bob.client.expect_envelope(kind).await;
    }
    bob.client.assert_silent_for_roundtrip().await;
    alice.client.drain();
    alice
        .client
        .emit("get-old-messages", json!({ "userId": bob.id }))
        .unwrap();
    let page = alice.client.wait_for("old-messages").await;
    assert_eq!(each(&page, "to"), [&before["to"]; 2]);
}
