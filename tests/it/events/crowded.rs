//! Much at once for one socket: nobody is cut who reads, and nobody pushes another out.

use serde_json::{Value, json};

use crate::support::frame::{Client, ConnectOptions, PATIENCE, WIRES};
use crate::support::server::Server;
use crate::support::slow_link::SlowLink;
use crate::support::user::{Person, each, outcome};

/// An outbox that a few long texts fill, and bounds of time that no slow link reaches.
const SMALL_OUTBOX: [(&str, &str); 3] = [
    ("CHATZZ_OUTBOX_BYTES", "64KiB"),
    ("CHATZZ_STALL_TIMEOUT", "1m"),
    ("CHATZZ_PING_INTERVAL", "5m"),
];

/// A text of 16,000 bytes.
fn long() -> String {
    "😀".repeat(4_000)
}

/// Sends so many long texts at once.
async fn send_long(from: &Person, to: &Value, count: usize) {
    let payload = json!({ "userId": to, "message": long() });
    let emit = |_| from.client.emit_ack_pipelined("send-message", &payload);
    for answer in futures::future::join_all((0..count).map(emit)).await {
        outcome(answer).unwrap();
    }
}

/// Logs in over a link of so many bytes a second.
async fn over_slow_link(server: &Server, rate: usize, id: &Value) -> (SlowLink, Person) {
    let link = SlowLink::to(server.addr(), rate).await;
    let client = Client::connect(ConnectOptions::new(link.addr())).await;
    let person = Person::new(client.unwrap(), id.clone());
    person.login().await.unwrap();
    person.client.expect_envelope("user-details").await;
    (link, person)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_at_full_speed_gets_a_burst_beyond_an_outbox() {
    let server = Server::with(&[("CHATZZ_OUTBOX_BYTES", "64KiB")]).await;
    let (alice, bob) = server.pair().await;
    let carol = server.person("carol").await;
    carol.add(&bob.id).await.unwrap();
    // of both together three times what an outbox holds
    tokio::join!(send_long(&alice, &bob.id, 6), send_long(&carol, &bob.id, 6),);
    let mut seen = [0, 0];
    while seen != [6, 6] {
        let got = bob.client.wait_for("new-message").await;
        let who = usize::from(got["from"]["_id"] == carol.id);
        seen[who] += 1;
        assert_eq!(got["seq"], seen[who], "in order and without a gap");
    }
}

/// What a slow client gets of texts beyond its outbox: the first and the newest, and the
/// rest as history.
#[tokio::test(flavor = "multi_thread")]
async fn texts_beyond_an_outbox_are_left_out_and_fetched() {
    const SENT: usize = 60;
    let server = Server::with(&SMALL_OUTBOX).await;
    let (alice, bob) = server.pair_with_absent().await;
    // a megabyte is ten seconds of this link, and four outboxes are a quarter of that
    let (_link, bob) = over_slow_link(&server, 100_000, &bob).await;
    send_long(&alice, &bob.id, SENT).await;
    let mut live = Vec::new();
    while live.last() != Some(&(SENT as u64)) {
        let got = bob.client.wait_for("new-message").await;
        live.push(got["seq"].as_u64().unwrap());
    }
    assert!(live.is_sorted(), "{live:?}");
    assert!(live.len() < SENT, "some were left out: {live:?}");
    let gap = (1..).zip(&live).find(|(wanted, seq)| wanted != *seq);
    let (missing, _) = gap.expect("there is a gap");
    let page = json!({ "userId": alice.id, "after": missing - 1, "limit": 1 });
    let page = bob.history(page).await.unwrap();
    assert_eq!(each(&page["messages"], "seq"), [missing]);
    // what was left out is not confirmed by what came after it
    let (_probe, details) = server.arrive(&bob.id).await;
    let contact = &details["connectedUsers"][0];
    assert!(contact["missedFrom"].as_u64() <= Some(missing), "{contact}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_floods_leaves_room_for_the_texts_of_others() {
    let server = Server::with(&SMALL_OUTBOX).await;
    let (alice, bob) = server.pair_with_absent().await;
    let carol = server.person("carol").await;
    carol.add(&bob).await.unwrap();
    let (_link, bob) = over_slow_link(&server, 100_000, &bob).await;
    send_long(&alice, &bob.id, 60).await;
    carol.send(&bob.id, "short").await.unwrap();
    let of_carol = loop {
        let got = bob.client.wait_for("new-message").await;
        if got["from"]["_id"] == carol.id {
            break got;
        }
    };
    assert_eq!(of_carol["message"], "short");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_end_the_login_of_another() {
    let server = Server::with(&SMALL_OUTBOX).await;
    let (alice, bob) = server.pair_with_absent().await;
    send_long(&alice, &bob, 20).await;
    for wire in WIRES {
        // the login takes seconds over this link, and alice does not stop writing
        let link = SlowLink::to(server.addr(), 100_000).await;
        let options = ConnectOptions::new(link.addr()).over(wire);
        let client = Client::connect(options).await.unwrap();
        let person = Person::new(client, bob.clone());
        let login = person
            .client
            .emit_ack_pipelined("connect-user", json!({ "userId": bob }));
        let writing = async {
            for _ in 0..4 {
                send_long(&alice, &bob, 20).await;
            }
        };
        let (login, ()) = tokio::join!(login, writing);
        outcome(login).unwrap_or_else(|error| panic!("{wire:?}: {error}"));
        let details = person.client.wait_for("user-details").await;
        assert_eq!(details["user"]["_id"], bob, "{wire:?}");
        let newest = person.client.wait_for("new-message").await;
        assert_eq!(newest["from"]["_id"], alice.id, "{wire:?}");
        let still = person.client.closed(PATIENCE / 10).await;
        assert!(still.is_err(), "{wire:?}: {still:?}");
    }
}
