//! Two servers on one database: what is done through one of them is heard at the other.

use std::time::Duration;

use bson::doc;
use serde_json::{Value, json};

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::poll;
use crate::support::user::Person;

/// Longer than anything takes from one server to the other.
const NOTHING_MORE: Duration = Duration::from_secs(1);

struct Nodes {
    database: TestDatabase,
    one: Binary,
    two: Binary,
}

/// Two servers that know of each other.
async fn nodes(also: &[(&str, &str)]) -> Nodes {
    let database = TestDatabase::shared().await;
    let node = async |id: &str| {
        let mut keys = database.keys().to_vec();
        keys.extend([("CHATZZ_NODE_ID", id), ("CHATZZ_LEASE", "3s")]);
        keys.extend(also);
        Binary::serve(&keys).await
    };
    let (one, two) = (node("one").await, node("two").await);
    Nodes { database, one, two }
}

/// The same with two contacts, one at each.
async fn apart() -> (Nodes, Person, Person) {
    apart_with(&[]).await
}

async fn apart_with(also: &[(&str, &str)]) -> (Nodes, Person, Person) {
    let nodes = nodes(also).await;
    let (alice, bob) = (
        nodes.database.user("alice").await,
        nodes.database.user("bob").await,
    );
    let (alice, _) = nodes.one.login(&alice).await;
    let (bob, _) = nodes.two.login(&bob).await;
    alice.add(&bob.id).await.unwrap();
    bob.client.wait_for("chat-user-added").await;
    (nodes, alice, bob)
}

/// Everything of one kind that a person hears from now on for a while.
async fn heard(person: &Person, kind: &str) -> Vec<Value> {
    tokio::time::sleep(NOTHING_MORE).await;
    let all = person.client.drain().into_iter();
    let all = all.filter(|envelope| envelope.kind == kind);
    all.map(|envelope| envelope.data).collect()
}

