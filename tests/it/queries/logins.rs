//! The queries of a login.

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use serde_json::Value;

use super::{number, profile, profiled};
use crate::support::server::Server;

/// Contacts whose message has not been sent yet.
pub(super) const MISSED: usize = 20;

/// Stores `count` contacts of a new user as earlier days would have left them: each with
/// a chat room and one message, some of which were not sent.
pub(super) async fn user_with_contacts(server: &Server, count: usize) -> Value {
    let user = server.user("alice").await;
    let alice = ObjectId::new();
    let alice_user = ObjectId::parse_str(user.as_str().unwrap()).unwrap();
    let now = DateTime::from_millis(1_700_000_000_000);
    let chat_user = |id: ObjectId, user: ObjectId| {
        doc! { "_id": id, "user": user, "status": "offline", "lastOnline": null, "nodes": [] }
    };
    let mut users = Vec::new();
    let mut chat_users = vec![chat_user(alice, alice_user)];
    let mut rooms = Vec::new();
    let mut messages = Vec::new();
    for number in 0..count {
        let (user, contact, room) = (ObjectId::new(), ObjectId::new(), ObjectId::new());
        let missed = number < MISSED;
        let delivered = i64::from(!missed);
        users.push(doc! { "_id": user, "username": format!("contact{number}") });
        chat_users.push(chat_user(contact, user));
        rooms.push(doc! {
            "_id": room, "chatUsers": [alice, contact], "pair": format!("{alice}:{contact}"),
            "createdAt": now, "addedBy": alice, "lastSeq": 1_i64, "lastMessageAt": now,
            "lastCounts": [0_i64, 1_i64],
            "cursors": { alice.to_hex(): { "delivered": delivered } },
        });
        let mut message = doc! {
            "_id": ObjectId::new(), "chatRoom": room, "from": contact, "to": alice, "seq": 1_i64,
            "message": "hello", "createdAt": now, "counts": [0_i64, 1_i64],
        };
        if !missed {
            message.insert("sentAt", now);
        }
        messages.push(message);
    }
    for (collection, documents) in [
        ("users", users),
        ("chatusers", chat_users),
        ("chatrooms", rooms),
        ("chatmessages", messages),
    ] {
        let collection = server.collection(collection);
        collection.insert_many(documents).await.unwrap();
    }
    user
}

/// Whether a lane asked, to learn the numbering of rooms in which it is about to mark
/// messages as sent: it names rooms, and not all of them.
fn is_of_a_lane(entry: &Document) -> bool {
    let command = entry.get_document("command").cloned().unwrap_or_default();
    let text = command.to_string();
    let of_rooms = text.contains("chatRoom") && text.contains("$first")
        || command
            .get_str("find")
            .is_ok_and(|name| name == "chatrooms")
            && text.contains("_id");
    let rooms = text.matches("ObjectId(").count();
    of_rooms && rooms <= MISSED
        || command
            .get_str("find")
            .is_ok_and(|name| name == "chatmessages")
}

