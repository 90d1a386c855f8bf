//! Events that name or could touch much ask the database for little.

use std::collections::BTreeSet;

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use serde_json::{Value, json};

use super::logins::{MISSED, user_with_contacts};
use super::{number, profile, profiled};
use crate::support::server::Server;
use crate::support::user::{Person, code, outcome};

/// Bytes of all answers of the database to these commands.
fn bytes(entries: &[Document]) -> i64 {
    entries
        .iter()
        .map(|entry| number(entry, "responseLength"))
        .sum()
}

/// Emits an event with each of these payloads, a few at once; all must succeed.
async fn emit_all(person: &Person, event: &str, payloads: impl Iterator<Item = Value>) {
    let payloads: Vec<Value> = payloads.collect();
    for some in payloads.chunks(20) {
        let emit = |payload| person.client.emit_ack_pipelined(event, payload);
        for answer in futures::future::join_all(some.iter().map(emit)).await {
            outcome(answer).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_than_ten_thousand_contacts_the_oldest_are_not_looked_at() {
    const MORE: i64 = 3;
    let server = Server::start().await;
    let user = user_with_contacts(&server, 2).await;
    let alice = server.chat_user(&user).await.get_object_id("_id").unwrap();
    let contact = |number: i64| {
        let contact = ObjectId::new();
        let at = DateTime::from_millis(1_700_000_000_000 + number * 1_000);
        doc! {
            "_id": ObjectId::new(), "chatUsers": [alice, contact],
            "pair": format!("{alice}:{contact}"), "createdAt": at, "addedBy": alice,
            "lastSeq": 0_i64, "lastMessageAt": at, "lastCounts": [0_i64, 0_i64], "cursors": {},
        }
    };
    // two of the two contacts' chat rooms are older than all of these
    let rooms = (1..=10_000 - 2 + MORE).map(contact);
    let rooms: Vec<Document> = rooms.collect();
    server
        .collection("chatrooms")
        .insert_many(rooms)
        .await
        .unwrap();
    let alice = server.login(&user).await;
    profile(&server).await;

    alice.active_page(json!({ "limit": 1 })).await;

    let read = profiled(&server).await;
    let pairs = read.iter().map(|entry| number(entry, "nreturned")).max();
    assert_eq!(pairs, Some(10_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_long_messages_reads_little_more_than_it_contains() {
    const MESSAGES: usize = 300;
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    // 16,000 bytes each, of which a page contains sixteen
    let text = "😀".repeat(4_000);
    let payload = json!({ "userId": bob.id, "message": text });
    emit_all(
        &alice,
        "send-message",
        [(); MESSAGES].map(|()| payload.clone()).into_iter(),
    )
    .await;
    for query in [json!({}), json!({ "after": 0 })] {
        profile(&server).await;
        let mut query = query;
        query["userId"] = alice.id.clone();
        query["limit"] = json!(500);
        let page = bob.history(query.clone()).await.unwrap();
        assert_eq!(page["messages"].as_array().unwrap().len(), 16, "{query}");
        assert_eq!(page["hasMore"], true);
        let read = bytes(&profiled(&server).await);
        assert!(read < 2 * 1024 * 1024, "{query}: {read} bytes");
        server.collection("system.profile").drop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_page_of_short_messages_is_complete_in_both_directions() {
    const MESSAGES: u64 = 450;
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let payload = |n: u64| json!({ "userId": bob.id, "message": format!("{n}") });
    emit_all(&alice, "send-message", (1..=MESSAGES).map(payload)).await;
    for query in [
        json!({ "limit": 400 }),
        json!({ "limit": 400, "after": 50 }),
    ] {
        let mut query = query;
        query["userId"] = alice.id.clone();
        let page = bob.history(query).await.unwrap();
        let seqs: Vec<u64> = page["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["seq"].as_u64().unwrap())
            .collect();
        assert_eq!(seqs, (51..=450).collect::<Vec<u64>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_whitelist_asks_the_contact_rule_a_few_times() {
    const FRIENDS: usize = 600;
    let rule = r#"{"collection":"friendships","filter":{"a":"$from","b":"$to"}}"#;
    let server = Server::with(&[("CHATZZ_CONTACT_RULE", rule)]).await;
    let alice = server.person("alice").await;
    let ids = [(); FRIENDS].map(|()| ObjectId::new());
    let users = ids.map(|id| doc! { "_id": id, "username": id.to_hex() });
    server.collection("users").insert_many(users).await.unwrap();
    let me = ObjectId::parse_str(alice.id.as_str().unwrap()).unwrap();
    let friendships = ids.map(|id| doc! { "a": me, "b": id });
    let collection = server.collection("friendships");
    collection.insert_many(&friendships[1..]).await.unwrap();
    let hex: Vec<String> = ids.iter().map(|id| id.to_hex()).collect();

    profile(&server).await;
    let all = alice.set_privacy(json!({ "whitelist": hex })).await;
    assert_eq!(code(all), "user-not-found", "the first is no friend");
    let asked = profiled(&server).await;
    let of_rule = |entry: &&Document| {
        entry
            .get_str("ns")
            .is_ok_and(|ns| ns.ends_with("friendships"))
    };
    let asked = asked.iter().filter(of_rule).count();
    assert!((1..=3).contains(&asked), "{asked} queries");

    let friends = alice.set_privacy(json!({ "whitelist": &hex[1..] })).await;
    let listed = friends.unwrap()["whitelist"].as_array().unwrap().len();
    assert_eq!(listed, FRIENDS - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_beyond_what_a_login_contains_come_by_pages() {
    const CONTACTS: usize = 400;
    let server = Server::start().await;
    let alice = user_with_contacts(&server, CONTACTS).await;
    let (alice, details) = server.arrive(&alice).await;
    assert_eq!(details["moreContacts"], true);
    let first = details["connectedUsers"].as_array().unwrap();
    assert!(first.len() < CONTACTS && details.to_string().len() < 128 * 1024);

    let mut seen = BTreeSet::new();
    let mut missed = 0;
    let mut query = json!({ "all": true, "limit": 500 });
    loop {
        let page = alice.active_page(query.clone()).await;
        assert!(page.to_string().len() < 128 * 1024);
        for contact in page["users"].as_array().unwrap() {
            assert_eq!(contact["status"], "offline");
            assert!(seen.insert(contact["_id"].to_string()), "twice: {contact}");
            missed += usize::from(contact["missedFrom"] == 1);
            query["after"] = contact["_id"].clone();
        }
        if page["hasMore"] == false {
            break;
        }
    }

    assert_eq!((seen.len(), missed), (CONTACTS, MISSED));
    let nobody = alice.active_page(json!({})).await;
    assert_eq!(nobody, json!({ "users": [], "hasMore": false }));
    let bob = server.person("bob").await;
    bob.add(&alice.id).await.unwrap();
    let (_bob, few) = server.arrive(&bob.id).await;
    assert!(few.get("moreContacts").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_contact_who_is_online_costs_little_beside_many() {
    const CONTACTS: usize = 400;
    let server = Server::start().await;
    let alice = user_with_contacts(&server, CONTACTS).await;
    let (alice, details) = server.arrive(&alice).await;
    let online = &details["connectedUsers"][7]["_id"];
    let _online = server.login(online).await;
    profile(&server).await;

    let page = alice.active_page(json!({ "limit": 1 })).await;

    assert_eq!(page["users"][0]["_id"], *online);
    assert_eq!(page["hasMore"], false);
    let read = profiled(&server).await;
    // the ids of both members of each chat room, and one contact
    let most = i64::try_from(CONTACTS).unwrap() * 100 + 4_000;
    assert!(bytes(&read) < most, "{} bytes: {read:?}", bytes(&read));
}
