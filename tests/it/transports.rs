//! Every transport that the stock clients may use.

use serde_json::{Value, json};

use crate::both::{Words, in_both_dialects};
use crate::support::frame::{Client, ConnectError, ConnectOptions, Eio, PATIENCE, WIRES};
use crate::support::server::Server;
use crate::support::user::{Person, code, each};

/// A text that every transport has to count and escape rightly.
const TEXT: &str = "ü € 😀 \" \\ \u{2028}";

async fn arrive(options: ConnectOptions, id: &Value) -> Person {
    let client = Client::connect(options).await.unwrap();
    let person = Person::new(client, id.clone());
    person.login().await.unwrap();
    person.client.expect_envelope("user-details").await;
    person
}

/// A whole conversation of a client on some wire with one on a websocket.
async fn converse(wire: ConnectOptions, plain: ConnectOptions, server: &Server) {
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let alice = arrive(wire, &alice).await;
    let bob = arrive(plain, &bob).await;

    alice.add(&bob.id).await.unwrap();
    bob.client.expect_envelope("chat-user-added").await;
    let sent = alice.send(&bob.id, TEXT).await.unwrap();
    assert_eq!(sent["message"], TEXT);
    assert_eq!(alice.client.expect_envelope("new-message").await, sent);
    assert_eq!(bob.client.expect_envelope("new-message").await, sent);
    let back = bob.send(&alice.id, TEXT).await.unwrap();
    assert_eq!(alice.client.expect_envelope("new-message").await, back);
    bob.read_up_to(&alice.id, 1).await.unwrap();
    let status = alice.client.expect_envelope("message-status-changed").await;
    assert_eq!(status["status"], "read");
    alice.read_message(&back["_id"]).await.unwrap();
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    assert_eq!(each(&page["messages"], "message"), [TEXT, TEXT]);
    let query = json!({ "userId": bob.id });
    alice.client.emit("get-old-messages", query).unwrap();
    alice.client.expect_envelope("old-messages").await;
    assert_eq!(code(alice.send(&bob.id, " ").await), "bad-request");

    bob.client.drain();
    alice.client.close().await;
    let gone = bob.client.expect_envelope("chat-user-status-changed").await;
    assert_eq!(gone["status"], "offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_works_over_every_wire() {
    for wire in WIRES {
        let server = Server::with(&[("CHATZZ_OFFLINE_GRACE", "60s")]).await;
        let options = || ConnectOptions::new(server.addr());
        converse(options().over(wire), options(), &server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_path_and_namespace_work_over_every_wire() {
    let keys = [
        ("CHATZZ_SOCKET_PATH", "/live"),
        ("CHATZZ_NAMESPACE", "/chat"),
    ];
    for wire in WIRES {
        let server = Server::with(&keys).await;
        let options = || ConnectOptions {
            path: "/live".to_owned(),
            namespace: "/chat".to_owned(),
            ..ConnectOptions::new(server.addr())
        };
        converse(options().over(wire), options(), &server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_at_another_path_or_namespace() {
    let keys = [
        ("CHATZZ_SOCKET_PATH", "/live"),
        ("CHATZZ_NAMESPACE", "/chat"),
    ];
    let server = Server::with(&keys).await;
    let usual_path = ConnectOptions::new(server.addr());
    let refused = Client::connect(usual_path.clone()).await.err().unwrap();
    assert!(
        matches!(refused, ConnectError::Http { status: 404, .. }),
        "{refused:?}"
    );
    let live = ConnectOptions {
        path: "/live".to_owned(),
        ..usual_path
    };
    let root = Client::connect(live.clone()).await.err().unwrap();
    let ConnectError::Refused { message } = root else {
        panic!("{root:?}");
    };
    assert!(message.starts_with("bad-request: "), "{message}");
    let nowhere = ConnectOptions {
        namespace: "/nowhere".to_owned(),
        ..live
    };
    let nowhere = Client::connect(nowhere).await.err().unwrap();
    let ConnectError::Refused { message } = nowhere else {
        panic!("{nowhere:?}");
    };
    assert!(message.starts_with("bad-request: "), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_another_namespace_is_refused_once_and_cut() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    for wire in WIRES {
        let bystander = ConnectOptions::new(server.addr()).over(wire);
        let bystander = arrive(bystander, &alice).await;
        for name in ["/admin", "/é?x=1", &format!("/{}", "x".repeat(200_000))] {
            let client = ConnectOptions::new(server.addr()).over(wire);
            let client = Client::connect(client).await.unwrap();
            for _ in 0..20 {
                // the session may have ended before the last one
                let _ = client.emit_raw(format!("40{name},"));
            }
            let closed = client.closed(PATIENCE).await;
            closed.unwrap_or_else(|silence| panic!("{wire:?}: {silence}"));
            let repeated = client.received_bytes().len();
            assert!(repeated < 20_000, "{wire:?}: {repeated} bytes");
        }
        bystander.client.assert_silent_for_roundtrip().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_in_the_root_of_an_old_client_tells_nothing() {
    let server = Server::with(&[("CHATZZ_NAMESPACE", "/chat")]).await;
    let alice = server.user("alice").await;
    let old = ConnectOptions {
        eio: Eio::V3,
        ..ConnectOptions::new(server.addr())
    };
    let client = Client::connect(old).await.unwrap();
    client
        .emit("connect-user", json!({ "userId": alice }))
        .unwrap();
    let chat = ConnectOptions {
        namespace: "/chat".to_owned(),
        ..ConnectOptions::new(server.addr())
    };
    let alice = arrive(chat, &alice).await;
    alice.client.assert_silent_for_roundtrip().await;
    assert!(client.drain().is_empty());
}

/// A frame of a `send-message` event with exactly so many bytes.
fn event_of(bytes: usize, id: u64, to: &Value) -> String {
    let head = format!(r#"42{id}["send-message",{{"userId":{to},"message":""#);
    let tail = r#""}]"#;
    let filling = "x".repeat(bytes - head.len() - tail.len());
    format!("{head}{filling}{tail}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_256_kib_is_answered_over_every_wire() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    for wire in WIRES {
        let options = ConnectOptions::new(server.addr()).over(wire);
        let alice = arrive(options, &alice.id).await;
        let (id, ack) = alice.client.reserve_ack().unwrap();
        let frame = event_of(256 * 1024, id, &bob.id);
        alice.client.emit_raw(frame).unwrap();
        let answer = ack
            .await
            .unwrap_or_else(|error| panic!("{wire:?}: {error}"));
        assert_eq!(answer[0]["code"], "message-too-long", "{wire:?}");
        alice.send(&bob.id, "and on it goes").await.unwrap();
    }
}

in_both_dialects! { hole_18_a_larger_event_closes_the_connection_over_every_wire }

async fn hole_18_a_larger_event_closes_the_connection_over_every_wire(words: Words) {
    let server = words.server_with(&[("CHATZZ_OFFLINE_GRACE", "0")]).await;
    let (alice, bob) = server.pair_with_absent().await;
    for wire in WIRES {
        let options = ConnectOptions::new(server.addr()).over(wire);
        let bob = arrive(options, &bob).await;
        alice.client.wait_for("chat-user-status-changed").await;
        let (id, _ack) = bob.client.reserve_ack().unwrap();
        let frame = event_of(260 * 1024, id, &alice.id);
        bob.client.emit_raw(frame).unwrap();
        let closed = bob.client.closed(PATIENCE).await;
        closed.unwrap_or_else(|silence| panic!("{wire:?}: {silence}"));
        let gone = alice.client.wait_for("chat-user-status-changed").await;
        assert_eq!(gone["status"], "offline", "{wire:?}");
    }
    assert!(server.messages().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_events_in_one_polling_request_keep_their_order() {
    for wire in WIRES {
        let server = Server::start().await;
        let (alice, bob) = server.pair().await;
        let options = ConnectOptions::new(server.addr()).over(wire);
        let alice = arrive(options, &alice.id).await;
        for number in 0..100 {
            let payload = json!({ "userId": bob.id, "message": format!("{number}") });
            alice.client.emit("send-message", payload).unwrap();
        }
        for number in 0..100 {
            let got = bob.client.expect_envelope("new-message").await;
            assert_eq!(got["message"], format!("{number}"), "{wire:?}");
        }
    }
}