#[tokio::test(flavor = "multi_thread")]
async fn hole_19_a_login_with_a_thousand_contacts_asks_thirteen_times_and_scans_nothing() {
    let server = Server::start().await;
    let user = user_with_contacts(&server, 1_000).await;
    profile(&server).await;

    let alice = server.login(&user).await;
    let details = alice.client.expect_envelope("user-details").await;
    let entries = profiled(&server).await;

    // what fits into an answer; the others are asked for page by page
    assert_eq!(details["moreContacts"], true);
    let contacts = details["connectedUsers"].as_array().unwrap().len();
    assert!((100..200).contains(&contacts), "{contacts}");
    assert_eq!(details["missedMessages"].as_object().unwrap().len(), MISSED);
    let reads: Vec<&Document> = entries
        .iter()
        .filter(|entry| {
            let command = entry.get_document("command").cloned().unwrap_or_default();
            command.contains_key("aggregate") || command.contains_key("find")
        })
        .filter(|entry| !is_of_a_lane(entry))
        .collect();
    let of_lanes = entries.iter().filter(|entry| is_of_a_lane(entry)).count();
    assert!(of_lanes <= 5 * MISSED, "{of_lanes} reads of lanes");
    // own user, own chat user, the newest rooms, all pairs, missed; and for the first
    // twenty and for the others contacts, their users, who of them blocked one, last
    let most = 13;
    assert!(
        reads.len() <= most,
        "{} reads: {:#?}",
        reads.len(),
        reads.iter().map(|e| e.get_str("ns")).collect::<Vec<_>>()
    );
    for entry in &entries {
        let plan = entry.get_str("planSummary").unwrap_or_default();
        assert!(!plan.contains("COLLSCAN"), "a collection scan: {entry}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hole_19_a_login_with_a_thousand_contacts_scans_nothing_in_dialect_1_either() {
    let server = Server::with(&[("CHATZZ_DIALECT", "1")]).await;
    let user = user_with_contacts(&server, 1_000).await;
    profile(&server).await;

    let alice = server.login(&user).await;
    let details = alice.client.expect_envelope("user-details").await;
    let entries = profiled(&server).await;

    let contacts = details["connectedUsers"].as_array().unwrap();
    assert_eq!(contacts.len(), 1_000, "there are no further pages");
    for entry in &entries {
        let plan = entry.get_str("planSummary").unwrap_or_default();
        assert!(!plan.contains("COLLSCAN"), "a collection scan: {entry}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_message_of_each_room_is_one_document_read_and_tells_the_unread_count() {
    let server = Server::start().await;
    let user = user_with_contacts(&server, 100).await;
    profile(&server).await;

    let _alice = server.login(&user).await;
    let entries = profiled(&server).await;

    let messages: Vec<&Document> = entries
        .iter()
        .filter(|entry| {
            entry
                .get_str("ns")
                .is_ok_and(|ns| ns.ends_with("chatmessages"))
        })
        .collect();
    // (documents examined, documents returned) of every query with that plan
    let costs = |plan: &str| -> Vec<(i64, i64)> {
        let matching = messages.iter().filter(|entry| {
            let summary = entry.get_str("planSummary").unwrap_or_default();
            summary.contains(plan)
        });
        matching
            .map(|entry| (number(entry, "docsExamined"), number(entry, "nreturned")))
            .collect()
    };
    let last = costs("DISTINCT_SCAN");
    let returned: i64 = last.iter().map(|(_, returned)| returned).sum();
    assert_eq!(returned, 100, "one document a room: {last:?}");
    let wasted = last.iter().any(|(examined, returned)| examined != returned);
    assert!(!wasted, "{last:?}");
    // the last ones, and those that were missed
    let examined: i64 = costs("").iter().map(|(examined, _)| examined).sum();
    let most = 100 + i64::try_from(MISSED).unwrap();
    assert!(examined <= most, "{examined} documents: nothing is counted");
}

/// The unread counts of a user of whose two contacts each sent so many messages.
async fn unread_counts(server: &Server, each: [usize; 2]) -> Vec<Value> {
    let user = user_with_contacts(server, 2).await;
    let messages = server.collection("chatmessages");
    let stored = server.dump("chatmessages").await;
    let first = stored.iter().rev().take(2).rev().zip(each);
    let more = first.flat_map(|(message, count)| {
        (2..=count).map(|seq| {
            let mut another = message.clone();
            another.insert("_id", ObjectId::new());
            let seq = i64::try_from(seq).unwrap();
            another.insert("seq", seq);
            another.insert("counts", [0, seq]);
            another
        })
    });
    let more: Vec<Document> = more.collect();
    messages.insert_many(more).await.unwrap();
    let alice = server.login(&user).await;
    let details = alice.client.expect_envelope("user-details").await;
    let contacts = details["connectedUsers"].as_array().unwrap().iter();
    let mut counts: Vec<Value> = contacts.map(|one| one["unreadCount"].clone()).collect();
    counts.sort_by_key(Value::as_i64);
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_messages_are_counted_by_the_last_one() {
    let server = Server::start().await;
    for each in [[3, 7], [99, 100], [100, 100], [150, 250]] {
        assert_eq!(unread_counts(&server, each).await, each, "of {each:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_users_who_were_read_a_moment_ago_only_the_one_who_logs_in_is_read_again() {
    let server = Server::start().await;
    let user = user_with_contacts(&server, 20).await;
    let first = server.login(&user).await;
    profile(&server).await;

    let second = server.login(&user).await;
    let entries = profiled(&server).await;

    let details = [
        first.client.expect_envelope("user-details").await,
        second.client.expect_envelope("user-details").await,
    ];
    let names = details.map(|details| {
        let contacts = details["connectedUsers"].as_array().unwrap().iter();
        let mut names: Vec<Value> = contacts.map(|one| one["username"].clone()).collect();
        names.sort_by_key(Value::to_string);
        names
    });
    assert_eq!(names[0].len(), 20);
    assert!(names[0].iter().all(Value::is_string));
    assert_eq!(names[0], names[1]);
    let of = |collection: &str| -> Vec<&Document> {
        let ends = |entry: &&Document| entry.get_str("ns").is_ok_and(|ns| ns.ends_with(collection));
        entries.iter().filter(ends).collect()
    };
    assert!(
        !of(".chatrooms").is_empty(),
        "the login was looked at: {entries:#?}"
    );
    let users = of(".users");
    assert_eq!(users.len(), 1, "whether they still exist: {entries:#?}");
    assert_eq!(users[0].get_i32("nreturned").unwrap(), 1, "{users:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_contacts_online_asks_eight_times_and_scans_nothing() {
    let server = Server::start().await;
    let user = user_with_contacts(&server, 1_000).await;
    let alice = server.login(&user).await;
    let details = alice.client.expect_envelope("user-details").await;
    let contacts = details["connectedUsers"].as_array().unwrap();
    let mut online = Vec::new();
    for contact in contacts.iter().rev().take(3) {
        online.push(server.arrive(&contact["_id"]).await.0);
    }
    let database = server.database();
    database.run_command(doc! { "profile": 2 }).await.unwrap();

    let page = alice.ask("get-active-users", serde_json::json!({})).await;
    let entries = profiled(&server).await;

    assert_eq!(page.unwrap()["users"].as_array().unwrap().len(), 3);
    let is_read = |entry: &&Document| {
        let command = entry.get_document("command").cloned().unwrap_or_default();
        command.contains_key("aggregate") || command.contains_key("find")
    };
    // pairs, who is online, who of them blocked one, rooms; and as at a login their chat
    // users, users, who blocked one, last
    let reads = entries.iter().filter(is_read).count();
    assert!((5..=8).contains(&reads), "{reads} reads: {entries:#?}");
    for entry in &entries {
        let plan = entry.get_str("planSummary").unwrap_or_default();
        assert!(!plan.contains("COLLSCAN"), "a collection scan: {entry}");
    }
}
