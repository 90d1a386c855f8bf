//! `CHATZZ_CONTACT_RULE`: the application's own data says who may write.

use std::collections::BTreeSet;
use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Document, doc};
use serde_json::{Value, json};

use crate::support::contract;
use crate::support::poll;
use crate::support::server::Server;
use crate::support::user::{Person, code, each};

const RULE: &str = r#"{"collection":"friendships","filter":{
    "$or":[{"a":"$from","b":"$to"},{"a":"$to","b":"$from"}],"state":"accepted"}}"#;

async fn server(cache: &str) -> Server {
    Server::with(&[
        ("CHATZZ_CONTACT_RULE", RULE),
        ("CHATZZ_CONTACT_RULE_CACHE", cache),
    ])
    .await
}

fn object_id(id: &Value) -> ObjectId {
    ObjectId::parse_str(id.as_str().unwrap()).unwrap()
}

fn friendship(a: &Person, b: &Person, state: &str) -> Document {
    doc! { "a": object_id(&a.id), "b": object_id(&b.id), "state": state }
}

async fn befriend(server: &Server, a: &Person, b: &Person) {
    let friends = friendship(a, b, "accepted");
    let collection = server.collection("friendships");
    collection.insert_one(friends).await.unwrap();
}

async fn part(server: &Server) {
    let collection = server.collection("friendships");
    collection.delete_many(doc! {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn friends_may_write_both_ways_and_others_are_not_there() {
    let server = server("30s").await;
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let carol = server.person("carol").await;
    let asked = friendship(&carol, &bob, "asked");
    server
        .collection("friendships")
        .insert_one(asked)
        .await
        .unwrap();
    befriend(&server, &alice, &bob).await;
    let before = server.dump("friendships").await;

    alice.add(&bob.id).await.unwrap();
    alice.send(&bob.id, "hello").await.unwrap();
    bob.send(&alice.id, "hello").await.unwrap();

    assert_eq!(code(carol.add(&bob.id).await), "user-not-found");
    assert_eq!(code(bob.add(&carol.id).await), "user-not-found");
    assert_eq!(code(carol.send(&bob.id, "x").await), "user-not-found");
    assert_eq!(code(alice.add(&alice.id).await), "cannot-add-self");
    assert_eq!(server.dump("chatrooms").await.len(), 1);
    assert_eq!(server.dump("friendships").await, before, "it is only read");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_friendship_shows_within_the_cache_time_and_the_history_stays() {
    let server = server("1s").await;
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    befriend(&server, &alice, &bob).await;
    alice.add(&bob.id).await.unwrap();
    alice.send_with(&bob.id, "hello", "key").await.unwrap();

    part(&server).await;
    poll::until("sends are refused", Duration::from_secs(5), async || {
        let refused = alice.send(&bob.id, "still?").await.err()?;
        assert_eq!(refused["code"], "user-not-found");
        Some(())
    })
    .await;

    assert_eq!(code(alice.add(&bob.id).await), "user-not-found");
    let repeat = alice.send_with(&bob.id, "hello", "key").await.unwrap();
    assert_eq!(repeat["duplicate"], true);
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    assert_eq!(each(&page["messages"], "message")[0], "hello");
    bob.read_up_to(&alice.id, 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_believed_for_the_cache_time_but_adding_asks_anew() {
    let server = server("1h").await;
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    assert_eq!(code(alice.send(&bob.id, "x").await), "user-not-found");
    befriend(&server, &alice, &bob).await;
    assert_eq!(
        code(alice.send(&bob.id, "x").await),
        "user-not-found",
        "the answer before is believed"
    );

    alice.add(&bob.id).await.unwrap();
    alice.send(&bob.id, "hello").await.unwrap();
    part(&server).await;

    alice.send(&bob.id, "still").await.unwrap();
    assert_eq!(code(alice.add(&bob.id).await), "user-not-found");
    assert_eq!(code(alice.send(&bob.id, "x").await), "user-not-found");
}

/// Every event that names a user, about this one.
fn events(id: &Value) -> Vec<(&'static str, Value)> {
    vec![
        ("add-chat-user", json!({ "userToAdd": id })),
        ("send-message", json!({ "userId": id, "message": "x" })),
        (
            "send-message",
            json!({ "userId": id, "message": "x", "clientId": "key" }),
        ),
        ("get-old-messages", json!({ "userId": id })),
        ("get-old-messages", json!({ "userId": id, "after": 0 })),
        ("get-changes", json!({ "userId": id, "afterRev": 0 })),
        ("message-read", json!({ "userId": id, "upTo": 1 })),
        ("message-delivered", json!({ "userId": id, "upTo": 1 })),
        ("block-user", json!({ "userId": id })),
        ("unblock-user", json!({ "userId": id })),
        ("set-privacy", json!({ "whitelist": [id] })),
        ("typing", json!({ "userId": id })),
        ("signal", json!({ "userId": id, "data": {} })),
        ("get-active-users", json!({ "after": id })),
        ("get-blocked-users", json!({ "after": id })),
    ]
}

#[test]
fn every_event_that_names_a_user_is_tried() {
    let id = json!("an id");
    let tried: BTreeSet<String> = events(&id)
        .iter()
        .map(|(event, _)| (*event).into())
        .collect();
    let is_about_a_user = |event: &String| {
        let fields = contract::fields(event, false);
        ["userId", "userToAdd", "whitelist", "after"].map(|one| fields.contains(one)) != [false; 4]
    };
    let named = contract::events().into_iter().filter(is_about_a_user);
    // it is asked who one is, not about others
    let named: BTreeSet<String> = named.filter(|event| event != "connect-user").collect();
    assert_eq!(tried, named);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_id_used_before_tells_nothing_of_whom_the_rule_refuses() {
    let server = server("30s").await;
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let present = server.person("present").await;
    befriend(&server, &alice, &bob).await;
    alice.add(&bob.id).await.unwrap();
    alice.send_with(&bob.id, "x", "used").await.unwrap();
    let nobody = json!(ObjectId::new().to_hex());
    for text in ["x", "y"] {
        let expected = alice.send_with(&nobody, text, "used").await.unwrap_err();
        assert_eq!(expected["code"], "user-not-found", "{text}");
        let answer = alice.send_with(&present.id, text, "used").await;
        assert_eq!(answer.unwrap_err(), expected, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_after_its_receiver_was_deleted() {
    let server = Server::with(&[("CHATZZ_USER_CACHE", "0")]).await;
    let (alice, bob) = server.pair().await;
    let stored = alice.send_with(&bob.id, "x", "used").await.unwrap();
    let users = server.collection("users");
    let of_bob = doc! { "_id": object_id(&bob.id) };
    users.delete_one(of_bob).await.unwrap();

    let again = alice.send_with(&bob.id, "x", "used").await.unwrap();
    assert_eq!(again["_id"], stored["_id"]);
    assert_eq!(again["duplicate"], true);
    let new = alice.send_with(&bob.id, "x", "new").await;
    assert_eq!(code(new), "user-not-found");
    let other = alice.send_with(&bob.id, "y", "used").await;
    assert_eq!(code(other), "client-id-conflict");
    assert_eq!(server.messages().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_rule_refuses_is_answered_like_nobody_in_every_event() {
    let server = server("30s").await;
    let alice = server.person("alice").await;
    let present = server.person("present").await;
    let absent = server.user("never connected").await;
    let gone = server.person("gone").await;
    let users = server.collection("users");
    users
        .delete_one(doc! { "_id": object_id(&gone.id) })
        .await
        .unwrap();
    let nobody = json!(ObjectId::new().to_hex());
    for ((event, about_nobody), index) in events(&nobody).into_iter().zip(0..) {
        let expected = alice.ask(event, about_nobody).await.unwrap_err();
        assert_eq!(expected["code"], "user-not-found", "{event}");
        for id in [&present.id, &absent] {
            let (_, payload) = events(id).swap_remove(index);
            let answer = alice.ask(event, payload).await.unwrap_err();
            assert_eq!(answer, expected, "{event} about {id}");
        }
    }
    assert!(server.dump("chatprivacy").await.is_empty());
    assert!(server.dump("chatrooms").await.is_empty());
    present.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_was_deleted_is_answered_like_nobody_without_a_rule_as_well() {
    let server = Server::with(&[("CHATZZ_USER_CACHE", "0")]).await;
    let alice = server.person("alice").await;
    let gone = server.person("gone").await;
    let users = server.collection("users");
    users
        .delete_one(doc! { "_id": object_id(&gone.id) })
        .await
        .unwrap();
    let nobody = json!(ObjectId::new().to_hex());
    for ((event, about_nobody), (_, about_gone)) in
        events(&nobody).into_iter().zip(events(&gone.id))
    {
        let expected = alice.ask(event, about_nobody).await.unwrap_err();
        let answer = alice.ask(event, about_gone).await.unwrap_err();
        assert_eq!(answer, expected, "{event}");
    }
}
