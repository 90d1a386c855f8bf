//! The authority matrix: who × event × whose object, generated.
//!
//! People stand in a circle, each with a chat room with the next one, in which both have
//! written. Everybody then tries everything on everything. A cell is one event. What
//! belongs to others must be answered byte for byte as what does not exist, change
//! nothing and be announced to nobody.

use std::collections::HashMap;

use bson::oid::ObjectId;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::user::{Person, code};

/// People in the circle.
const PEOPLE: usize = 32;
/// Messages of each one to the next, and back.
const EACH_WAY: usize = 2;
/// Events of one socket on their way at a time, each answered in time when all sockets send.
const AT_ONCE: usize = 8;
/// Cells that there have to be.
const LEAST: usize = 10_000;

/// One message, and between whom.
struct Written {
    id: Value,
    from: usize,
    to: usize,
}

struct Circle {
    server: Server,
    people: Vec<Person>,
    messages: Vec<Written>,
}

async fn circle() -> Circle {
    // this is not a test of how fast a loaded machine answers
    let server = Server::with(&[("CHATZZ_REQUEST_TIMEOUT", "9s")]).await;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(server.person(&format!("person{number}")).await);
    }
    let mut messages = Vec::new();
    for (index, person) in people.iter().enumerate() {
        let next = (index + 1) % PEOPLE;
        person.add(&people[next].id).await.unwrap();
        for (from, to) in [(index, next), (next, index)].repeat(EACH_WAY) {
            let sent = people[from].send(&people[to].id, "private").await;
            let id = sent.unwrap()["_id"].clone();
            messages.push(Written { id, from, to });
        }
    }
    Circle {
        server,
        people,
        messages,
    }
}

fn neighbours(a: usize, b: usize) -> bool {
    (a + 1) % PEOPLE == b || (b + 1) % PEOPLE == a
}

/// Every event on the conversation with a user.
fn on_conversation(id: &Value) -> Vec<(&'static str, Value)> {
    vec![
        ("send-message", json!({ "userId": id, "message": "x" })),
        (
            "send-message",
            json!({ "userId": id, "message": "x", "clientId": "k", "from": id, "sender": id }),
        ),
        ("get-old-messages", json!({ "userId": id })),
        ("get-old-messages", json!({ "userId": id, "after": 0 })),
        (
            "get-old-messages",
            json!({ "userId": id, "before": 9, "limit": 1 }),
        ),
        (
            "get-old-messages",
            json!({ "userId": id, "date": "2020-01-01" }),
        ),
        ("message-read", json!({ "userId": id, "upTo": 1 })),
        (
            "message-read",
            json!({ "userId": id, "upTo": 4, "from": id }),
        ),
        ("message-delivered", json!({ "userId": id, "upTo": 4 })),
        ("typing", json!({ "userId": id })),
        (
            "typing",
            json!({ "userId": id, "typing": false, "from": id }),
        ),
        ("signal", json!({ "userId": id, "data": { "from": id } })),
        ("get-active-users", json!({ "after": id })),
    ]
}

