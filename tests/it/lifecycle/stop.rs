//! SIGTERM, a second one, and a restart.

use std::time::{Duration, Instant};

use bson::doc;
use chatzz_dev::mongod::Mongod;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::frame::{Client, CloseCause, ConnectOptions, WIRES};
use crate::support::user::{Person, outcome};
use crate::support::{mongod, poll};

/// The bound of a shutdown.
const DRAINED: Duration = Duration::from_secs(5);

struct Talk {
    database: TestDatabase,
    server: Binary,
    alice: Person,
    bob: Person,
}

/// Two people who have a chat room.
async fn talk(database: TestDatabase) -> Talk {
    let server = Binary::serve(&database.keys()).await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let (alice, _) = server.login(&alice).await;
    let (bob, _) = server.login(&bob).await;
    alice.add(&bob.id).await.unwrap();
    Talk {
        database,
        server,
        alice,
        bob,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing() {
    let talk = talk(TestDatabase::shared().await).await;
    let (alice, bob) = (talk.alice.id.clone(), talk.bob.id.clone());
    for text in ["one", "two", "three"] {
        talk.alice.send(&bob, text).await.unwrap();
    }
    talk.bob.read_up_to(&alice, 2).await.unwrap();
    let before = talk.bob.history(json!({ "userId": alice })).await.unwrap();

    let server = talk.server.restart().await;

    let (bob, details) = server.login(&bob).await;
    assert_eq!(
        bob.history(json!({ "userId": alice })).await.unwrap(),
        before
    );
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["unreadCount"], 1);
    assert_eq!(contact["lastMessage"]["message"], "three");
    let (alice, _) = server.login(&alice).await;
    assert_eq!(alice.send(&bob.id, "four").await.unwrap()["seq"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_answers_what_is_in_flight_and_leaves_nobody_online() {
    let talk = talk(TestDatabase::shared().await).await;
    let sends: Vec<_> = (0..600)
        .map(|number| {
            let payload = json!({ "userId": talk.bob.id, "message": format!("text {number}") });
            talk.alice
                .client
                .emit_ack_pipelined("send-message", payload)
        })
        .collect();
    talk.bob.client.wait_for("new-message").await;
    let started = Instant::now();

    let ended = talk.server.terminate().await;

    assert!(started.elapsed() < DRAINED, "{:?}", started.elapsed());
    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
    let mut acknowledged = Vec::new();
    for send in sends {
        match outcome(send.await) {
            Ok(message) => acknowledged.push(message["_id"].clone()),
            // read after the drain had begun, or never read at all
            Err(error) => assert!(
                error["code"] == "unavailable" || error["code"] == "no-answer",
                "{error}"
            ),
        }
    }
    let stored = talk.database.messages().await;
    let stored: Vec<Value> = stored
        .iter()
        .map(|message| message.get_object_id("_id").unwrap().to_hex().into())
        .collect();
    assert_eq!(
        stored, acknowledged,
        "what is stored is acknowledged, and the reverse"
    );
    for user in talk.database.dump("chatusers").await {
        assert_eq!(user.get_str("status").unwrap(), "offline", "{user}");
        assert!(user.get_array("nodes").unwrap().is_empty(), "{user}");
        assert!(user.get_datetime("lastOnline").is_ok(), "{user}");
    }
    assert_eq!(talk.database.dump("chatzz_nodes").await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_is_as_good_as_sigterm_while_people_stay_connected() {
    let talk = talk(TestDatabase::shared().await).await;
    let started = Instant::now();

    talk.server.signal(Signal::SIGINT);
    let ended = talk.server.ended(DRAINED).await;

    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "nothing was in flight"
    );
    talk.bob.client.closed(DRAINED).await.unwrap();
}

/// Freezes the database, sends, and stops the server.
fn stop_with_a_send_stuck(talk: &Talk, mongod: &Mongod) {
    mongod.signal(Signal::SIGSTOP).unwrap();
    let payload = json!({ "userId": talk.bob.id, "message": "stuck" });
    drop(
        talk.alice
            .client
            .emit_ack_pipelined("send-message", payload),
    );
    talk.server.signal(Signal::SIGTERM);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_frozen_database_still_ends_in_time() {
    let mongod = mongod::start("stop-frozen", |options| options).await;
    let talk = talk(TestDatabase::on(&mongod.uri()).await).await;
    stop_with_a_send_stuck(&talk, &mongod);

    let ended = talk
        .server
        .ended(DRAINED + Duration::from_millis(500))
        .await;

    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
    mongod.signal(Signal::SIGCONT).unwrap();
    mongod.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once() {
    let mongod = mongod::start("stop-twice", |options| options).await;
    let talk = talk(TestDatabase::on(&mongod.uri()).await).await;
    stop_with_a_send_stuck(&talk, &mongod);
    poll::until("it drains", DRAINED, async || {
        talk.server.log().contains("draining").then_some(())
    })
    .await;

    talk.server.signal(Signal::SIGTERM);
    let ended = talk.server.ended(Duration::from_secs(1)).await;

    assert_eq!(ended.status.code(), Some(1), "{}", ended.err);
    mongod.signal(Signal::SIGCONT).unwrap();
    mongod.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_a_restart_on_the_same_port_shows_nobody_online() {
    let talk = talk(TestDatabase::shared().await).await;
    let (alice, bob) = (talk.alice.id.clone(), talk.bob.id.clone());
    let online = doc! { "status": "online" };
    let chat_users = talk.database.collection("chatusers");
    poll::until("both are stored online", DRAINED, async || {
        let count = chat_users.count_documents(online.clone()).await.unwrap();
        (count == 2).then_some(())
    })
    .await;

    let server = talk.server.kill_and_restart().await;

    assert_eq!(chat_users.count_documents(online).await.unwrap(), 0);
    let (_alice, details) = server.login(&alice).await;
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["_id"], bob);
    assert_eq!(contact["status"], "offline");
    assert!(contact["lastOnline"].is_string(), "{contact}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_no_goodbye_over_any_wire() {
    let talk = talk(TestDatabase::shared().await).await;
    let mut people = Vec::new();
    for wire in WIRES {
        let options = ConnectOptions::new(talk.server.addr()).over(wire);
        let alice = Person::new(
            Client::connect(options).await.unwrap(),
            talk.alice.id.clone(),
        );
        alice.login().await.unwrap();
        people.push((wire, alice));
    }

    let ended = talk.server.terminate().await;

    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
    for (wire, alice) in people {
        let cause = alice.client.closed(DRAINED).await.unwrap();
        assert_ne!(cause, CloseCause::Disconnected, "{wire:?}");
        let received = String::from_utf8_lossy(&alice.client.received_bytes()).into_owned();
        // packets are separated by lines or by 0x1e, or have their length before them
        let mut packets = received.split(['\n', '\r', '\u{1e}']);
        let goodbye = packets.find(|packet| ["1", "41", "1:1", "2:41"].contains(packet));
        assert_eq!(goodbye, None, "{wire:?}");
    }
}
