//! What every event asks of a database with a million messages.

use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, doc};
use serde_json::{Value, json};

use super::{everything_profiled, number, profile};
use crate::support::database::TestDatabase;
use crate::support::server::Server;
use crate::support::user::Person;

const ROOMS: usize = 1_000;
const MESSAGES_EACH: i64 = 1_000;
/// Chat rooms of the one who asks.
const CONTACTS: usize = 50;
/// Of these, those with messages that are not read, and not sent.
const UNREAD_IN: usize = 30;
const MISSED_IN: usize = 10;
/// Last messages of such a chat room, all from the contact.
const UNREAD: i64 = 3;
/// Longer than what is written behind waits.
const WRITTEN: Duration = Duration::from_secs(1);

struct World {
    server: Server,
    alice: Value,
    /// The contacts, as the application knows them.
    contacts: Vec<Value>,
}

/// A server over a database that has been used for long.
async fn world() -> World {
    let database = TestDatabase::shared().await;
    let mut people = Vec::new();
    for number in 0..=CONTACTS {
        people.push(database.user(&format!("person{number}")).await);
    }
    let user_of = |number: usize| match people.get(number) {
        Some(id) => ObjectId::parse_str(id.as_str().unwrap()).unwrap(),
        None => ObjectId::new(),
    };
    let chat_users: Vec<Document> = (0..=ROOMS)
        .map(|number| {
            doc! {
                "_id": ObjectId::new(), "user": user_of(number),
                "status": "offline", "lastOnline": null, "nodes": [],
            }
        })
        .collect();
    let id = |number: usize| chat_users[number].get_object_id("_id").unwrap();
    let now = DateTime::from_millis(1_700_000_000_000);
    let mut rooms = Vec::new();
    let mut seeds = Vec::new();
    for number in 0..ROOMS {
        // the first ones are alice's, the others those of neighbours
        let (a, b) = match number {
            own if own < CONTACTS => (id(0), id(own + 1)),
            other => (id(other), id(other + 1)),
        };
        let (low, high) = (a.min(b), a.max(b));
        let unread = number < UNREAD_IN;
        let missed = number < MISSED_IN;
        let delivered = MESSAGES_EACH - if missed { UNREAD } else { 0 };
        let room = ObjectId::new();
        let by_b = |seq: i64| {
            let alternating = seq.min(MESSAGES_EACH - UNREAD);
            alternating / 2 + (seq - alternating)
        };
        let by_both = [MESSAGES_EACH - by_b(MESSAGES_EACH), by_b(MESSAGES_EACH)];
        let read = MESSAGES_EACH - if unread { UNREAD } else { 0 };
        rooms.push(doc! {
            "_id": room, "chatUsers": [low, high], "pair": format!("{low}:{high}"),
            "createdAt": now, "addedBy": a, "lastSeq": MESSAGES_EACH, "lastMessageAt": now,
            "lastCounts": if a == low { by_both } else { [by_both[1], by_both[0]] },
            "cursors": {
                a.to_hex(): {
                    "delivered": delivered, "read": { "seq": read, "count": by_b(read) },
                },
                b.to_hex(): {
                    "delivered": MESSAGES_EACH,
                    "read": { "seq": MESSAGES_EACH, "count": by_both[0] },
                },
            },
        });
        seeds.push(doc! { "_id": room, "a": a, "b": b, "aFirst": a == low, "missed": missed });
    }
    for (name, documents) in [
        ("chatusers", chat_users),
        ("chatrooms", rooms),
        ("seeds", seeds),
    ] {
        let collection = database.collection(name);
        collection.insert_many(documents).await.unwrap();
    }
    let seeds = database.collection("seeds");
    seeds.aggregate(messages_of_seeds()).await.unwrap();
    let messages = database.collection("chatmessages");
    let stored = messages.estimated_document_count().await.unwrap();
    assert_eq!(stored, 1_000_000);
    // it makes the indexes, which is quicker than having them before
    let server = Server::on_database(database.uri(), database.name(), &[]).await;
    let alice = people.remove(0);
    World {
        server,
        alice,
        contacts: people,
    }
}

/// Makes the messages in the database, which is quicker than sending them.
fn messages_of_seeds() -> Vec<Document> {
    let last = doc! { "$gt": ["$seq", MESSAGES_EACH - UNREAD] };
    let is = |field: &str| doc! { "$and": [field, last.clone()] };
    let from_b = doc! { "$or": [last.clone(), { "$eq": [{ "$mod": ["$seq", 2] }, 0] }] };
    let either = |condition: &Document, yes: Bson, no: Bson| {
        doc! { "$cond": [condition.clone(), yes, no] }
    };
    let alternating = doc! { "$min": ["$seq", MESSAGES_EACH - UNREAD] };
    let by_b = doc! { "$add": [
        { "$floor": { "$divide": [alternating.clone(), 2] } },
        { "$subtract": ["$seq", alternating] },
    ] };
    let by_b = doc! { "$toLong": by_b };
    let by_a = doc! { "$toLong": { "$subtract": ["$seq", by_b.clone()] } };
    let counts = doc! { "$cond": ["$aFirst", [by_a.clone(), by_b.clone()], [by_b, by_a]] };
    let at = DateTime::from_millis(1_700_000_000_000);
    vec![
        doc! { "$addFields": { "seq": { "$range": [1, MESSAGES_EACH + 1] } } },
        doc! { "$unwind": "$seq" },
        doc! { "$project": {
            "_id": 0,
            "chatRoom": "$_id",
            "from": either(&from_b, "$b".into(), "$a".into()),
            "to": either(&from_b, "$a".into(), "$b".into()),
            "message": "Good morning! Is the parcel there?",
            "createdAt": { "$add": [at, "$seq"] },
            "sentAt": either(&is("$missed"), "$$REMOVE".into(), at.into()),
            "seq": { "$toLong": "$seq" },
            "counts": counts,
            "clientId": { "$concat": [{ "$toString": "$_id" }, "-", { "$toString": "$seq" }] },
        } },
        doc! { "$out": "chatmessages" },
    ]
}

