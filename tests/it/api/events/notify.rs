//! Who is to be notified of messages that no device confirmed.

use std::time::Duration;

use bson::{Document, doc};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::super::server_with;
use super::{Page, two, until_begun};
use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::poll::{eventually, until};

const TYPES: &str = "&types=notification.due,notification.withdrawn";

/// The user, and the type, of each event.
fn heard(page: &Page) -> Vec<(Value, &str)> {
    let users = page
        .events
        .iter()
        .map(|event| event["data"]["userId"].clone());
    users.zip(page.types()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_away_is_notified_once_until_they_read_and_that_is_withdrawn() {
    let (server, back_end) = server_with(&[("CHATZZ_NOTIFY_AFTER", "1s")]).await;
    let (alice, bob) = (server.person("alice").await, server.user("bob").await);
    let carol = server.user("carol").await;
    let start = back_end.events("head", "").await.cursor;
    alice.add(&bob).await.unwrap();
    for text in ["one", "two"] {
        alice.send(&bob, text).await.unwrap();
    }

    let due = back_end.events_until(&start, TYPES, 1).await;

    let data = &due.events[0]["data"];
    assert_eq!(heard(&due), [(bob.clone(), "notification.due")]);
    assert_eq!((&data["count"], &data["badge"]), (&2.into(), &2.into()));
    assert_eq!(data["message"]["message"], "two");
    assert_eq!(data["message"]["from"], alice.id);
    alice.send(&bob, "three").await.unwrap();
    // by then bob would have been notified once more
    back_end.send(&bob, &carol, "sentinel", "sentinel").await;
    let next = back_end.events_until(&due.cursor, TYPES, 1).await;
    assert_eq!(heard(&next), [(carol, "notification.due")]);

    let (bob, _) = server.arrive(&bob).await;
    bob.read_up_to(&alice.id, 3).await.unwrap();

    let withdrawn = back_end.events_until(&next.cursor, TYPES, 1).await;
    assert_eq!(
        heard(&withdrawn),
        [(bob.id.clone(), "notification.withdrawn")]
    );
    let data = &withdrawn.events[0]["data"];
    assert_eq!(data["upToSeq"], due.events[0]["data"]["upToSeq"]);
    assert_eq!(data["chatRoomId"], due.events[0]["data"]["chatRoomId"]);
    let again = back_end.events(&start, TYPES).await;
    assert_eq!(
        again.events.len(),
        2,
        "what is read is not to be notified of any more"
    );
    bob.client.close().await;
    alice.send(&bob.id, "four").await.unwrap();
    let anew = back_end.events_until(&withdrawn.cursor, TYPES, 1).await;
    assert_eq!(heard(&anew), [(bob.id.clone(), "notification.due")]);
    assert_eq!(anew.events[0]["data"]["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_device_confirms_is_not_notified() {
    let (server, back_end) = server_with(&[("CHATZZ_NOTIFY_AFTER", "1s")]).await;
    let (alice, bob) = server.pair().await;
    let carol = server.user("carol").await;
    let start = back_end.events("head", "").await.cursor;
    alice.send(&bob.id, "seen").await.unwrap();
    bob.delivered_up_to(&alice.id, 1).await.unwrap();
    alice.add(&carol).await.unwrap();
    alice.send(&carol, "unseen").await.unwrap();

    let due = back_end.events_until(&start, TYPES, 1).await;

    assert_eq!(heard(&due), [(carol, "notification.due")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_waited_with_is_notified_by_another_server_if_that_one_is_killed() {
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let after = [("CHATZZ_NOTIFY_AFTER", "2s")];
    let [(one, _), (_other, back_end)] = two(&database, &after).await;
    until_begun(&database, "notify").await;
    let start = back_end.events("head", "").await.cursor;
    let sent = back_end.send(&alice, &bob, "hello", "key").await;
    assert_eq!(sent.status, 201);

    // the first one was alone when it took the lease
    one.kill().await;

    let due = until("bob is notified", Duration::from_secs(30), async || {
        let page = back_end.events(&start, TYPES).await;
        (!page.events.is_empty()).then_some(page)
    })
    .await;
    assert_eq!(heard(&due), [(bob, "notification.due")]);
    assert_eq!(due.events[0]["data"]["message"]["_id"], sent.body["_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_device_confirms_just_in_time_is_not_notified() {
    const AFTER: Duration = Duration::from_secs(1);
    let (server, back_end) = server_with(&[("CHATZZ_NOTIFY_AFTER", "1s")]).await;
    let bob = server.person("bob").await;
    let carol = server.user("carol").await;
    let mut others = Vec::new();
    for number in 0..3 {
        others.push(server.user(&format!("other-{number}")).await);
    }
    let start = back_end.events("head", "").await.cursor;
    for round in 1..=6 {
        let began = Instant::now();
        let mut seqs = Vec::new();
        for other in &others {
            let sent = back_end
                .send(other, &bob.id, "seen", &round.to_string())
                .await;
            seqs.push(sent.body["seq"].as_u64().unwrap());
        }
        // it is stored a moment later than it is acknowledged
        sleep_until(began + AFTER.mul_f64(0.95)).await;
        for (other, seq) in others.iter().zip(seqs) {
            bob.delivered_up_to(other, seq).await.unwrap();
        }
    }
    back_end.send(&bob.id, &carol, "unseen", "key").await;

    let due = back_end.events_until(&start, TYPES, 1).await;

    assert_eq!(heard(&due), [(carol, "notification.due")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_at_a_server_that_was_killed_at_once_is_withdrawn() {
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let after = [("CHATZZ_NOTIFY_AFTER", "1s")];
    let [(_one, back_end), (other, _)] = two(&database, &after).await;
    until_begun(&database, "notify").await;
    let start = back_end.events("head", "").await.cursor;
    back_end.send(&alice, &bob, "hello", "key").await;
    let due = back_end.events_until(&start, TYPES, 1).await;
    let (at_other, _) = other.login(&bob).await;
    eventually("it is stored where bob is", async || {
        let stored = database.dump("chatusers").await;
        let is_online = |one: &Document| one.get_str("status").unwrap() == "online";
        stored.iter().any(is_online).then_some(())
    })
    .await;
    // what the other server does is in nobody's log any more
    refuse_entries(&database, doc! { "at": "never" }).await;
    at_other.read_up_to(&alice, 1).await.unwrap();
    other.kill().await;
    refuse_entries(&database, doc! {}).await;

    let withdrawn = until("it is withdrawn", Duration::from_secs(30), async || {
        let page = back_end.events(&due.cursor, TYPES).await;
        (!page.events.is_empty()).then_some(page)
    })
    .await;

    assert_eq!(heard(&withdrawn), [(bob, "notification.withdrawn")]);
}

/// Has the database refuse entries of the log that do not fit.
async fn refuse_entries(database: &TestDatabase, validator: Document) {
    let command = doc! { "collMod": "chatzz_events", "validator": validator };
    database.raw().run_command(command).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_due_when_the_server_was_killed_that_wrote_it_is_withdrawn_when_it_is_read() {
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let after = [("CHATZZ_NOTIFY_AFTER", "1s")];
    let [(one, first), (other, second)] = two(&database, &after).await;
    until_begun(&database, "notify").await;
    let meta = database.collection("chatzz_meta");
    let noted = meta
        .find_one(doc! { "_id": "notify" })
        .await
        .unwrap()
        .unwrap();
    let start = first.events("head", "").await.cursor;
    first.send(&alice, &bob, "hello", "key").await;
    let due = second.events_until(&start, TYPES, 1).await;
    assert_eq!(heard(&due), [(bob.clone(), "notification.due")]);
    for server in [one, other] {
        server.kill().await;
    }
    let without = [database.keys().as_slice(), &[("CHATZZ_LEASE", "3s")]].concat();
    let quiet = Binary::serve(&without).await;
    let (reader, _) = quiet.login(&bob).await;
    reader.read_up_to(&alice, 1).await.unwrap();
    quiet.terminate().await;
    // as if it had been killed before it could note in the chat room what it had written
    let unnoted = doc! { "$unset": { "notified": "" } };
    let rooms = database.collection("chatrooms");
    rooms.update_one(doc! {}, unnoted).await.unwrap();
    let back = doc! { "$set": {
        "entry": noted.get_i64("entry").unwrap(), "at": noted.get("at").unwrap(), "boot": "",
        "expiresAt": bson::DateTime::MIN,
    } };
    meta.update_one(doc! { "_id": "notify" }, back)
        .await
        .unwrap();

    let [(_one, back_end), _other] = two(&database, &after).await;

    let withdrawn = until("it is withdrawn", Duration::from_secs(30), async || {
        let page = back_end.events(&due.cursor, TYPES).await;
        (!page.events.is_empty()).then_some(page)
    })
    .await;
    assert_eq!(heard(&withdrawn), [(bob, "notification.withdrawn")]);
    assert_eq!(withdrawn.events[0]["data"]["upToSeq"], 1);
}
