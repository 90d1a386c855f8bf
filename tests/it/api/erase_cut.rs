//! An erasure that is cut off, or that meets what others do meanwhile.

use std::time::Duration;

use bson::{Bson, DateTime, Document, doc};
use chatzz::config::ApiScope;
use chatzz::id::ChatUserId;
use chatzz::store::PresenceChange;
use serde_json::{Value, json};

use super::export::fill;
use super::server;
use super::servers::{Two, two};
use crate::support::poll::eventually;
use crate::verify::store_of;

/// The last line of an erasure.
fn end(lines: &[Value]) -> &Value {
    lines.last().expect("it has lines")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_killed_before_anybody_learned_of_the_new_name_is_ended_by_another_server() {
    let Two {
        database,
        servers: [one, two],
        back_ends: [first, second],
        alice,
        bob,
    } = two(&[ApiScope::Send, ApiScope::Privacy, ApiScope::Events]).await;
    first.send(&alice, &bob, "secret", "1").await;
    // the other server remembers whose chat user is whose
    let start = second.get("/v1/events?after=head").await.body["cursor"].clone();
    let start = start.as_str().unwrap();
    second.send(&alice, &bob, "secret, too", "2").await;
    let erase = format!("/v1/users/{}/erase", alice.as_str().unwrap());
    let refuse_entries = async |validator: Document| {
        let command = doc! { "collMod": "chatzz_events", "validator": validator };
        database.raw().run_command(command).await.unwrap();
    };
    refuse_entries(doc! { "at": "never" }).await;
    let target = erase.clone();
    let cut = tokio::spawn(async move { first.call_as("POST", &target, &[], "").await });
    let renamed = doc! { "user": { "$regex": "^erased:" } };
    eventually("the chat user has its new name", async || {
        let chat_users = database.collection("chatusers");
        chat_users.find_one(renamed.clone()).await.unwrap()
    })
    .await;

    one.kill().await;
    // what it was answered does not matter
    cut.abort();
    refuse_entries(doc! {}).await;
    let answer = second.call_as("POST", &erase, &[], "").await;

    assert_eq!(end(&answer.lines())["kind"], "end", "{answer:?}");
    let types = format!("/v1/events?after={start}&wait=5s&types=user.erased");
    let events = second.get(&types).await;
    let events = events.body["events"].as_array().unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["data"]["userId"], alice);
    let stored = database.dump("chatmessages").await;
    assert_eq!(stored.len(), 2);
    assert!(
        stored
            .iter()
            .all(|one| one.get_str("message").unwrap().is_empty())
    );
    let meta = database.dump("chatzz_meta").await;
    assert!(!format!("{meta:?}").contains("erasure:"), "{meta:?}");
    let (_, details) = two.login(&alice).await;
    assert_eq!(details["connectedUsers"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_ends_late_leaves_no_time_with_who_is_erased() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    alice.client.close().await;
    let of = async |id: &Value| {
        let found = server.chat_user(id).await.get_object_id("_id").unwrap();
        ChatUserId::parse(&found.to_hex()).unwrap()
    };
    let (erased, other) = (of(&alice.id).await, of(&bob.id).await);
    let erase = format!("/v1/users/{}/erase", alice.id.as_str().unwrap());
    let answer = back_end.call_as("POST", &erase, &[], "").await;
    assert_eq!(end(&answer.lines())["kind"], "end", "{answer:?}");
    let store = store_of(&server).await;
    let left = DateTime::from_millis(4_000_000_000_000);
    let stored = async |who: ChatUserId| {
        let id = bson::oid::ObjectId::from_bytes(who.bytes());
        let chat_users = server.collection("chatusers");
        chat_users
            .find_one(doc! { "_id": id })
            .await
            .unwrap()
            .unwrap()
    };

    // what a server that did not know it yet may still write
    for change in [
        PresenceChange::Online(Some(left)),
        PresenceChange::Offline(left),
    ] {
        let changes = [erased, other].map(|who| (who, change)).into();
        let written = store.bulk_writes.presence("late", &changes).await;
        written.unwrap();
        let tombstone = stored(erased).await;
        assert_eq!(tombstone.get("lastOnline"), Some(&Bson::Null), "{change:?}");
        let of_bob = stored(other).await;
        assert_eq!(
            of_bob.get_datetime("lastOnline").unwrap(),
            &left,
            "{change:?}"
        );
    }

    let tombstone = stored(erased).await;
    assert_eq!(tombstone.get_str("status").unwrap(), "offline");
    assert!(
        !tombstone.contains_key("changedAt") && !tombstone.contains_key("changedBy"),
        "{tombstone}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_redact_the_same_use_every_change_once() {
    const MESSAGES: i64 = 6_000;
    let Two {
        database,
        servers: _servers,
        back_ends: [first, second],
        alice,
        bob,
    } = two(&[ApiScope::Send, ApiScope::Manage]).await;
    let opened = json!({ "from": alice, "to": bob });
    first.call("PUT", "/v1/chat-rooms", &opened).await;
    let room = database.dump("chatrooms").await.remove(0);
    fill(&room, database.collection("chatmessages"), MESSAGES).await;
    let target = format!(
        "/v1/chat-rooms/{}/redact",
        room.get_object_id("_id").unwrap().to_hex()
    );
    // one of them has only half of the messages to redact
    let redact = async |back_end: &super::BackEnd, mut body: Value| {
        loop {
            let answer = back_end.call("POST", &target, &body).await;
            if answer.status != 200 {
                // the other one was faster again and again
                assert!(answer.status >= 500, "{answer:?}");
                continue;
            }
            if answer.body["hasMore"] == false {
                return;
            }
            body["after"] = answer.body["upTo"].clone();
        }
    };

    tokio::time::timeout(Duration::from_mins(2), async {
        tokio::join!(
            redact(&first, json!({})),
            redact(&second, json!({ "from": alice })),
            redact(&second, json!({})),
        )
    })
    .await
    .expect("they end");

    let stored = database.dump("chatmessages").await;
    let mut revs: Vec<i64> = stored
        .iter()
        .map(|one| one.get_i64("rev").unwrap())
        .collect();
    revs.sort_unstable();
    let is_whole = revs.iter().copied().eq(1..=MESSAGES);
    assert!(is_whole, "{} up to {:?}", revs.len(), revs.last());
}
