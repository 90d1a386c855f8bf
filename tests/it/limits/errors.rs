//! A client that errs too often is closed.

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::limited;
use crate::support::frame::{Client, CloseCause, ConnectOptions, PATIENCE, WIRES};
use crate::support::http::{get, post};
use crate::support::poll::eventually;
use crate::support::user::{Person, code};

#[tokio::test(flavor = "multi_thread")]
async fn the_twentieth_error_is_answered_and_closes_the_socket_over_every_wire() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "20/1h")]).await;
    let (alice, bob) = server.pair().await;
    for wire in WIRES {
        let options = ConnectOptions::new(server.addr()).over(wire);
        let alice = Person::new(Client::connect(options).await.unwrap(), alice.id.clone());
        alice.login().await.unwrap();
        for _ in 1..20 {
            assert_eq!(code(alice.send(&bob.id, " ").await), "bad-request");
        }
        alice
            .send(&bob.id, "what is right is no error")
            .await
            .unwrap();
        assert_eq!(code(alice.ask("nonsense", json!({})).await), "bad-request");
        let closed = alice.client.closed(PATIENCE).await.unwrap();
        assert_eq!(closed, CloseCause::Disconnected, "{wire:?}");
    }
    assert_eq!(server.messages().await.len(), WIRES.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_without_an_ack_count_as_well() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "3/1h")]).await;
    let alice = server.person("alice").await;
    alice.client.emit("nonsense", json!({})).unwrap();
    alice.client.emit("send-message", json!(5)).unwrap();
    alice.client.emit_bare("add-chat-user").unwrap();
    alice.client.closed(PATIENCE).await.unwrap();
    assert_eq!(alice.client.drain().len(), 3, "each was answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_on_over_the_limit_is_closed() {
    let server = limited(&[
        ("CHATZZ_LIMIT_SENDS", "socket=5/1h"),
        ("CHATZZ_OFFLINE_GRACE", "0"),
    ])
    .await;
    let (alice, bob) = server.pair().await;
    for number in 0..1_000 {
        let payload = json!({ "userId": bob.id, "message": format!("{number}") });
        if alice.client.emit("send-message", payload).is_err() {
            break;
        }
    }
    alice.client.closed(PATIENCE).await.unwrap();
    let gone = bob.client.wait_for("chat-user-status-changed").await;
    assert_eq!(gone["status"], "offline");
    // those that still waited went with the socket
    assert!(server.messages().await.len() <= 5);
    let back = server.arrive(&alice.id).await.0;
    back.history(json!({ "userId": bob.id })).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_are_spread_out_close_nothing() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "2/100ms")]).await;
    let alice = server.person("alice").await;
    for _ in 0..6 {
        assert_eq!(code(alice.ask("nonsense", json!({})).await), "bad-request");
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    }
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dismissed_client_that_stays_is_cut_off() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "2/1h")]).await;
    let url = format!(
        "ws://{}/socket.io/?EIO=4&transport=websocket",
        server.addr()
    );
    let (mut stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    stream.send(Message::text("40")).await.unwrap();
    while let Some(said) = stream.next().await {
        if said.unwrap().to_text().unwrap().starts_with("40") {
            break;
        }
    }
    for _ in 0..2 {
        let nonsense = Message::text("42[\"nonsense\"]");
        stream.send(nonsense).await.unwrap();
    }
    let to_the_end = async {
        let mut texts = Vec::new();
        while let Some(Ok(message)) = stream.next().await {
            texts.extend(message.to_text().map(str::to_owned));
        }
        texts
    };
    let texts = timeout(PATIENCE, to_the_end).await.expect("it ends");
    assert!(texts.iter().any(|text| text == "41"), "{texts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dismissed_client_that_goes_on_polling_is_refused() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "2/1h")]).await;
    let endpoint = "/socket.io/?EIO=4&transport=polling";
    let opened = get(server.addr(), endpoint).await.body;
    let opened: Value = serde_json::from_str(&opened[1..]).unwrap();
    let endpoint = format!("{endpoint}&sid={}", opened["sid"].as_str().unwrap());
    assert_eq!(post(server.addr(), &endpoint, "40").await.status, 200);
    for _ in 0..2 {
        let frame = "42[\"nonsense\"]";
        assert_eq!(post(server.addr(), &endpoint, frame).await.status, 200);
    }
    eventually("its requests are refused", async || {
        let status = post(server.addr(), &endpoint, "3").await.status;
        (status == 400).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_offline_and_comes_before_the_login_ends_nothing() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "20/1h")]).await;
    let (alice, bob) = server.pair().await;
    for wire in WIRES {
        let options = ConnectOptions::new(server.addr()).over(wire);
        let alice = Person::new(Client::connect(options).await.unwrap(), alice.id.clone());
        for _ in 0..30 {
            let typing = json!({ "userId": bob.id });
            alice.client.emit("typing", typing).unwrap();
        }
        for _ in 0..30 {
            let read = alice.read_up_to(&bob.id, 1).await;
            assert_eq!(code(read), "not-connected", "{wire:?}");
        }
        alice.login().await.unwrap();
        alice.send(&bob.id, "here I am").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_behind_a_refused_login_ends_nothing_either() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "3/1h")]).await;
    let (alice, bob) = server.pair().await;
    let back = server.socket_of(&alice.id).await;
    let refused = back
        .ask("connect-user", json!({ "userId": "nobody" }))
        .await;
    assert_eq!(code(refused), "user-not-found");
    for _ in 0..10 {
        assert_eq!(code(back.send(&bob.id, "typed").await), "not-connected");
    }
    back.login().await.unwrap();
}
