//! Two servers on one database: one order, one presence, nothing twice.

use std::time::Duration;

use bson::oid::ObjectId;
use mongodb::options::ReadConcern;
use serde_json::Value;

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::frame::Silence;
use crate::support::poll;
use crate::support::user::{Person, each};

/// A look at other nodes every second, behind a write of 250 ms, and some air.
const CONVERGED: Duration = Duration::from_secs(8);
/// Longer than a server takes to notice what another one wrote.
const NOTHING_MORE: Duration = Duration::from_secs(3);

struct Nodes {
    database: TestDatabase,
    one: Binary,
    two: Binary,
    alice: Value,
    bob: Value,
}

/// Two servers that know of each other, and two users.
async fn nodes() -> Nodes {
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let node = async |id: &str| {
        let mut keys = database.keys().to_vec();
        keys.extend([("CHATZZ_NODE_ID", id), ("CHATZZ_LEASE", "3s")]);
        Binary::serve(&keys).await
    };
    let (one, two) = (node("one").await, node("two").await);
    Nodes {
        database,
        one,
        two,
        alice,
        bob,
    }
}

/// Waits until a user was notified of this status of their one contact.
async fn announced(watcher: &Person, status: &str) -> Value {
    loop {
        let envelope = watcher.client.wait_for("chat-user-status-changed").await;
        if envelope["status"] == status {
            return envelope;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn coming_and_going_on_another_node_is_announced() {
    let nodes = nodes().await;
    let (alice, _) = nodes.one.login(&nodes.alice).await;
    alice.add(&nodes.bob).await.unwrap();
    let (bob, details) = nodes.two.login(&nodes.bob).await;
    assert_eq!(details["connectedUsers"][0]["_id"], nodes.alice);

    let envelope = announced(&alice, "online").await;
    assert_eq!(envelope["user"]["_id"], nodes.bob);
    bob.client.close().await;
    let envelope = announced(&alice, "offline").await;
    assert_eq!(envelope["user"]["_id"], nodes.bob);
    assert!(envelope["lastOnline"].is_string(), "{envelope}");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_on_two_nodes_is_offline_only_after_the_last_socket() {
    let nodes = nodes().await;
    let (alice, _) = nodes.one.login(&nodes.alice).await;
    alice.add(&nodes.bob).await.unwrap();
    let (here, _) = nodes.one.login(&nodes.bob).await;
    announced(&alice, "online").await;
    let (there, _) = nodes.two.login(&nodes.bob).await;
    let chat_users = nodes.database.collection("chatusers");
    poll::until("bob is stored on both nodes", CONVERGED, async || {
        let both = bson::doc! { "nodes": { "$size": 2 } };
        let count = chat_users.count_documents(both).await.unwrap();
        (count == 1).then_some(())
    })
    .await;
    tokio::time::sleep(NOTHING_MORE).await;
    alice.client.drain();

    here.client.close().await;
    let silence = alice.client.next_event(NOTHING_MORE).await;
    assert!(matches!(silence, Err(Silence::Timeout(_))), "{silence:?}");

    there.client.close().await;
    announced(&alice, "offline").await;
    tokio::time::sleep(NOTHING_MORE).await;
    assert!(alice.client.drain().is_empty(), "it is told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_moves_to_a_node_that_has_not_seen_them_go_is_online_there() {
    let nodes = nodes().await;
    let (alice, _) = nodes.one.login(&nodes.alice).await;
    alice.add(&nodes.bob).await.unwrap();
    let (bob, _) = nodes.two.login(&nodes.bob).await;
    announced(&alice, "online").await;
    alice.client.close().await;
    bob.client.close().await;
    let chat_users = nodes.database.collection("chatusers");
    poll::until("nobody is stored online", CONVERGED, async || {
        let online = bson::doc! { "status": "online" };
        let count = chat_users.count_documents(online).await.unwrap();
        (count == 0).then_some(())
    })
    .await;

    // mostly before the next look at what the other node wrote
    let (alice, details) = nodes.one.login(&nodes.alice).await;
    assert_eq!(details["connectedUsers"][0]["status"], "offline");
    nodes.one.login(&nodes.bob).await;
    announced(&alice, "online").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_made_through_another_node_hears_who_goes() {
    let nodes = nodes().await;
    let (alice, _) = nodes.one.login(&nodes.alice).await;
    let (bob, _) = nodes.one.login(&nodes.bob).await;
    let (elsewhere, _) = nodes.two.login(&nodes.alice).await;
    elsewhere.add(&nodes.bob).await.unwrap();

    bob.client.close().await;

    // as a contact who is gone already, or goes
    let added = alice.client.wait_for("chat-user-added").await;
    if added["status"] == "online" {
        let envelope = announced(&alice, "offline").await;
        assert_eq!(envelope["user"]["_id"], nodes.bob);
    } else {
        assert_eq!(added["_id"], nodes.bob);
        assert_eq!(added["status"], "offline");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_who_was_made_through_another_node_is_heard_going() {
    let nodes = nodes().await;
    let (alice, _) = nodes.one.login(&nodes.alice).await;
    let (bob, _) = nodes.one.login(&nodes.bob).await;
    let (elsewhere, _) = nodes.two.login(&nodes.alice).await;
    elsewhere.add(&nodes.bob).await.unwrap();
    let added = alice.client.wait_for("chat-user-added").await;
    assert_eq!(added["status"], "online");

    bob.client.close().await;

    let envelope = announced(&alice, "offline").await;
    assert_eq!(envelope["user"]["_id"], nodes.bob);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_sending_through_different_nodes_keep_one_gapless_order() {
    const EACH: usize = 40;
    let nodes = nodes().await;
    let (alice, _) = nodes.one.login(&nodes.alice).await;
    let (bob, _) = nodes.two.login(&nodes.bob).await;
    alice.add(&nodes.bob).await.unwrap();

    let (a, b) = tokio::join!(
        send_many(&alice, &nodes.bob, "from alice", EACH),
        send_many(&bob, &nodes.alice, "from bob", EACH),
    );

    let mut numbers: Vec<u64> = a.iter().chain(&b).copied().collect();
    numbers.sort_unstable();
    let expected: Vec<u64> = (1..=2 * EACH as u64).collect();
    assert_eq!(numbers, expected);
    assert!(
        a.is_sorted() && b.is_sorted(),
        "each in the order of sending"
    );
    // what the other node stored is delivered before what follows it here
    let last = alice.send(&nodes.bob, "the end").await.unwrap();
    let mut seen = Vec::new();
    while seen.last() != last["seq"].as_u64().as_ref() {
        let message = alice.client.wait_for("new-message").await;
        seen.push(message["seq"].as_u64().unwrap());
    }
    let expected: Vec<u64> = (1..=last["seq"].as_u64().unwrap()).collect();
    assert_eq!(seen, expected, "alice is told everything, in order, once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_not_seen_the_chat_room_yet_delivers_what_another_one_stored() {
    let nodes = nodes().await;
    let (alice, _) = nodes.one.login(&nodes.alice).await;
    alice.add(&nodes.bob).await.unwrap();
    alice.send(&nodes.bob, "before bob came").await.unwrap();
    let (bob, details) = nodes.two.login(&nodes.bob).await;
    let missed = &details["missedMessages"][nodes.alice.as_str().unwrap()];
    assert_eq!(each(missed, "seq"), [1]);
    for text in ["two", "three"] {
        alice.send(&nodes.bob, text).await.unwrap();
    }

    bob.send(&nodes.alice, "four").await.unwrap();

    for seq in 2..=4 {
        let message = bob.client.wait_for("new-message").await;
        assert_eq!(message["seq"], seq);
    }
    tokio::time::sleep(NOTHING_MORE).await;
    let more = bob.client.drain().into_iter();
    let more: Vec<_> = more.filter(|e| e.kind == "new-message").collect();
    assert_eq!(more, [], "each is told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_writes_through_one_node_reaches_ones_device_at_another() {
    let nodes = nodes().await;
    let (alice, _) = nodes.one.login(&nodes.alice).await;
    alice.add(&nodes.bob).await.unwrap();
    alice.send(&nodes.bob, "one").await.unwrap();
    // alice's second device, and bob, at a node through which nobody wrote
    let (device, _) = nodes.two.login(&nodes.alice).await;
    let (bob, _) = nodes.two.login(&nodes.bob).await;
    for text in ["two", "three"] {
        alice.send(&nodes.bob, text).await.unwrap();
    }

    bob.send(&nodes.alice, "four").await.unwrap();

    tokio::time::sleep(NOTHING_MORE).await;
    for person in [&device, &bob] {
        let announced = person.client.drain().into_iter();
        let announced = announced.filter(|envelope| envelope.kind == "new-message");
        let announced = announced.filter_map(|envelope| envelope.data["seq"].as_u64());
        // the first came with the login, and may come again
        let announced: Vec<u64> = announced.skip_while(|seq| *seq == 1).collect();
        assert_eq!(announced, [2, 3, 4], "each once, in order");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmations_at_two_nodes_make_one_cursor() {
    let nodes = nodes().await;
    let (alice, _) = nodes.one.login(&nodes.alice).await;
    alice.add(&nodes.bob).await.unwrap();
    alice.send(&nodes.bob, "one").await.unwrap();
    // node two learns the room with nothing confirmed
    let (bob, _) = nodes.two.login(&nodes.bob).await;
    bob.send(&nodes.alice, "two").await.unwrap();
    bob.client.drop_connection().await;
    let (bob, _) = nodes.one.login(&nodes.bob).await;
    alice.send(&nodes.bob, "three").await.unwrap();
    bob.delivered_up_to(&nodes.alice, 3).await.unwrap();
    bob.client.close().await;
    tokio::time::sleep(NOTHING_MORE).await;
    let (bob, details) = nodes.two.login(&nodes.bob).await;
    assert_eq!(details["missedMessages"], serde_json::json!({}));
    alice.send(&nodes.bob, "four").await.unwrap();
    bob.delivered_up_to(&nodes.alice, 4).await.unwrap();
    bob.client.close().await;
    tokio::time::sleep(NOTHING_MORE).await;

    let (_bob, details) = nodes.two.login(&nodes.bob).await;

    assert_eq!(details["missedMessages"], serde_json::json!({}));
}

/// Sends one after another; the numbers.
async fn send_many(person: &Person, to: &Value, text: &str, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        let message = person.send(to, text).await.unwrap();
        numbers.push(message["seq"].as_u64().unwrap());
    }
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_at_one_node_is_not_missed_at_another() {
    let nodes = nodes().await;
    let (alice, _) = nodes.one.login(&nodes.alice).await;
    alice.add(&nodes.bob).await.unwrap();
    for text in ["one", "two", "three"] {
        alice.send(&nodes.bob, text).await.unwrap();
    }
    let (bob, details) = nodes.two.login(&nodes.bob).await;
    let missed = &details["missedMessages"][nodes.alice.as_str().unwrap()];
    assert_eq!(each(missed, "seq"), [1, 2, 3]);
    bob.delivered_up_to(&nodes.alice, 2).await.unwrap();
    bob.client.drop_connection().await;
    let id = ObjectId::parse_str(nodes.bob.as_str().unwrap()).unwrap();
    let people = nodes.database.collection("chatusers");
    let member = people.find_one(bson::doc! { "user": id }).await;
    let member = member.unwrap().unwrap().get_object_id("_id").unwrap();
    let rooms = nodes.database.collection("chatrooms");
    poll::until("the cursor is written", CONVERGED, async || {
        // as servers read: the primary alone may have it a moment earlier
        let find = rooms.find_one(bson::doc! {});
        let room = find.read_concern(ReadConcern::majority()).await;
        let room = room.unwrap().unwrap();
        let cursors = room.get_document("cursors").ok()?;
        let cursor = cursors.get_document(member.to_hex()).ok()?;
        (cursor.get_i64("delivered").ok()? == 2).then_some(())
    })
    .await;

    let (_bob, details) = nodes.one.login(&nodes.bob).await;

    let missed = &details["missedMessages"][nodes.alice.as_str().unwrap()];
    assert_eq!(each(missed, "seq"), [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_chat_rooms_that_another_node_wrote_in_are_answered_at_once() {
    const ROOMS: usize = 40;
    let nodes = nodes().await;
    let (here, _) = nodes.one.login(&nodes.alice).await;
    let (there, _) = nodes.two.login(&nodes.alice).await;
    let mut others = Vec::new();
    for index in 0..ROOMS {
        let other = nodes.database.user(&format!("other {index}")).await;
        here.add(&other).await.unwrap();
        others.push(other);
    }

    // each node in turn, in all chat rooms at once: every number it expects is taken
    for (seq, person) in (1..=10).zip([&here, &there].into_iter().cycle()) {
        let sends = others.iter().map(|other| person.send(other, "at once"));
        for answer in futures::future::join_all(sends).await {
            assert_eq!(answer.unwrap()["seq"], seq);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_pairs_across_two_nodes_write_in_turn() {
    const PAIRS: usize = 20;
    const ROUNDS: u64 = 5;
    let nodes = nodes().await;
    let pairs = (0..PAIRS).map(async |index| {
        let (a, b) = (format!("a{index}"), format!("b{index}"));
        let (a, b) = (nodes.database.user(&a).await, nodes.database.user(&b).await);
        let ((here, _), (there, _)) = tokio::join!(nodes.one.login(&a), nodes.two.login(&b));
        here.add(&b).await.unwrap();
        for round in 0..ROUNDS {
            let question = here.send(&b, "yes?").await.unwrap();
            assert_eq!(question["seq"], 2 * round + 1);
            let answer = there.send(&a, "yes").await.unwrap();
            assert_eq!(answer["seq"], 2 * round + 2);
        }
    });
    futures::future::join_all(pairs).await;
}
