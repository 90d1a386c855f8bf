//! Arbitrary payloads and arbitrary users: exactly one answer each, and no panic.

use std::collections::BTreeSet;

use bson::spec::BinarySubtype;
use bson::{Bson, Document, doc, oid::ObjectId};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use crate::support::contract;
use crate::support::server::Server;
use crate::support::user::{code, outcome};

/// Payloads of each event.
const PAYLOADS: usize = 200;
/// Users with arbitrary documents.
const USERS: usize = 300;

/// Every event that is answered, and one that there is not.
fn events() -> Vec<String> {
    let there_is_not = ["no-such-event".to_owned()];
    contract::events().into_iter().chain(there_is_not).collect()
}

/// The fields of all payloads, and one that there is not.
fn fields() -> Vec<String> {
    let events = contract::events().into_iter();
    let mut fields: BTreeSet<String> = events
        .flat_map(|event| contract::fields(&event, false))
        .collect();
    fields.insert("__proto__".to_owned());
    fields.into_iter().collect()
}

/// Values at which decoders go wrong, besides those of no shape at all.
fn value(known: Vec<Value>) -> impl Strategy<Value = Value> {
    let edge = [
        json!(null),
        json!(0),
        json!(-1),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e308),
        json!(0.5),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("2026-02-30T00:00:00Z"),
        json!("9999-12-31T23:59:60+14:00"),
        json!("-000001-01-01"),
        json!("ffffffffffffffffffffffff"),
        json!("00000000-0000-0000-0000-00000000000"),
        json!({ "$ne": null }),
        json!({ "$oid": "ffffffffffffffffffffffff" }),
        json!([]),
    ];
    let leaf = prop_oneof![
        4 => prop::sample::select(known),
        4 => prop::sample::select(edge.to_vec()),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        2 => any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Mostly objects with the fields that events know.
fn payload(known: Vec<Value>) -> impl Strategy<Value = Value> {
    let fields = prop::sample::subsequence(fields(), 0..5);
    let values = vec(value(known.clone()), 5);
    let object = (fields, values).prop_map(|(fields, values)| {
        Value::Object(fields.into_iter().zip(values).collect::<Map<_, _>>())
    });
    prop_oneof![9 => object, 1 => value(known)]
}

#[tokio::test(flavor = "multi_thread")]
async fn any_payload_of_any_event_is_answered_once() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send(&bob.id, "hello").await.unwrap();
    let known = vec![
        alice.id.clone(),
        bob.id.clone(),
        sent["_id"].clone(),
        json!(1),
    ];
    let strategy = payload(known);
    let mut runner = TestRunner::deterministic();
    let (events, mut refused) = (events(), 0);
    for event in &events {
        let mut answers = Vec::new();
        for _ in 0..PAYLOADS {
            let payload = strategy.new_tree(&mut runner).unwrap().current();
            let answer = bob.client.emit_ack_pipelined(event, &payload);
            answers.push((payload, answer));
        }
        for (payload, answer) in answers {
            // neither silence, nor what is no answer, nor a panic behind it
            if let Err(error) = outcome(answer.await) {
                let code = error["code"].as_str().unwrap();
                let known = !matches!(code, "no-answer" | "internal" | "unknown-outcome");
                assert!(known, "{event} {payload}: {error}");
                refused += 1;
            }
        }
    }
    // the next answer would close a client that got one twice
    let after = bob.ask("no-such-event", json!({})).await;
    assert_eq!(code(after), "bad-request");
    assert!(refused > PAYLOADS, "{refused} were refused");
    assert!(refused < PAYLOADS * events.len(), "some were good");
    alice.login().await.unwrap();
}

/// Any value of a document.
fn bson() -> impl Strategy<Value = Bson> {
    let leaf = prop_oneof![
        any::<f64>().prop_map(Bson::Double),
        prop::sample::select(vec![f64::NAN, f64::INFINITY, -0.0]).prop_map(Bson::Double),
        any::<String>().prop_map(Bson::String),
        any::<bool>().prop_map(Bson::Boolean),
        Just(Bson::Null),
        Just(Bson::Undefined),
        Just(Bson::MinKey),
        Just(Bson::MaxKey),
        any::<i32>().prop_map(Bson::Int32),
        any::<i64>().prop_map(Bson::Int64),
        any::<[u8; 12]>().prop_map(|bytes| Bson::ObjectId(ObjectId::from_bytes(bytes))),
        any::<i64>().prop_map(|ms| Bson::DateTime(bson::DateTime::from_millis(ms))),
        any::<[u8; 16]>().prop_map(|bytes| Bson::Decimal128(bson::Decimal128::from_bytes(bytes))),
        any::<(u32, u32)>()
            .prop_map(|(time, increment)| Bson::Timestamp(bson::Timestamp { time, increment })),
        "[a-z.*]{0,8}".prop_map(Bson::JavaScriptCode),
        "[a-z.*]{0,8}".prop_map(Bson::Symbol),
        (vec(any::<u8>(), 0..20), any::<u8>()).prop_map(|(bytes, subtype)| {
            // 2 has a length of its own inside, which is not arbitrary
            let subtype = BinarySubtype::from(if subtype == 2 { 0 } else { subtype });
            Bson::Binary(bson::Binary { subtype, bytes })
        }),
    ];
    leaf.prop_recursive(6, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Bson::Array),
            btree_map("[^\u{0}]{0,6}", inner, 0..4)
                .prop_map(|map| Bson::Document(map.into_iter().collect::<Document>())),
        ]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn any_user_is_shown_and_their_contact_can_log_in() {
    let keys = [("CHATZZ_USER_FIELDS", "_id,username,avatar,tags.label")];
    let server = Server::with(&keys).await;
    let alice = server.person("alice").await;
    let strategy = (bson(), bson(), bson());
    let mut runner = TestRunner::deterministic();
    for number in 0..USERS {
        let id = format!("user-{number}");
        let (username, avatar, tags) = strategy.new_tree(&mut runner).unwrap().current();
        let user = doc! { "_id": &id, "username": username, "avatar": avatar, "tags": tags };
        server.store_user(user.clone()).await;
        let shown = alice.add(&json!(id)).await;
        let shown = shown.unwrap_or_else(|refusal| panic!("{user}: {refusal}"));
        assert_eq!(shown["_id"], json!(id), "{user}");
    }
    let (again, _) = server.arrive(&alice.id).await;
    // more than a login has room for
    let mut query = json!({ "all": true, "limit": 500 });
    let mut contacts = 0;
    loop {
        let page = again.active_page(query.clone()).await;
        let users = page["users"].as_array().unwrap();
        contacts += users.len();
        query["after"] = users.last().unwrap()["_id"].clone();
        if page["hasMore"] == false {
            break;
        }
    }
    assert_eq!(contacts, USERS);
}
