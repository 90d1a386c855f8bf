//! What an adoption keeps for the way back is not reached by an erasure, which says so.

use chatzz::config::ApiScope;
use serde_json::{Value, json};

use super::old::Old;
use crate::api::{BackEnd, free_addr, key_file};
use crate::support::binary::Binary;

/// What the last line of the erasure of somebody says of what is kept.
async fn kept(old: &Old, keys: &[(&str, &str)], who: &Value) -> Value {
    let (file, api_keys) = key_file(&[&[ApiScope::Privacy]]);
    let addr = free_addr();
    let listen = addr.to_string();
    let mut keys = keys.to_vec();
    keys.extend([
        ("CHATZZ_API_LISTEN", listen.as_str()),
        ("CHATZZ_API_KEYS_FILE", file.to_str().unwrap()),
    ]);
    let server = Binary::serve(&keys).await;
    let back_end = BackEnd::new(addr, &api_keys[0]);
    let target = format!("/v1/users/{}/erase", who.as_str().unwrap());
    let answer = back_end.call_as("POST", &target, &[], "").await;
    server.terminate().await;
    let mut end = answer.lines().pop().unwrap();
    assert_eq!(end["kind"], "end", "{end}");
    let stored = old.database.dump("chatmessages").await;
    assert!(!format!("{stored:?}").contains("canary"), "{stored:?}");
    end["kept"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_names_the_collections_that_are_kept_until_they_are_dropped() {
    let mut old = Old::empty().await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    let there = old.room(&[alice, bob]);
    old.say(there, [alice, bob], "canary", "sent");
    // twice the same two people: one of the chat rooms is set aside
    let again = old.room(&[alice, bob]);
    old.say(again, [alice, bob], "canary", "sent");
    let old = old.store().await;
    old.adopt().await.unwrap();
    let names = [
        "chatzz_before_users",
        "chatzz_before_rooms",
        "chatzz_before_messages",
        "chatzz_adopted_rest",
    ];

    let at_first = kept(&old, &old.keys(), &alice.id()).await;
    // an account that may not read them cannot say that they are gone
    let unread = kept(&old, &old.database.keys(), &alice.id()).await;
    for name in &names[..3] {
        old.database.collection(name).drop().await.unwrap();
    }
    let later = kept(&old, &old.keys(), &alice.id()).await;
    old.database.collection(names[3]).drop().await.unwrap();
    let at_last = kept(&old, &old.keys(), &alice.id()).await;

    assert_eq!(at_first, json!(names));
    assert_eq!(unread, json!(names));
    assert_eq!(later, json!([names[3]]));
    assert_eq!(at_last, Value::Null);
}