/// Sends events, many at a time; the bytes of the ack of each.
async fn answers(person: &Person, events: &[(&'static str, Value)]) -> Vec<String> {
    let mut ids = Vec::new();
    for some in events.chunks(AT_ONCE) {
        let mut acks = Vec::new();
        for (event, payload) in some {
            let (id, ack) = person.client.reserve_ack().unwrap();
            let arguments = json!([event, payload]);
            person
                .client
                .emit_raw(format!("42{id}{arguments}"))
                .unwrap();
            ids.push(id);
            acks.push(ack);
        }
        for ack in join_all(acks).await {
            ack.unwrap();
        }
    }
    let received = String::from_utf8(person.client.received_bytes()).unwrap();
    let acks = received.lines().filter_map(|line| {
        let rest = line.strip_prefix("43")?;
        let at = rest.find('[')?;
        Some((rest[..at].parse::<u64>().ok()?, &rest[at..]))
    });
    let acks: HashMap<u64, &str> = acks.collect();
    ids.iter().map(|id| acks[id].to_owned()).collect()
}

/// What this one may not touch: the event, and the bytes of the only answer.
fn foreign(circle: &Circle, me: usize) -> Vec<(&'static str, Value)> {
    let mut events = Vec::new();
    for (other, person) in circle.people.iter().enumerate() {
        // one's own id is not that of a conversation either
        if !neighbours(me, other) {
            events.extend(on_conversation(&person.id));
        }
    }
    for written in circle.messages.iter().filter(|written| written.to != me) {
        let id = &written.id;
        events.push(("message-read", json!({ "messageId": id })));
        events.push((
            "message-read",
            json!({ "messageId": id, "from": id, "to": id }),
        ));
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_another_ones_is_answered_as_what_does_not_exist_and_nothing_happens() {
    let circle = circle().await;
    let hermit = circle.server.person("hermit").await;
    let no_message = json!({ "messageId": ObjectId::new().to_hex() });
    let absent = answers(&hermit, &[("message-read", no_message)]).await;
    let nobody_knows = circle.server.user("nobody knows").await;
    let strange = answers(&hermit, &on_conversation(&nobody_knows)).await;
    let dump = async |name: &str| circle.server.dump(name).await;
    let collections = ["chatmessages", "chatprivacy", "users"];
    let mut before = Vec::new();
    for name in collections {
        before.push(dump(name).await);
    }
    for person in &circle.people {
        person.client.drain();
    }

    let tried = join_all((0..PEOPLE).map(async |me| {
        let events = foreign(&circle, me);
        let got = answers(&circle.people[me], &events).await;
        (events, got)
    }))
    .await;

    let mut cells = 0;
    for (me, (events, got)) in tried.iter().enumerate() {
        let mut conversations = strange.iter().cycle();
        for ((event, payload), answer) in events.iter().zip(got) {
            let is_message = payload.get("messageId").is_some();
            let expected = if is_message {
                &absent[0]
            } else {
                conversations.next().unwrap()
            };
            assert_eq!(answer, expected, "{me}: {event} {payload}");
            cells += 1;
        }
    }
    assert!(cells >= LEAST, "{cells} cells");
    println!("{cells} cells, 0 mismatches");
    for (name, before) in collections.iter().zip(before) {
        assert_eq!(dump(name).await, before, "{name} was changed");
    }
    for person in &circle.people {
        person.client.assert_silent_for_roundtrip().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ones_own_works_and_lists_show_ones_own_alone() {
    let circle = circle().await;
    join_all((0..PEOPLE).map(async |me| {
        let person = &circle.people[me];
        let next = &circle.people[(me + 1) % PEOPLE].id;
        for written in circle.messages.iter().filter(|written| written.to == me) {
            let read = person.read_message(&written.id).await.unwrap();
            assert_eq!(read["status"], "read");
            assert_eq!(read["from"]["_id"], circle.people[written.from].id);
        }
        for (event, payload) in on_conversation(next) {
            let outcome = person.ask(event, payload.clone()).await;
            assert!(outcome.is_ok(), "{me}: {event} {payload}: {outcome:?}");
        }
        let page = person.history(json!({ "userId": next })).await.unwrap();
        for message in page["messages"].as_array().unwrap() {
            let sides = [&message["from"]["_id"], &message["to"]["_id"]];
            assert!(sides.contains(&&person.id) && sides.contains(&next));
        }
    }))
    .await;
    for (me, person) in circle.people.iter().enumerate() {
        let mut active = person.active().await;
        let around = [(me + PEOPLE - 1) % PEOPLE, (me + 1) % PEOPLE];
        let mut around = around.map(|other| circle.people[other].id.clone()).to_vec();
        active.sort_by_key(Value::to_string);
        around.sort_by_key(Value::to_string);
        assert_eq!(active, around);
    }
    join_all((0..PEOPLE).map(async |me| {
        let (person, next) = (&circle.people[me], &circle.people[(me + 1) % PEOPLE].id);
        person.block(next).await.unwrap();
        let settings = json!({ "whitelist": [next] });
        person.set_privacy(settings).await.unwrap();
    }))
    .await;
    for (me, person) in circle.people.iter().enumerate() {
        let next = &circle.people[(me + 1) % PEOPLE].id;
        let before = &circle.people[(me + PEOPLE - 1) % PEOPLE].id;
        assert_eq!(person.blocked().await, std::slice::from_ref(next));
        let own = person.set_privacy(json!({})).await.unwrap();
        assert_eq!(own["whitelist"], json!([next]));
        assert_eq!(person.active().await, std::slice::from_ref(next));
        // blocked by the one before: nobody else's unblocking ends that
        person.unblock(before).await.unwrap();
        assert_eq!(code(person.send(before, "x").await), "blocked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_login_nothing_is_anybodys() {
    let circle = circle().await;
    let socket = circle.server.client().await;
    let person = Person::new(socket, json!("nobody"));
    let mut events = Vec::new();
    for other in &circle.people {
        let id = &other.id;
        events.extend(on_conversation(id));
        events.push(("add-chat-user", json!({ "userToAdd": id })));
        events.push(("block-user", json!({ "userId": id })));
        events.push(("unblock-user", json!({ "userId": id })));
        events.push(("get-blocked-users", json!({ "userId": id })));
        events.push(("get-active-users", json!({})));
        events.push(("set-privacy", json!({ "userId": id, "whitelist": [id] })));
    }
    for written in &circle.messages {
        events.push(("message-read", json!({ "messageId": written.id })));
    }
    let answers = answers(&person, &events).await;
    let first = answers[0].clone();
    assert!(first.contains("\"not-connected\""), "{first}");
    for ((event, payload), answer) in events.iter().zip(answers) {
        assert_eq!(answer, first, "{event} {payload}");
    }
    assert!(circle.server.dump("chatprivacy").await.is_empty());
}
