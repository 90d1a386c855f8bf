//! `get-old-messages`: bounded pages of history, both ways.

use serde_json::{Value, json};

use super::{assert_names_field, assert_wants_a_contact};
use crate::support::frame::{Client, ConnectOptions, WIRES};
use crate::support::poll;
use crate::support::server::Server;
use crate::support::user::{Person, each, outcome};

/// A conversation in which both speak in turn, and its messages.
async fn conversation(server: &Server, count: u64) -> (Person, Person, Vec<Value>) {
    let (alice, bob) = server.pair().await;
    let mut messages = Vec::new();
    for number in 1..=count {
        let (from, to) = if number % 2 == 1 {
            (&alice, &bob)
        } else {
            (&bob, &alice)
        };
        messages.push(from.send(&to.id, &format!("text {number}")).await.unwrap());
        from.client.expect_envelope("new-message").await;
        to.client.expect_envelope("new-message").await;
    }
    (alice, bob, messages)
}

/// The positions on a page, and whether there are more.
async fn page(person: &Person, query: Value) -> (Vec<u64>, bool) {
    let page = person.history(query.clone()).await.unwrap();
    assert_eq!(page.as_object().unwrap().len(), 2, "{query}");
    let seqs = each(&page["messages"], "seq");
    let seqs = seqs.iter().map(|seq| seq.as_u64().unwrap()).collect();
    (seqs, page["hasMore"].as_bool().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_read_the_same_messages() {
    let server = Server::start().await;
    let (alice, bob, messages) = conversation(&server, 4).await;
    let expected = json!({ "messages": messages, "hasMore": false });
    let of_alice = alice.history(json!({ "userId": bob.id })).await.unwrap();
    let of_bob = bob.history(json!({ "userId": alice.id })).await.unwrap();
    assert_eq!(of_alice, expected);
    assert_eq!(of_bob, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_direction_it_is_the_newest_page_and_before_goes_back() {
    let server = Server::start().await;
    let (alice, bob, _) = conversation(&server, 7).await;
    let query = |before: Value| json!({ "userId": bob.id, "before": before, "limit": 3 });
    let newest = json!({ "userId": bob.id, "limit": 3 });
    assert_eq!(page(&alice, newest).await, (vec![5, 6, 7], true));
    assert_eq!(page(&alice, query(json!(5))).await, (vec![2, 3, 4], true));
    assert_eq!(page(&alice, query(json!(2))).await, (vec![1], false));
    assert_eq!(page(&alice, query(json!(1))).await, (vec![], false));
    assert_eq!(page(&alice, query(json!(-9))).await, (vec![], false));
    assert_eq!(page(&alice, query(json!(4))).await, (vec![1, 2, 3], false));
    let all = query(json!(i64::MAX));
    assert_eq!(page(&alice, all).await, (vec![5, 6, 7], true));
    assert_eq!(
        page(&alice, query(json!(null))).await,
        (vec![5, 6, 7], true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_goes_forward_from_there() {
    let server = Server::start().await;
    let (alice, bob, _) = conversation(&server, 7).await;
    let query = |after: i64| json!({ "userId": bob.id, "after": after, "limit": 3 });
    assert_eq!(page(&alice, query(0)).await, (vec![1, 2, 3], true));
    assert_eq!(page(&alice, query(3)).await, (vec![4, 5, 6], true));
    assert_eq!(page(&alice, query(4)).await, (vec![5, 6, 7], false));
    assert_eq!(page(&alice, query(7)).await, (vec![], false));
    assert_eq!(page(&alice, query(i64::MAX)).await, (vec![], false));
    assert_eq!(page(&alice, query(-1)).await, (vec![1, 2, 3], true));
    let between = json!({ "userId": bob.id, "after": 2, "before": 6, "limit": 2 });
    assert_eq!(page(&alice, between).await, (vec![3, 4], true));
    let between = json!({ "userId": bob.id, "after": 2, "before": 6 });
    assert_eq!(page(&alice, between).await, (vec![3, 4, 5], false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_in_any_form_begins_with_the_first_message_at_or_after_it() {
    let server = Server::start().await;
    let (alice, bob, messages) = conversation(&server, 5).await;
    let date = messages[2]["createdAt"].as_str().unwrap();
    let since: Vec<u64> = messages
        .iter()
        .filter(|message| message["createdAt"].as_str().unwrap() >= date)
        .map(|message| message["seq"].as_u64().unwrap())
        .collect();
    let parsed = chrono::DateTime::parse_from_rfc3339(date).unwrap();
    let east = chrono::FixedOffset::east_opt(2 * 3600).unwrap();
    for form in [
        json!(date),
        json!(parsed.with_timezone(&east).to_rfc3339()),
        json!(parsed.timestamp_millis()),
    ] {
        for name in ["date", "fromDate"] {
            let query = json!({ "userId": bob.id, name: form });
            assert_eq!(page(&alice, query).await, (since.clone(), false), "{form}");
        }
    }
    let limited = json!({ "userId": bob.id, "date": "2000-01-01", "limit": 2 });
    assert_eq!(page(&alice, limited).await, (vec![1, 2], true));
    let both = json!({ "userId": bob.id, "date": "2000-01-01", "after": 3 });
    assert_eq!(page(&alice, both).await, (vec![4, 5], false));
    for late in [json!("2200-01-01"), json!(i64::MAX), json!("9999-12-31")] {
        let late = json!({ "userId": bob.id, "date": late });
        assert_eq!(page(&alice, late).await, (vec![], false));
    }
    let early = json!({ "userId": bob.id, "date": i64::MIN });
    assert_eq!(page(&alice, early).await.0.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_clamped_to_what_is_configured() {
    let keys = [("CHATZZ_HISTORY_DEFAULT", "2"), ("CHATZZ_HISTORY_MAX", "4")];
    let server = Server::with(&keys).await;
    let (alice, bob, _) = conversation(&server, 6).await;
    for (limit, seqs) in [
        (json!(null), vec![5, 6]),
        (json!(0), vec![6]),
        (json!(-5), vec![6]),
        (json!(3), vec![4, 5, 6]),
        (json!(1_000_000), vec![3, 4, 5, 6]),
        (json!(i64::MAX), vec![3, 4, 5, 6]),
    ] {
        let query = json!({ "userId": bob.id, "limit": limit });
        assert_eq!(page(&alice, query).await, (seqs, true), "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_comes_in_the_ack_or_as_an_envelope_or_both() {
    let server = Server::start().await;
    let (alice, bob, messages) = conversation(&server, 2).await;

    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    assert_eq!(page["messages"], json!(messages));
    alice.client.assert_silent_for_roundtrip().await;

    let query = json!({ "userId": bob.id });
    alice.client.emit("get-old-messages", query).unwrap();
    let envelope = alice.client.expect_envelope("old-messages").await;
    assert_eq!(envelope, json!(messages));
    alice.client.assert_silent_for_roundtrip().await;

    let query = json!({ "userId": bob.id, "envelope": true });
    let page = alice.history(query).await.unwrap();
    assert_eq!(page["messages"], json!(messages));
    let announced = alice.client.drain();
    assert_eq!(announced.len(), 1, "the envelope comes first, then the ack");
    assert_eq!(announced[0].data, json!(messages));
    alice.client.assert_silent_for_roundtrip().await;
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_chat_room_has_an_empty_history() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    for query in [
        json!({ "userId": bob.id }),
        json!({ "userId": bob.id, "after": 0 }),
        json!({ "userId": bob.id, "date": "2000-01-01" }),
    ] {
        assert_eq!(page(&alice, query).await, (vec![], false));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_sent_becomes_sent_by_being_in_a_page() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    server.store_unannounced(&alice.id, &bob.id, 3).await;
    alice.client.drain();

    let query = json!({ "userId": alice.id, "before": 3 });
    let page = bob.history(query).await.unwrap();

    assert_eq!(each(&page["messages"], "status"), ["sent", "sent"]);
    assert!(page["messages"][0].get("sentAt").is_none(), "not born sent");
    let heard = alice.client.wait_for("message-status-changed").await;
    assert_eq!(heard["status"], "sent");
    assert_eq!(heard["range"], json!({ "from": 1, "to": 2 }));
    assert!(heard["sentAt"].is_string());
    let query = json!({ "userId": bob.id });
    let of_alice = alice.history(query).await.unwrap();
    let statuses = each(&of_alice["messages"], "status");
    assert_eq!(statuses, ["sent", "sent", "not_sent"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_who_reads_the_history_hands_nothing_over() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    alice.send(&bob, "waiting").await.unwrap();
    for _ in 0..2 {
        let page = alice.history(json!({ "userId": bob })).await.unwrap();
        assert_eq!(page["messages"][0]["status"], "not_sent");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_must_be_a_contact() {
    assert_wants_a_contact("get-old-messages", json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_the_wrong_type_is_named() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    for (field, value) in [
        ("date", json!("yesterday")),
        ("date", json!("2026-13-01")),
        ("date", json!(true)),
        ("date", json!({ "$gt": 0 })),
        ("fromDate", json!("")),
        ("before", json!("5")),
        ("before", json!(1.5)),
        ("after", json!([])),
        ("after", json!({ "$gt": 0 })),
        ("limit", json!("all")),
        ("limit", json!(u64::MAX)),
        ("envelope", json!("yes")),
    ] {
        let payload = json!({ "userId": bob.id, field: value });
        assert_names_field(&alice, "get-old-messages", field, payload).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_long_messages_is_shorter_and_the_next_goes_on() {
    let server = Server::with(&[("CHATZZ_MESSAGE_MAX_CHARS", "60000")]).await;
    let (alice, bob) = server.pair().await;
    for number in 0..20 {
        let text = format!("{number} {}", "x".repeat(60_000 - 3));
        alice.send(&bob.id, &text).await.unwrap();
    }
    let query = |more: Value| {
        let mut query = json!({ "userId": alice.id, "limit": 100 });
        query
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap());
        query
    };
    let numbers = |first: u64, last: u64| (first..=last).collect::<Vec<u64>>();
    // four of them have less than 256 KiB
    let newest = page(&bob, query(json!({}))).await;
    assert_eq!(newest, (numbers(17, 20), true));
    let older = page(&bob, query(json!({ "before": 5 }))).await;
    assert_eq!(older, (numbers(1, 4), false));
    let oldest = page(&bob, query(json!({ "after": 0 }))).await;
    assert_eq!(oldest, (numbers(1, 4), true));
    let newer = page(&bob, query(json!({ "after": 16 }))).await;
    assert_eq!(newer, (numbers(17, 20), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_beyond_what_a_connection_takes_at_once_come_whole_over_every_wire() {
    let server = Server::with(&[("CHATZZ_MESSAGE_MAX_CHARS", "60000")]).await;
    let (alice, bob) = server.pair().await;
    for _ in 0..4 {
        alice.send(&bob.id, &"ü".repeat(30_000)).await.unwrap();
    }
    for wire in WIRES {
        let options = ConnectOptions::new(server.addr()).over(wire);
        let client = Client::connect(options).await.unwrap();
        let bob = Person::new(client, bob.id.clone());
        bob.login().await.unwrap();
        let pages: Vec<_> = (0..4)
            .map(|_| {
                bob.client
                    .emit_ack_pipelined("get-old-messages", json!({ "userId": alice.id }))
            })
            .collect();
        for page in pages {
            let page = outcome(page.await).unwrap();
            let seqs = each(&page["messages"], "seq");
            assert_eq!(seqs.len(), 4, "{wire:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_all_read_shows_later_messages_as_they_are() {
    let server = Server::start().await;
    let (alice, bob, _) = conversation(&server, 3).await;
    let statuses = async || {
        let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
        let statuses = page["messages"].as_array().unwrap().iter();
        statuses
            .map(|message| (message["status"].clone(), message["readAt"].is_string()))
            .collect::<Vec<_>>()
    };
    let (sent, read) = ((json!("sent"), false), (json!("read"), true));
    bob.read_up_to(&alice.id, 3).await.unwrap();
    alice.read_up_to(&bob.id, 2).await.unwrap();
    for _ in 0..2 {
        assert_eq!(statuses().await, vec![read.clone(); 3]);
    }
    alice.send(&bob.id, "text 4").await.unwrap();
    let mut expected = vec![read.clone(); 4];
    expected[3] = sent;
    assert_eq!(statuses().await, expected);
    bob.read_up_to(&alice.id, 4).await.unwrap();
    // the time of the receipt before is written a moment later
    poll::eventually("all are read, with their times", async || {
        (statuses().await == vec![read.clone(); 4]).then_some(())
    })
    .await;
}
