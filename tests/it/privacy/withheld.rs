//! `CHATZZ_BLOCKED_SENDS=withhold`: the blocked user sees a send like any other, and the
//! user who blocked them never sees any of it.

use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::user::{Person, code, each};

pub(super) const WITHHOLD: (&str, &str) = ("CHATZZ_BLOCKED_SENDS", "withhold");
/// What is withheld; no byte of it may reach the receiver.
pub(super) const SECRET: &str = "nobody hears this";

/// A server; alice, whom bob has blocked after one message, `before`; and bob.
pub(super) async fn world() -> (Server, Person, Person) {
    let server = Server::with(&[WITHHOLD]).await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "before").await.unwrap();
    bob.client.expect_envelope("new-message").await;
    bob.block(&alice.id).await.unwrap();
    alice.client.wait_for("chat-user-status-changed").await;
    alice.client.drain();
    (server, alice, bob)
}

/// Nothing of what was withheld has come to this socket, in whatever form.
pub(super) fn assert_unheard(person: &Person, withheld: &[&Value]) {
    let bytes = person.client.received_bytes();
    let said = String::from_utf8_lossy(&bytes);
    assert!(said.contains(person.id.as_str().unwrap()), "it was noted");
    assert!(!said.contains(SECRET), "{said}");
    for message in withheld {
        let id = message["_id"].as_str().unwrap();
        assert!(!said.contains(id), "{id} is in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withheld_send_looks_sent_to_its_sender_at_every_socket_and_for_good() {
    let (mut server, alice, bob) = world().await;
    let second = server.another_of(&alice).await;

    let sent = alice.send_with(&bob.id, SECRET, "key").await.unwrap();

    assert_eq!(
        [&sent["seq"], &sent["status"], &sent["message"]],
        [&json!(2), &json!("sent"), &json!(SECRET)]
    );
    assert_eq!(sent["to"], json!({ "_id": bob.id, "username": "bob" }));
    assert_eq!(sent["sentAt"], sent["createdAt"]);
    for socket in [&alice, &second] {
        assert_eq!(socket.client.expect_envelope("new-message").await, sent);
        socket.client.assert_silent_for_roundtrip().await;
    }
    bob.unblock(&alice.id).await.unwrap();
    server.restart().await;
    let (alice, details) = server.arrive(&alice.id).await;
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    assert_eq!(page["messages"][1], sent);
    let last = &details["connectedUsers"][0]["lastMessage"];
    let ids = json!({ "from": alice.id, "to": bob.id });
    for (field, value) in sent.as_object().unwrap() {
        assert_eq!(last[field], *ids.get(field).unwrap_or(value), "{field}");
    }
    assert_eq!(details["connectedUsers"][0]["unreadCount"], 0);
    assert_eq!(details["missedMessages"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_never_sees_it_even_after_unblocking() {
    let (server, alice, bob) = world().await;
    let second = server.another_of(&bob).await;
    let one = alice.send(&bob.id, SECRET).await.unwrap();
    let two = alice.send(&bob.id, SECRET).await.unwrap();
    let since = json!({ "userId": alice.id, "date": one["createdAt"] });
    let page = bob.history(since.clone()).await.unwrap();
    let texts = each(&page["messages"], "message");
    assert!(texts.is_empty() || texts == ["before"], "at that moment");
    for (query, wanted) in [
        (json!({}), 1),
        (json!({ "after": 1 }), 0),
        (json!({ "before": 3 }), 1),
        (json!({ "after": 0, "limit": 1 }), 1),
    ] {
        let mut query = query;
        query["userId"] = alice.id.clone();
        let page = bob.history(query).await.unwrap();
        assert_eq!(page["messages"].as_array().unwrap().len(), wanted);
        assert_eq!(page["hasMore"], false);
    }
    let (third, details) = server.arrive(&bob.id).await;
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["lastMessage"]["message"], "before");
    assert_eq!(contact["unreadCount"], 1);
    let active = bob.ask("get-active-users", json!({})).await.unwrap();
    assert_eq!(active["users"][0]["lastMessage"]["seq"], 1);
    let again = bob.add(&alice.id).await.unwrap();
    assert_eq!(again["lastMessage"]["message"], "before");
    assert_eq!(
        code(bob.read_message(&one["_id"]).await),
        "message-not-found"
    );
    let nothing = bob.delivered_up_to(&alice.id, 3).await.unwrap();
    assert_eq!(nothing, json!({ "delivered": 0 }));

    bob.unblock(&alice.id).await.unwrap();
    let after = alice.send(&bob.id, "after").await.unwrap();

    assert_eq!(after["seq"], 4);
    for socket in [&bob, &second, &third] {
        let heard = socket.client.wait_for("new-message").await;
        assert_eq!(heard, after);
    }
    let page = bob.history(since).await.unwrap();
    let texts = each(&page["messages"], "message");
    assert_eq!(texts.last().copied(), Some(&json!("after")));
    assert_eq!(
        code(bob.read_message(&two["_id"]).await),
        "message-not-found"
    );
    let (fourth, details) = server.arrive(&bob.id).await;
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["lastMessage"]["seq"], 4);
    assert_eq!(contact["unreadCount"], 2);
    for socket in [&bob, &second, &third, &fourth] {
        assert_unheard(socket, &[&one, &two]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_receiver_are_full_and_leave_nothing_else_out() {
    let (server, alice, bob) = world().await;
    for number in 2..=12 {
        if number % 3 == 0 {
            bob.send(&alice.id, "I go on").await.unwrap();
        } else {
            alice.send(&bob.id, SECRET).await.unwrap();
        }
    }
    let seen = [1, 3, 6, 9, 12];

    let newest = json!({ "userId": alice.id, "limit": 3 });
    let newest = bob.history(newest).await.unwrap();
    let older = json!({ "userId": alice.id, "limit": 3, "before": 6 });
    let older = bob.history(older).await.unwrap();
    assert_eq!(each(&newest["messages"], "seq"), seen[2..]);
    assert_eq!(each(&older["messages"], "seq"), seen[..2]);
    assert_eq!([&newest["hasMore"], &older["hasMore"]], [true, false]);
    let mut after = json!(0);
    let mut walked = Vec::new();
    loop {
        let query = json!({ "userId": alice.id, "limit": 2, "after": after });
        let page = bob.history(query).await.unwrap();
        let seqs = each(&page["messages"], "seq");
        walked.extend(seqs.into_iter().cloned());
        if page["hasMore"] == false {
            break;
        }
        after = walked.last().unwrap().clone();
    }
    assert_eq!(walked, seen);
    let whole = json!({ "userId": bob.id });
    let whole = alice.history(whole).await.unwrap();
    assert_eq!(each(&whole["messages"], "seq").len(), 12);
    let stored = server.messages().await;
    let numbers = stored.iter().map(|message| message.get_i64("seq").unwrap());
    assert_eq!(numbers.collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
    assert_unheard(&bob, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withheld_does_not_move_the_conversation_up() {
    let (server, alice, bob) = world().await;
    let carol = server.person("carol").await;
    carol.add(&bob.id).await.unwrap();
    carol.send(&bob.id, "later").await.unwrap();
    for _ in 0..3 {
        alice.send(&bob.id, SECRET).await.unwrap();
    }

    let (bob, details) = server.arrive(&bob.id).await;

    let contacts = &details["connectedUsers"];
    assert_eq!(each(contacts, "_id"), [&carol.id, &alice.id]);
    let texts: Vec<_> = each(contacts, "lastMessage")
        .into_iter()
        .map(|last| &last["message"])
        .collect();
    assert_eq!(texts, ["later", "before"]);
    assert_unheard(&bob, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_first_messages_were_all_withheld_has_no_last_message() {
    let server = Server::with(&[WITHHOLD]).await;
    let (alice, bob) = server.pair().await;
    bob.block(&alice.id).await.unwrap();
    alice.send(&bob.id, SECRET).await.unwrap();

    let (bob, details) = server.arrive(&bob.id).await;

    let contact = &details["connectedUsers"][0];
    assert!(contact.get("lastMessage").is_none(), "{contact}");
    let page = bob.history(json!({ "userId": alice.id })).await.unwrap();
    assert_eq!(page, json!({ "messages": [], "hasMore": false }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receivers_cursor_passes_what_is_withheld_and_nothing_comes_twice() {
    let (server, alice, bob) = world().await;
    bob.delivered_up_to(&alice.id, 1).await.unwrap();
    alice.send(&bob.id, SECRET).await.unwrap();
    server.wait_for_cursor(&bob.id, 2).await;

    bob.client.close().await;
    alice.send(&bob.id, SECRET).await.unwrap();
    let (bob, details) = server.arrive(&bob.id).await;
    assert_eq!(details["missedMessages"], json!({}));
    bob.unblock(&alice.id).await.unwrap();
    bob.client.close().await;
    server.wait_for_cursor(&bob.id, 3).await;
    while alice.client.wait_for("chat-user-status-changed").await["status"] != "offline" {}
    let after = alice.send(&bob.id, "after").await.unwrap();
    assert_eq!(
        [&after["seq"], &after["status"]],
        [&json!(4), &json!("not_sent")]
    );

    let (bob, details) = server.arrive(&bob.id).await;

    let missed = &details["missedMessages"][alice.id.as_str().unwrap()];
    assert_eq!(each(missed, "seq"), [4]);
    bob.delivered_up_to(&alice.id, 4).await.unwrap();
    server.wait_for_cursor(&bob.id, 4).await;
    let (bob, details) = server.arrive(&bob.id).await;
    assert_eq!(details["missedMessages"], json!({}));
    assert_unheard(&bob, &[]);
}