fn seqs(messages: &[Value]) -> Vec<u64> {
    let seqs = messages.iter().map(|message| message["seq"].as_u64());
    seqs.map(Option::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_the_other_server_at_once_and_once() {
    let (nodes, alice, bob) = apart().await;
    let (device, _) = nodes.two.login(&alice.id).await;

    let mut sent = Vec::new();
    for text in ["one", "two", "three"] {
        sent.push(alice.send(&bob.id, text).await.unwrap());
    }

    for person in [&bob, &device] {
        let messages = heard(person, "new-message").await;
        assert_eq!(seqs(&messages), [1, 2, 3]);
        assert_eq!(messages[0]["from"]["_id"], alice.id);
        assert_eq!(messages[0]["to"]["_id"], bob.id);
    }
    // sent from the start, or once bob is known to be there and it was handed over
    let changes = heard(&alice, "message-status-changed").await;
    let reached = changes.iter().filter_map(|change| change["seq"].as_u64());
    let not_sent = sent.iter().filter(|one| one["status"] == "not_sent");
    let not_sent = not_sent.map(|one| one["seq"].as_u64().unwrap());
    assert!(not_sent.max() <= reached.max(), "{sent:?}, {changes:?}");
    let mut changes = changes.iter();
    assert!(changes.all(|change| change["status"] == "sent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_heard_by_the_sender_and_by_the_readers_other_devices() {
    let (nodes, alice, bob) = apart().await;
    let (device, _) = nodes.one.login(&bob.id).await;
    for text in ["one", "two", "three"] {
        alice.send(&bob.id, text).await.unwrap();
    }
    heard(&bob, "new-message").await;
    alice.client.drain();

    bob.read_up_to(&alice.id, 3).await.unwrap();

    let changes = heard(&alice, "message-status-changed").await;
    let [change] = &changes[..] else {
        panic!("one change is heard: {changes:?}");
    };
    assert_eq!(
        (&change["status"], &change["seq"]),
        (&json!("read"), &json!(3))
    );
    assert_eq!(change["range"], json!({ "from": 1, "to": 3 }));
    assert!(change["readAt"].is_string(), "{change}");
    let own = heard(&device, "message-status-changed").await;
    let read = own.iter().filter(|change| change["status"] == "read");
    assert_eq!(read.count(), 1, "{own:?}");
    // and a page shows no less
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    let statuses = page["messages"].as_array().unwrap().iter();
    assert!(
        statuses
            .map(|one| &one["status"])
            .all(|status| status == "read"),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_contact_is_heard_by_both_at_every_server() {
    let nodes = nodes(&[]).await;
    let (alice, bob) = (
        nodes.database.user("alice").await,
        nodes.database.user("bob").await,
    );
    let (here, _) = nodes.one.login(&alice).await;
    let (device, _) = nodes.two.login(&alice).await;
    let (invited, _) = nodes.two.login(&bob).await;

    here.add(&bob).await.unwrap();

    let contact = invited.client.wait_for("chat-user-added").await;
    assert_eq!(contact["_id"], alice, "{contact}");
    assert_eq!(contact["status"], "online", "{contact}");
    let contact = device.client.wait_for("chat-user-added").await;
    assert_eq!(contact["_id"], bob, "{contact}");
    invited.send(&alice, "hello").await.unwrap();
    assert_eq!(here.client.wait_for("new-message").await["seq"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_counts_at_the_other_server_at_once() {
    let (nodes, alice, bob) = apart().await;
    let (device, _) = nodes.one.login(&bob.id).await;
    alice.send(&bob.id, "one").await.unwrap();

    bob.block(&alice.id).await.unwrap();

    let change = device.client.wait_for("privacy-changed").await;
    assert_eq!(change, json!({ "userId": alice.id, "blocked": true }));
    let refused = alice.send(&bob.id, "two").await.unwrap_err();
    assert_eq!(refused["code"], "blocked", "{refused}");
    bob.unblock(&alice.id).await.unwrap();
    let change = device.client.wait_for("privacy-changed").await;
    assert_eq!(change, json!({ "userId": alice.id, "blocked": false }));
    bob.set_privacy(json!({ "whitelistOnly": true }))
        .await
        .unwrap();
    let change = device.client.wait_for("privacy-changed").await;
    assert_eq!(change["whitelistOnly"], true, "{change}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_at_another_server_sees_the_blocker_go_and_come() {
    let (nodes, alice, bob) = apart().await;
    let next = async || {
        let change = alice.client.wait_for("chat-user-status-changed").await;
        assert_eq!(change["user"]["_id"], bob.id);
        change["status"].clone()
    };
    // from now on the other server knows where bob is
    bob.client.close().await;
    while next().await != "offline" {}
    let (back, _) = nodes.two.login(&bob.id).await;
    while next().await != "online" {}

    back.block(&alice.id).await.unwrap();
    assert_eq!(next().await, "offline");
    back.unblock(&alice.id).await.unwrap();
    assert_eq!(next().await, "online");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withheld_is_heard_by_its_senders_devices_alone() {
    let withhold = [("CHATZZ_BLOCKED_SENDS", "withhold")];
    let (nodes, alice, bob) = apart_with(&withhold).await;
    let (device, _) = nodes.two.login(&alice.id).await;
    let (reader, _) = nodes.one.login(&bob.id).await;
    bob.block(&alice.id).await.unwrap();
    reader.client.wait_for("privacy-changed").await;
    device.client.drain();
    bob.client.drain();

    let message = alice.send(&bob.id, "nobody hears it").await.unwrap();

    let own = heard(&device, "new-message").await;
    assert_eq!(seqs(&own).last(), message["seq"].as_u64().as_ref());
    assert_eq!(bob.client.drain().len(), 0, "nothing of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_no_gap_and_every_message_in_the_order_of_its_chat_room() {
    const EACH: i64 = 60;
    let (nodes, alice, bob) = apart().await;
    let send = async |person: &Person, to: &Value| {
        for _ in 0..EACH {
            person.send(to, "across").await.unwrap();
        }
    };
    tokio::join!(send(&alice, &bob.id), send(&bob, &alice.id));
    let total = 2 * EACH;

    let logged = poll::until("all is in the log", Duration::from_secs(10), async || {
        let logged = nodes.database.dump("chatzz_events").await;
        let last = logged
            .iter()
            .rev()
            .filter_map(|entry| entry.get_binary_generic("m").ok());
        let reached = last.flat_map(|packed| seqs_of(packed)).max();
        (reached == Some(total)).then_some(logged)
    })
    .await;

    let ids: Vec<i64> = logged
        .iter()
        .map(|one| one.get_i64("_id").unwrap())
        .collect();
    assert_eq!(
        ids,
        (1..).take(ids.len()).collect::<Vec<i64>>(),
        "without a gap"
    );
    let mut next = 1;
    for entry in &logged {
        for seq in entry
            .get_binary_generic("m")
            .map(|m| seqs_of(m))
            .unwrap_or_default()
        {
            assert!(seq <= next, "{seq} comes before {next}");
            next = next.max(seq + 1);
        }
    }
    assert_eq!(next, total + 1);
    let room = doc! { "logged": total };
    poll::until(
        "so the chat room says",
        Duration::from_secs(5),
        async || {
            let rooms = nodes.database.collection("chatrooms");
            rooms.find_one(room.clone()).await.unwrap()
        },
    )
    .await;
}

/// The positions in packed references: at bytes 48 to 56 of each 72.
fn seqs_of(packed: &[u8]) -> Vec<i64> {
    let seqs = packed.chunks(72).map(|one| one[48..56].try_into().unwrap());
    seqs.map(i64::from_be_bytes).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_in_an_old_chat_room_is_one_in_the_log() {
    let (nodes, alice, bob) = apart().await;
    alice.send(&bob.id, "one").await.unwrap();
    let rooms = nodes.database.collection("chatrooms");
    let messages = nodes.database.collection("chatmessages");
    poll::until("it is in the log", Duration::from_secs(5), async || {
        rooms.find_one(doc! { "logged": 1_i64 }).await.unwrap()
    })
    .await;
    drop((nodes.one.terminate().await, nodes.two.terminate().await));
    // ten thousand old ones, as after a migration
    let first = messages.find_one(doc! {}).await.unwrap().unwrap();
    let old = (2..=10_000_i64).map(|seq| {
        let mut one = first.clone();
        one.insert("_id", bson::oid::ObjectId::new());
        one.insert("seq", seq);
        one.insert("counts", vec![seq, 0]);
        one.remove("clientId");
        one
    });
    messages.insert_many(old).await.unwrap();
    let head = doc! { "$set": { "lastSeq": 10_000_i64, "lastCounts": [10_000_i64, 0_i64], "logged": 10_000_i64 } };
    rooms.update_one(doc! {}, head).await.unwrap();
    nodes
        .database
        .collection("chatzz_events")
        .delete_many(doc! {})
        .await
        .unwrap();

    let server = Binary::serve(&nodes.database.keys()).await;
    let (alice, _) = server.login(&alice.id).await;
    let message = alice.send(&bob.id, "the next").await.unwrap();

    assert_eq!(message["seq"], 10_001);
    let logged = poll::until("it is in the log", Duration::from_secs(5), async || {
        let logged = nodes.database.dump("chatzz_events").await;
        let packed = logged
            .iter()
            .filter_map(|entry| entry.get_binary_generic("m").ok());
        let seqs: Vec<i64> = packed.flat_map(|packed| seqs_of(packed)).collect();
        (!seqs.is_empty()).then_some(seqs)
    })
    .await;
    assert_eq!(logged, [10_001]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_did_not_write_into_the_log_is_found_and_announced() {
    let (nodes, alice, bob) = apart().await;
    for text in ["one", "two"] {
        alice.send(&bob.id, text).await.unwrap();
    }
    // answered, and within the time in which the log waits for more
    let last = alice.send(&bob.id, "the last").await.unwrap();
    drop(nodes.one.kill().await);

    let lease = Duration::from_secs(3);
    let mut messages: Vec<u64> = Vec::new();
    poll::until(
        "all is announced",
        lease + Duration::from_secs(3),
        async || {
            let more = bob.client.drain().into_iter();
            let more = more.filter(|envelope| envelope.kind == "new-message");
            messages.extend(more.filter_map(|envelope| envelope.data["seq"].as_u64()));
            (messages.last() == last["seq"].as_u64().as_ref()).then_some(())
        },
    )
    .await;

    assert_eq!(messages, [1, 2, 3]);
    let leases = nodes.database.collection("chatzz_nodes");
    poll::until("the lease is gone", Duration::from_secs(8), async || {
        let count = leases.count_documents(doc! { "_id": "one" }).await.unwrap();
        (count == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_writes_what_it_left_behind() {
    let database = TestDatabase::shared().await;
    let mut keys = database.keys().to_vec();
    keys.extend([("CHATZZ_NODE_ID", "one"), ("CHATZZ_LEASE", "3s")]);
    let server = Binary::serve(&keys).await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let (person, _) = server.login(&alice).await;
    person.add(&bob).await.unwrap();
    // no entry is written for a tenth of a second
    let sends = (0..5).map(|_| person.send(&bob, "hello"));
    for sent in futures::future::join_all(sends).await {
        sent.unwrap();
    }
    let _server = server.kill_and_restart().await;

    let logged = poll::until("all is in the log", Duration::from_secs(10), async || {
        let logged = database.dump("chatzz_events").await;
        let packed = logged
            .iter()
            .filter_map(|entry| entry.get_binary_generic("m").ok());
        let seqs: Vec<i64> = packed.flat_map(|packed| seqs_of(packed)).collect();
        (seqs.last() == Some(&5)).then_some(seqs)
    })
    .await;

    assert!(
        logged.windows(2).all(|pair| pair[1] <= pair[0] + 1),
        "{logged:?}"
    );
    assert_eq!(logged.first(), Some(&1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_another_one_makes_everybody_log_in_anew() {
    let (nodes, alice, bob) = apart().await;
    alice.send(&bob.id, "one").await.unwrap();
    let events = nodes.database.collection("chatzz_events");
    poll::until("it is in the log", Duration::from_secs(5), async || {
        events
            .find_one(doc! { "m": { "$exists": true } })
            .await
            .unwrap()
    })
    .await;

    // as after a restore of a backup, while more is being written
    let goes_on = async {
        for _ in 0..20 {
            // the sockets are cut in between
            let _ = alice.send(&bob.id, "more").await;
        }
    };
    let (removed, ()) = tokio::join!(async { events.delete_many(doc! {}).await }, goes_on);
    removed.unwrap();

    for person in [&alice, &bob] {
        let closed = person.client.closed(Duration::from_secs(5)).await;
        let logs = [&nodes.one, &nodes.two].map(Binary::log);
        assert!(closed.is_ok(), "{}: {logs:?}", person.id);
    }
    let (alice, _) = nodes.one.login(&alice.id).await;
    let (bob, _) = nodes.two.login(&bob.id).await;
    alice.send(&bob.id, "two").await.unwrap();
    let message = bob.client.wait_for("new-message").await;
    assert_eq!(message["message"], "two");
    assert!(nodes.one.log().contains("the log of events is another one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_has_written_its_log() {
    let (nodes, alice, bob) = apart().await;
    for text in ["one", "two", "the last"] {
        alice.send(&bob.id, text).await.unwrap();
    }
    drop(nodes.one.terminate().await);

    let logged = nodes.database.dump("chatzz_events").await;
    let packed = logged
        .iter()
        .filter_map(|entry| entry.get_binary_generic("m").ok());
    let seqs: Vec<i64> = packed.flat_map(|packed| seqs_of(packed)).collect();
    assert_eq!(seqs.iter().max(), Some(&3), "{seqs:?}");
    let leases = nodes.database.collection("chatzz_nodes");
    let count = leases.count_documents(doc! { "_id": "one" }).await.unwrap();
    assert_eq!(count, 0, "it gave its lease up");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_login_contains_is_not_announced_after_it_though_another_server_stored_it() {
    let (nodes, alice, bob) = apart().await;
    let alice_too = nodes.two.login(&alice.id).await.0;
    for number in 1..=20 {
        let text = number.to_string();
        let sent = bob.send(&alice.id, &text).await.unwrap();
        alice_too.client.wait_for("new-message").await;
        alice_too.read_up_to(&bob.id, number).await.unwrap();

        // the first server has not heard of it by the log yet, or has just now
        let (third, details) = nodes.one.login(&alice.id).await;

        let last = &details["connectedUsers"][0]["lastMessage"];
        assert_eq!(last["seq"], sent["seq"], "the login contains it");
        alice.client.wait_for("new-message").await;
        third.history(json!({ "userId": bob.id })).await.unwrap();
        let heard = third.client.drain().into_iter();
        let heard = heard.filter(|envelope| envelope.kind == "new-message");
        assert_eq!(
            heard.map(|envelope| envelope.data).collect::<Vec<_>>(),
            [Value::Null; 0]
        );
    }
}
