//! Proves that the frame client sees and does what the other tests rely on.

mod server;
mod tap;

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::frame::{
    AckError, Client, CloseCause, ConnectError, ConnectOptions, Eio, Envelope, Event, PATIENCE,
    Silence, Transport, WIRES,
};
use crate::support::user::{Person, outcome};
use server::{MAX_BYTES, PING_INTERVAL, PING_TIMEOUT, Server};

async fn connect(options: ConnectOptions) -> Client {
    Client::connect(options).await.unwrap()
}

fn envelope(kind: &str) -> Value {
    json!({ "type": kind, "data": kind.len() })
}

/// The text of the panic of a test step.
async fn panic_of(step: impl Future<Output = ()> + Send + 'static) -> String {
    let panic = tokio::spawn(step).await.unwrap_err().into_panic();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[tokio::test]
async fn a_thousand_pipelined_events_are_answered_in_order_on_every_wire() {
    let server = Server::start().await;
    for wire in WIRES {
        let client = connect(server.options().over(wire)).await;
        let payload = |n: usize| json!({ "n": n, "text": "grüß 𝕊\u{2028}" });
        let acks: Vec<_> = (0..1_000)
            .map(|n| client.emit_ack_pipelined("echo-and-say", payload(n)))
            .collect();
        for (n, ack) in join_all(acks).await.into_iter().enumerate() {
            assert_eq!(ack.unwrap(), [Value::Null, payload(n)], "{wire:?}");
        }
        let said: Vec<_> = client.drain().into_iter().map(|e| e.data).collect();
        assert_eq!(said, (0..1_000).map(payload).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn the_heartbeat_keeps_a_client_and_its_lack_ends_it_on_every_wire() {
    let server = Server::start().await;
    join_all(WIRES.map(async |wire| {
        let lively = connect(server.options().over(wire)).await;
        let idle = connect(ConnectOptions {
            heartbeat: false,
            ..server.options().over(wire)
        })
        .await;
        idle.closed(PATIENCE).await.unwrap();
        let several = (PING_INTERVAL + PING_TIMEOUT) * 3;
        assert_eq!(
            lively.closed(several).await,
            Err(Silence::Timeout(several)),
            "{wire:?}"
        );
        lively.emit_with_ack("echo", 1).await.unwrap();
    }))
    .await;
}

#[tokio::test]
async fn events_of_the_server_are_acknowledged_by_the_client_or_by_the_test() {
    let server = Server::start().await;
    for wire in WIRES {
        let mut options = server.options().over(wire);
        options.namespace = "/side".to_owned();
        let automatic = connect(options.clone()).await;
        automatic.emit("ask-for-ack", envelope("new")).unwrap();
        assert_eq!(automatic.expect_envelope("new").await, json!(3));
        assert_eq!(automatic.expect_envelope("acked").await, Value::Null);

        options.auto_ack = false;
        let manual = connect(options).await;
        manual.emit("ask-for-ack", envelope("new")).unwrap();
        let event = manual.next_event(PATIENCE).await.unwrap();
        let id = event.ack_id.unwrap();
        let expected = Event {
            name: "chatzz".to_owned(),
            args: vec![envelope("new")],
            ack_id: Some(id),
        };
        assert_eq!(event, expected);
        manual.assert_silent_for_roundtrip().await;
        manual.ack(id, &[json!("got it")]).unwrap();
        assert_eq!(manual.expect_envelope("acked").await, json!("got it"));
    }
}

#[tokio::test]
async fn a_refusal_brings_its_message_and_a_wrong_path_its_status() {
    let server = Server::start().await;
    for wire in WIRES {
        let mut options = server.options().over(wire);
        match wire.0 {
            Eio::V4 => options.auth = Some(json!({ "token": "wr&ng" })),
            Eio::V3 => options.query = vec![("token".to_owned(), "wr&ng".to_owned())],
        }
        let refused = Client::connect(options).await.err().unwrap();
        assert_eq!(refused.to_string(), "refused: unauthorized: wrong token");

        let mut options = server.options().over(wire);
        options.headers = vec![("authorization".to_owned(), "Bearer wrong".to_owned())];
        let refused = Client::connect(options).await.err().unwrap();
        assert!(matches!(refused, ConnectError::Refused { .. }), "{wire:?}");

        let mut options = server.options().over(wire);
        options.path = "/elsewhere".to_owned();
        let missing = Client::connect(options).await.err().unwrap();
        assert!(
            matches!(missing, ConnectError::Http { status: 404, .. }),
            "{missing}"
        );
    }
    let nobody = ConnectOptions::new("127.0.0.1:1".parse().unwrap());
    let refused = Client::connect(nobody).await.err().unwrap();
    assert!(matches!(refused, ConnectError::Io(_)), "{refused}");
}

#[tokio::test]
async fn an_event_over_the_limit_ends_the_connection_and_its_ack_on_every_wire() {
    let server = Server::start().await;
    for wire in WIRES {
        let client = connect(server.options().over(wire)).await;
        let fits = "x".repeat(MAX_BYTES - 200);
        client.emit_with_ack("echo", fits).await.unwrap();
        let too_large = "x".repeat(MAX_BYTES + 1);
        let ack = client.emit_with_ack("echo", too_large).await;
        let cause = client.closed(PATIENCE).await.unwrap();
        assert_eq!(ack, Err(AckError::Closed(cause.clone())), "{wire:?}");
        assert_eq!(client.emit("echo", 1), Err(cause.clone()));
        assert_eq!(
            client.next_event(PATIENCE).await,
            Err(Silence::Closed(cause))
        );
    }
}

#[tokio::test]
async fn the_server_sees_each_way_to_end_on_every_wire() {
    for wire in WIRES {
        let mut server = Server::start().await;
        let closed = connect(server.options().over(wire)).await;
        closed.close().await;
        assert_eq!(server.disconnected().await, "ClientNSDisconnect");

        let bare = connect(server.options().over(wire)).await;
        bare.emit_bare("leave").unwrap();
        assert_eq!(server.disconnected().await, "ServerNSDisconnect");
        assert_eq!(bare.closed(PATIENCE).await, Ok(CloseCause::Disconnected));

        let dropped = connect(server.options().over(wire)).await;
        dropped.drop_connection().await;
        let seen = match wire.1 {
            Transport::Websocket => "TransportError",
            Transport::Polling => "HeartbeatTimeout",
        };
        assert_eq!(server.disconnected().await, seen, "{wire:?}");

        let silent = connect(server.options().over(wire)).await;
        silent.go_silent();
        silent.emit("say", envelope("never sent")).unwrap();
        assert_eq!(server.disconnected().await, "HeartbeatTimeout", "{wire:?}");
        let still_open = silent.closed(Duration::ZERO).await;
        assert_eq!(still_open, Err(Silence::Timeout(Duration::ZERO)));
    }
}

#[tokio::test]
async fn raw_frames_go_out_as_they_are_and_every_received_byte_is_kept() {
    let server = Server::start().await;
    for wire in WIRES {
        let client = connect(server.options().over(wire)).await;
        let (id, ack) = client.reserve_ack().unwrap();
        client
            .emit_raw(format!("42{id}[\"echo\", {{\"a\":1 , \"a\":2}}]"))
            .unwrap();
        assert_eq!(ack.await.unwrap(), [Value::Null, json!({ "a": 2 })]);
        let received = String::from_utf8(client.received_bytes()).unwrap();
        for part in ["pingInterval", "40", "43", "{\"a\":2}"] {
            assert!(received.contains(part), "{wire:?}: {part} in {received}");
        }

        client.emit_raw("4nonsense").unwrap();
        client.closed(PATIENCE).await.unwrap();
    }
}

#[tokio::test]
async fn envelopes_are_read_in_order_or_set_aside_until_asked_for() {
    let server = Server::start().await;
    let client = connect(server.options()).await;
    for kind in ["one", "two", "three", "four"] {
        client.emit("say", envelope(kind)).unwrap();
    }
    assert_eq!(client.wait_for("three").await, json!(5));
    assert_eq!(client.expect_envelope("one").await, json!(3));
    assert_eq!(client.next_envelope().await.kind, "two");
    assert_eq!(client.wait_for("four").await, json!(4));
    client.assert_silent_for_roundtrip().await;
    client.emit("say", envelope("five")).unwrap();
    client.emit_with_ack("echo", 1).await.unwrap();
    let five = Envelope {
        kind: "five".to_owned(),
        data: json!(4),
        has_more: false,
    };
    assert_eq!(client.drain(), [five]);
}

#[tokio::test]
async fn an_unexpected_envelope_fails_the_test_with_its_line_and_a_list() {
    let server = Server::start().await;
    let options = server.options();
    let wrong = panic_of(async move {
        let client = connect(options).await;
        client.emit("say", envelope("one")).unwrap();
        client.emit("say", envelope("two")).unwrap();
        client.emit_with_ack("echo", 1).await.unwrap();
        client.expect_envelope("two").await;
    });
    let text = wrong.await;
    assert!(text.contains("mod.rs:"), "{text}");
    assert!(text.ends_with("next, but there was\n  one 3\n  two 3\n"));

    let options = server.options();
    let noise = panic_of(async move {
        let client = connect(options).await;
        client.emit("say", envelope("one")).unwrap();
        client.assert_silent_for_roundtrip().await;
    });
    assert!(noise.await.ends_with("expected silence, came\n  one 3\n"));
}

#[tokio::test]
async fn each_user_action_is_the_event_and_payload_of_the_protocol() {
    let server = Server::start().await;
    let alice = Person::new(connect(server.options()).await, "alice");
    let bob = json!("bob");
    let said = [
        alice.login().await,
        alice.login_acking_deliveries().await,
        alice.add(&bob).await,
        alice.send(&bob, "hi").await,
        alice.send_with(&bob, "hi", "c1").await,
        alice.history(json!({ "userId": bob, "limit": 2 })).await,
        alice.read_up_to(&bob, 7).await,
        alice.read_message(&json!("m1")).await,
        alice.delivered_up_to(&bob, 7).await,
    ];
    let expected = [
        json!({"event": "connect-user", "payload": {"userId": "alice", "protocol": 3}}),
        json!({"event": "connect-user", "payload": {"userId": "alice", "deliveryAcks": true, "protocol": 3}}),
        json!({"event": "add-chat-user", "payload": {"userToAdd": "bob"}}),
        json!({"event": "send-message", "payload": {"userId": "bob", "message": "hi"}}),
        json!({"event": "send-message", "payload": {"userId": "bob", "message": "hi", "clientId": "c1"}}),
        json!({"event": "get-old-messages", "payload": {"userId": "bob", "limit": 2}}),
        json!({"event": "message-read", "payload": {"userId": "bob", "upTo": 7}}),
        json!({"event": "message-read", "payload": {"messageId": "m1"}}),
        json!({"event": "message-delivered", "payload": {"userId": "bob", "upTo": 7}}),
    ];
    assert_eq!(said, expected.map(Ok));

    let error = json!({ "code": "no-chat-room", "message": "there is none" });
    assert_eq!(outcome(Ok(vec![error.clone(), Value::Null])), Err(error));
    alice.client.close().await;
    let lost = alice.send(&alice.id, "hi").await.unwrap_err();
    assert_eq!(lost["code"], "no-answer");
}
