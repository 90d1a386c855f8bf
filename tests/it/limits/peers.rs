//! Peers that misbehave below the events.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;

use crate::support::canary;
use crate::support::frame::{Client, ConnectError, ConnectOptions, Eio, Transport, WIRES};
use crate::support::http::{get, post};
use crate::support::poll::{eventually, until};
use crate::support::server::Server;
use crate::support::user::{Person, outcome};

/// The bound for peers that never read.
const CUT_WITHIN: Duration = Duration::from_secs(10);
/// How long it may take to fill the buffers of the system, and the cut.
const FILLED_WITHIN: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_is_cut_and_misses_nothing_over_every_wire() {
    let keys = [
        ("CHATZZ_STALL_TIMEOUT", "2s"),
        ("CHATZZ_OFFLINE_GRACE", "0"),
    ];
    let server = Server::with(&keys).await;
    let (alice, bob) = server.pair_with_absent().await;
    for (round, wire) in (1..).zip(WIRES) {
        let mut options = ConnectOptions::new(server.addr()).over(wire);
        options.auto_ack = false;
        let deaf = Person::new(Client::connect(options).await.unwrap(), bob.clone());
        deaf.login_acking_deliveries().await.unwrap();
        alice.client.wait_for("chat-user-status-changed").await;
        deaf.client.go_silent();

        let text = "😀".repeat(4_000);
        let mut sent = 0;
        let gone = until("the deaf one is offline", FILLED_WITHIN, async || {
            // as much as the buffers of the system take, and then some
            let payload = json!({ "userId": bob, "message": text });
            let emit = |_| alice.client.emit_ack_pipelined("send-message", &payload);
            for answer in futures::future::join_all((0..50).map(emit)).await {
                outcome(answer).unwrap();
                sent += 1;
            }
            let envelopes = alice.client.drain();
            let gone = envelopes
                .iter()
                .rfind(|e| e.kind == "chat-user-status-changed");
            gone.map(|envelope| envelope.data.clone())
        })
        .await;
        assert_eq!(gone["status"], "offline", "{wire:?}");
        let room = &server.dump("chatrooms").await[0];
        let member = server.chat_user(&bob).await.get_object_id("_id").unwrap();
        let cursors = room.get_document("cursors").unwrap();
        let cursor = cursors.get_document(member.to_hex());
        let confirmed = cursor.map_or(0, |cursor| cursor.get_i64("delivered").unwrap_or_default());
        assert_eq!(confirmed, 0, "{wire:?}: nothing was confirmed");

        let (back, details) = server.arrive(&bob).await;
        let contact = &details["connectedUsers"][0];
        // counted only when there are more than a page of them
        let page = details["missedMessages"][alice.id.as_str().unwrap()].as_array();
        let page = page.map(Vec::len).unwrap_or_default() as u64;
        let missed = contact["missedCount"].as_u64().unwrap_or(page);
        assert!(
            missed >= sent,
            "{wire:?}: {missed} of {sent} in round {round}"
        );
        alice.client.wait_for("chat-user-status-changed").await;
        back.client.close().await;
        alice.client.wait_for("chat-user-status-changed").await;
        alice.client.drain();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_without_having_read_is_gone_at_once() {
    let keys = [
        ("CHATZZ_STALL_TIMEOUT", "5m"),
        ("CHATZZ_PING_INTERVAL", "5m"),
        ("CHATZZ_OUTBOX_BYTES", "64MiB"),
        ("CHATZZ_OFFLINE_GRACE", "0"),
    ];
    let server = Server::with(&keys).await;
    let (alice, bob) = server.pair_with_absent().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    let stream = socket.connect(server.addr()).await.unwrap();
    let url = format!(
        "ws://{}/socket.io/?EIO=4&transport=websocket",
        server.addr()
    );
    let (mut stream, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let login = format!("42[\"connect-user\",{}]", json!({ "userId": bob }));
    stream.send(Message::from("40")).await.unwrap();
    // an event that comes before the answer is nobody's
    while let Some(packet) = stream.next().await {
        if packet.unwrap().to_text().unwrap().starts_with("40") {
            break;
        }
    }
    stream.send(Message::from(login)).await.unwrap();
    alice.client.wait_for("chat-user-status-changed").await;
    // more than the buffers of the system hold: the server waits in the midst of a write
    for _ in 0..100 {
        alice.send(&bob, &"😀".repeat(4_000)).await.unwrap();
    }

    stream.get_mut().shutdown().await.unwrap();

    let gone = alice.client.wait_for("chat-user-status-changed").await;
    assert_eq!(gone["status"], "offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_of_engine_io_3_is_ended() {
    let keys = [("CHATZZ_AUTH", "jwt"), ("CHATZZ_JWT_SECRET", canary::JWT)];
    let server = Server::with(&keys).await;
    let url = format!(
        "ws://{}/socket.io/?EIO=3&transport=websocket",
        server.addr()
    );
    let (mut stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let to_the_end = async {
        use futures::StreamExt as _;
        let mut texts = Vec::new();
        while let Some(Ok(message)) = stream.next().await {
            texts.extend(message.to_text().map(str::to_owned));
        }
        texts
    };
    let texts = tokio::time::timeout(CUT_WITHIN, to_the_end)
        .await
        .expect("it ends");
    assert!(texts.iter().any(|text| text.starts_with("44")), "{texts:?}");

    let options = ConnectOptions::new(server.addr()).over((Eio::V3, Transport::Polling));
    let refused = Client::connect(options).await.err().expect("no token");
    assert!(matches!(refused, ConnectError::Refused { .. }), "{refused}");
    let endpoint = polled_session(server.addr(), 3).await;
    eventually("its requests are refused", async || {
        (post(server.addr(), &endpoint, "1:2").await.status == 400).then_some(())
    })
    .await;
}

/// Opens a polled session; where its requests go.
pub(super) async fn polled_session(addr: SocketAddr, eio: u8) -> String {
    let endpoint = format!("/socket.io/?EIO={eio}&transport=polling");
    let opened = get(addr, &endpoint).await.body;
    let (_, sid) = opened.split_once(r#""sid":""#).expect("a session");
    let (sid, _) = sid.split_once('"').unwrap();
    format!("{endpoint}&sid={sid}")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_polls_at_once_end_the_session_and_nothing_else() {
    let server = Server::start().await;
    let bystander = server.person("bob").await;
    let endpoint = polled_session(server.addr(), 4).await;
    assert_eq!(post(server.addr(), &endpoint, "40").await.status, 200);
    // the first ping as well: with it, one of the two would end before the other begins
    let mut packets = Vec::new();
    while !packets.contains(&"2".to_owned()) {
        let answer = get(server.addr(), &endpoint).await;
        assert_eq!(answer.status, 200);
        packets.extend(answer.body.split('\u{1e}').map(str::to_owned));
    }
    let (first, second) =
        tokio::join!(get(server.addr(), &endpoint), get(server.addr(), &endpoint));
    let statuses = [first.status, second.status];
    assert!(statuses.contains(&400), "{statuses:?}");
    eventually("the session is over", async || {
        (post(server.addr(), &endpoint, "3").await.status == 400).then_some(())
    })
    .await;
    bystander.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_upgrade_leaves_the_session_to_its_end() {
    let server = Server::with(&[("CHATZZ_CONNECT_TIMEOUT", "300ms")]).await;
    let endpoint = polled_session(server.addr(), 4).await;
    let upgrade = endpoint.replace("polling", "websocket");
    let url = format!("ws://{}{upgrade}", server.addr());
    let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    drop(stream);
    eventually("the session is over", async || {
        (post(server.addr(), &endpoint, "3").await.status == 400).then_some(())
    })
    .await;
    let alice = server.person("alice").await;
    let page = alice.history(json!({ "userId": "nobody" })).await;
    assert_eq!(page.unwrap_err()["code"], "user-not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_leaves_the_namespace_ends_unless_it_joins_again() {
    let server = Server::with(&[("CHATZZ_CONNECT_TIMEOUT", "4s")]).await;
    let say = async |endpoint: &str, packet: &str| {
        let said = post(server.addr(), endpoint, packet).await;
        assert_eq!(said.status, 200, "{packet}: {}", said.body);
    };
    let alice = server.user("alice").await;
    let login = format!(r#"42["connect-user",{{"userId":{alice}}}]"#);
    let stays = polled_session(server.addr(), 4).await;
    // else it would end for never logging in
    for packet in ["40", "41", "40", &login] {
        say(&stays, packet).await;
    }
    let goes = polled_session(server.addr(), 4).await;
    for packet in ["40", "41"] {
        say(&goes, packet).await;
    }
    eventually("who left is gone", async || {
        (post(server.addr(), &goes, "3").await.status == 400).then_some(())
    })
    .await;
    // it left and joined before
    say(&stays, "3").await;
}