/// Everything that a client can ask, each in every form that asks something else.
async fn everything(world: &World) -> Person {
    let World {
        server,
        contacts,
        alice,
    } = world;
    let (alice, details) = server.arrive(alice).await;
    assert_eq!(
        details["connectedUsers"].as_array().unwrap().len(),
        CONTACTS
    );
    assert_eq!(
        details["missedMessages"].as_object().unwrap().len(),
        MISSED_IN
    );
    let bob = server.login(&contacts[0]).await;
    for query in [
        json!({}),
        json!({ "limit": 100 }),
        json!({ "before": 500 }),
        json!({ "after": 10, "limit": 20 }),
        json!({ "after": 997 }),
    ] {
        let mut query = query;
        query["userId"] = contacts[0].clone();
        let page = alice.history(query).await.unwrap();
        assert!(!page["messages"].as_array().unwrap().is_empty(), "{page}");
    }
    let sent = alice.send_with(&bob.id, "hello", "once").await.unwrap();
    assert_eq!(sent["seq"], MESSAGES_EACH + 1);
    let again = alice.send_with(&bob.id, "hello", "once").await.unwrap();
    assert_eq!(again["duplicate"], true);
    alice
        .send(&contacts[40], "to somebody who is not here")
        .await
        .unwrap();
    bob.delivered_up_to(&alice.id, 1_001).await.unwrap();
    bob.read_message(&sent["_id"]).await.unwrap();
    alice.read_up_to(&contacts[20], 1_000).await.unwrap();
    alice.read_up_to(&contacts[1], 999).await.unwrap();
    alice.add(&contacts[0]).await.unwrap();
    bob.add(&contacts[5]).await.unwrap();
    for event in ["block-user", "unblock-user"] {
        let whom = json!({ "userId": contacts[3] });
        alice.ask(event, whom).await.unwrap();
    }
    alice.ask("get-blocked-users", json!({})).await.unwrap();
    let privacy = json!({ "whitelistOnly": true, "whitelist": [contacts[0]] });
    alice.ask("set-privacy", privacy).await.unwrap();
    alice.ask("get-active-users", json!({})).await.unwrap();
    let signal = json!({ "userId": contacts[0], "data": 1 });
    alice.ask("signal", signal).await.unwrap();
    let typing = json!({ "userId": contacts[0] });
    alice.ask("typing", typing).await.unwrap();
    bob.client.close().await;
    tokio::time::sleep(WRITTEN).await;
    alice
}

/// Whether contacts are read by `_id` and those of them are answered who are online:
/// bounded by their number. An index for it would be written at each coming and going.
fn asks_who_is_online(entry: &Document) -> bool {
    let command = entry.get_document("command").cloned().unwrap_or_default();
    let text = command.to_string();
    command
        .get_str("find")
        .is_ok_and(|name| name == "chatusers")
        && text.contains("\"online\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_million_messages_no_event_scans_sorts_reads_twice_what_it_answers_or_writes_users()
{
    let world = world().await;
    profile(&world.server).await;

    let _alice = everything(&world).await;
    let entries = everything_profiled(&world.server).await;

    let mut wrong = Vec::new();
    let (mut asked, mut reads_of_users) = (0, 0);
    for entry in &entries {
        if entry.get_str("ns").unwrap().rsplit('.').next() == Some("users") {
            // I14: find and aggregate, and the commands that continue them
            let op = entry.get_str("op").unwrap();
            let command = entry.get_document("command").unwrap();
            let aggregates =
                command.get("aggregate").is_some() && !command.to_string().contains("$out");
            assert!(matches!(op, "query" | "getmore") || aggregates, "{entry}");
            reads_of_users += 1;
        }
        let plan = entry.get_str("planSummary").unwrap_or_default();
        let examined = number(entry, "docsExamined");
        let served = ["nreturned", "nMatched", "ndeleted"].map(|field| number(entry, field));
        let served = served.iter().sum::<i64>().max(1);
        asked += i64::from(!plan.is_empty());
        let sorts = entry.get_bool("hasSortStage").unwrap_or_default();
        let most = if asks_who_is_online(entry) {
            // bob is looked up twice: as a contact, and as a user who is online
            i64::try_from(CONTACTS + 1).unwrap()
        } else {
            2 * served
        };
        if plan.contains("COLLSCAN") || sorts || examined > most {
            wrong.push(entry);
        }
    }
    assert!(asked > 40, "{asked} queries with a plan");
    assert!(reads_of_users > 2, "{reads_of_users} reads of users");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
