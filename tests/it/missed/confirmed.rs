//! What counts as confirmed, and is not missed again.

use std::time::Duration;

use serde_json::{Value, json};

use super::{SHORT, missed, send_all, wait_until_confirmed};
use crate::support::frame::{Client, ConnectOptions, PATIENCE, WIRES};
use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::slow_link::SlowLink;
use crate::support::user::Person;

/// Logs in with delivery acks that the test gives itself.
async fn arrive_acking(server: &Server, id: &Value) -> (Person, Value) {
    let options = ConnectOptions {
        auto_ack: false,
        ..ConnectOptions::new(server.addr())
    };
    let client = Client::connect(options).await.unwrap();
    let person = Person::new(client, id.clone());
    person.login_acking_deliveries().await.unwrap();
    let details = person.client.expect_envelope("user-details").await;
    (person, details)
}

/// Acknowledges the next `new-message`; its `seq`.
async fn ack_next(person: &Person) -> u64 {
    let event = person.client.next_event(PATIENCE).await.unwrap();
    person.client.ack(event.ack_id.unwrap(), &[]).unwrap();
    event.args[0]["data"]["seq"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_delivery_acks_gets_what_it_confirmed_no_more_and_the_rest_again() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    let (bob, _) = arrive_acking(&server, &bob).await;
    alice.client.wait_for("chat-user-status-changed").await;
    send_all(&alice, &bob.id, &["one", "two", "three"]).await;
    assert_eq!(ack_next(&bob).await, 1);
    server.wait_for_cursor(&bob.id, 1).await;
    bob.client.drop_connection().await;

    let (bob, details) = arrive_acking(&server, &bob.id).await;

    assert_eq!(missed(&details, &alice, "message"), ["two", "three"]);
    bob.delivered_up_to(&alice.id, 3).await.unwrap();
    let (_bob, details) = arrive_acking(&server, &bob.id).await;
    assert_eq!(details["missedMessages"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ack_beyond_a_gap_moves_nothing_until_the_gap_is_closed() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    let (bob, _) = arrive_acking(&server, &bob).await;
    alice.client.wait_for("chat-user-status-changed").await;
    send_all(&alice, &bob.id, &["one", "two", "three"]).await;
    let first = bob.client.next_event(PATIENCE).await.unwrap();
    assert_eq!(ack_next(&bob).await, 2);
    assert_eq!(ack_next(&bob).await, 3);

    let (_second, details) = arrive_acking(&server, &bob.id).await;
    assert_eq!(missed(&details, &alice, "seq"), [1, 2, 3]);

    bob.client.ack(first.ack_id.unwrap(), &[]).unwrap();
    server.wait_for_cursor(&bob.id, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outliving_confirms_nothing_for_a_client_with_delivery_acks() {
    let server = Server::with(&SHORT).await;
    let (alice, bob) = server.pair_with_absent().await;
    let (bob, _) = arrive_acking(&server, &bob).await;
    let carol = server.person("carol").await;
    carol.add(&alice.id).await.unwrap();
    alice.send(&bob.id, "unconfirmed").await.unwrap();
    alice.send(&carol.id, "later").await.unwrap();
    // carol's came later, and carol's client confirms by staying connected
    wait_until_confirmed(&server, &alice, &carol).await;
    let (_bob, details) = arrive_acking(&server, &bob.id).await;
    assert_eq!(missed(&details, &alice, "message"), ["unconfirmed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_cut_off_without_a_close_gets_everything_unconfirmed_once() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    let (bob, _) = arrive_acking(&server, &bob).await;
    alice.client.wait_for("chat-user-status-changed").await;
    send_all(&alice, &bob.id, &["one"]).await;
    assert_eq!(ack_next(&bob).await, 1);
    server.wait_for_cursor(&bob.id, 1).await;
    bob.client.go_silent();
    send_all(&alice, &bob.id, &["two", "three", "four"]).await;

    let (back, details) = arrive_acking(&server, &bob.id).await;

    assert_eq!(missed(&details, &alice, "seq"), [2, 3, 4]);
    back.client.assert_silent_for_roundtrip().await;
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_death_confirms_nothing_for_a_client_that_never_acks() {
    let server = Server::with(&SHORT).await;
    let (alice, bob) = server.pair().await;
    bob.client.go_silent();
    send_all(&alice, &bob.id, &["one", "two"]).await;
    let gone = alice.client.wait_for("chat-user-status-changed").await;
    assert_eq!(gone["status"], "offline");
    let (_bob, details) = server.arrive(&bob.id).await;
    assert_eq!(missed(&details, &alice, "seq"), [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_acks_has_confirmed_what_it_outlived() {
    let server = Server::with(&SHORT).await;
    let (alice, bob) = server.pair_with_absent().await;
    send_all(&alice, &bob, &["missed"]).await;
    let (bob, details) = server.arrive(&bob).await;
    assert_eq!(missed(&details, &alice, "seq"), [1]);
    send_all(&alice, &bob.id, &["live"]).await;

    server.wait_for_cursor(&bob.id, 2).await;
    let (_later, details) = server.arrive(&bob.id).await;
    assert_eq!(details["missedMessages"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_acks_and_is_back_at_once_gets_it_again() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    send_all(&alice, &bob.id, &["live"]).await;
    bob.client.expect_envelope("new-message").await;
    bob.client.drop_connection().await;
    let (_bob, details) = server.arrive(&bob.id).await;
    assert_eq!(missed(&details, &alice, "message"), ["live"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_on_its_way_over_a_slow_link_is_not_confirmed() {
    const MESSAGES: usize = 100;
    let server = Server::with(&SHORT).await;
    let (alice, bob) = server.pair_with_absent().await;
    let texts = [(); MESSAGES].map(|()| "long ".repeat(800));
    send_all(&alice, &bob, &texts.each_ref().map(String::as_str)).await;
    for wire in WIRES {
        // longer than the heartbeat allows; the server may end the session before
        let link = SlowLink::to(server.addr(), 50_000).await;
        let options = ConnectOptions::new(link.addr()).over(wire);
        let client = Client::connect(options).await.unwrap();
        let payload = json!({ "userId": bob });
        client.emit("connect-user", payload).unwrap();
        eventually("some of the login has passed", async || {
            let is_over = client.closed(Duration::ZERO).await.is_ok();
            (is_over || link.passed() > 200_000).then_some(())
        })
        .await;
        assert!(link.passed() > 10_000, "{wire:?}: it had begun");
        drop((client, link));
        let (probe, details) = server.arrive(&bob).await;
        let contact = &details["connectedUsers"][0];
        assert_eq!(contact["missedCount"], MESSAGES, "{wire:?}");
        probe.client.drop_connection().await;
    }
}
