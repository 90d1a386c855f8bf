//! Ids of every type, and collections under other names or in another database.

use bson::{Bson, doc};
use chatzz::adopt::{AdoptError, Outcome};
use serde_json::{Value, json};

use super::old::{NAMES, Old, Somebody, assert_whole, quick};
use crate::support::binary::Binary;
use crate::support::user::each;

const PAGE: &str = include_str!("../../../docs/from-chatzz-1.md");

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_users_may_be_texts_or_numbers() {
    let mut old = Old::empty().await;
    let ids = [Bson::from("alice@example.org"), Bson::from(7_i32)];
    let mut people = Vec::new();
    for id in &ids {
        let users = old.database.collection("users");
        users
            .insert_one(doc! { "_id": id, "username": "somebody" })
            .await
            .unwrap();
        let chat_user = old.chat_user(id.clone(), doc! {});
        people.push(Somebody {
            user: chat_user,
            chat_user,
        });
    }
    let there = old.room(&people);
    old.say(there, [people[0], people[1]], "hello", "sent");
    let old = old.store().await;

    let report = old.adopt().await.unwrap();

    assert_whole(&report);
    assert_eq!(report.users_gone, 0);
    old.assert_clean().await;
    let server = Binary::serve(&old.database.keys()).await;
    let (alice, _) = server.login(&Value::from("alice@example.org")).await;
    let page = alice.history(json!({ "userId": 7 })).await.unwrap();
    assert_eq!(each(&page["messages"], "message"), ["hello"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_may_have_other_names() {
    let mut old = Old::named(["chatzz_users", "chatzz_rooms", "chatzz_messages"]).await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    let there = old.room(&[alice, bob]);
    old.say(there, [alice, bob], "hello", "read");
    let old = old.store().await;

    let ended = old.command(&["adopt"]).await;

    assert!(ended.status.success(), "{ended:?}");
    old.assert_clean().await;
    let names = old.database.collections().await;
    assert!(
        !names.iter().any(|name| NAMES.contains(&name.as_str())),
        "{names:?}"
    );
    let server = Binary::serve(&old.keys()).await;
    let (alice, _) = server.login(&alice.id()).await;
    let page = alice.history(json!({ "userId": bob.id() })).await.unwrap();
    assert_eq!(each(&page["messages"], "status"), ["read"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_the_adoption_needs_is_refused() {
    let mut old = Old::empty().await;
    old.keys.insert(
        "CHATZZ_PRIVACY_COLLECTION".into(),
        "chatzz_adopted_rest".into(),
    );
    let ended = old.command(&["adopt", "--dry-run"]).await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(
        ended.err.contains("chatzz_adopted_rest is needed"),
        "{}",
        ended.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn into_itself_is_refused() {
    let old = Old::empty().await;
    let ended = old.command(&["adopt", "--into", old.database.name()]).await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.err.contains("leave it out"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn into_another_database_the_old_one_stays_as_it_is() {
    let mut old = Old::empty().await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    let there = old.room(&[alice, bob]);
    old.say(there, [alice, bob], "hello", "read");
    old.say(there, [alice, alice], "note", "sent");
    let old = old.store().await;
    let before = old.database.fingerprint().await;
    let into = old.elsewhere();

    let ended = old.command(&["adopt", "--into", &into, "--json"]).await;

    assert!(ended.status.success(), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(report["outcome"], "adopted");
    let (_, example) = PAGE.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let example: Value = serde_json::from_str(example).unwrap();
    let fields =
        |report: &Value| -> Vec<String> { report.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(fields(&report), fields(&example), "as in the documentation");
    assert_eq!(report["into"], into);
    assert_eq!(
        report["found"],
        json!({ "chatUsers": 2, "chatRooms": 1, "messages": 2 })
    );
    let aside = json!([{ "kind": "messages", "reason": "to-oneself", "count": 1 }]);
    assert_eq!(report["setAside"], aside);
    assert_eq!(old.database.fingerprint().await, before);

    let mut keys = old.keys.clone();
    keys.insert("CHATZZ_USER_DATABASE".into(), old.database.name().into());
    keys.insert("CHATZZ_DATABASE".into(), into.clone());
    let keys: Vec<_> = keys
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let verified = Binary::run(&["verify"], &keys).await;
    assert!(verified.out.ends_with("clean\n"), "{verified:?}");
    let server = Binary::serve(&keys).await;
    let (alice, _) = server.login(&alice.id()).await;
    let page = alice.history(json!({ "userId": bob.id() })).await.unwrap();
    assert_eq!(each(&page["messages"], "message"), ["hello"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn into_another_database_and_back_leaves_nothing_there() {
    let mut old = Old::empty().await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    old.room(&[alice, bob]);
    let old = old.store().await;
    let before = old.database.fingerprint().await;
    let adoption = old.adoption(Some(&old.elsewhere())).await;
    chatzz::adopt::run(&adoption, &quick()).await.unwrap();

    let other = adoption.of("another");
    let refused = chatzz::adopt::undo(&other, &quick()).await.unwrap_err();
    assert!(
        matches!(refused, AdoptError::OtherSource { .. }),
        "{refused}"
    );
    // as the server is configured afterwards
    let of_server = adoption.of(&old.elsewhere());
    let again = chatzz::adopt::run(&of_server, &quick()).await.unwrap();
    assert_eq!(again.outcome, Outcome::AlreadyAdopted);
    let undone = chatzz::adopt::undo(&of_server, &quick()).await.unwrap();

    assert_eq!(undone.outcome, Outcome::Undone);
    assert_eq!(old.database.fingerprint().await, before);
    let there = old.database.raw().client().database(&old.elsewhere());
    assert_eq!(
        there.list_collection_names().await.unwrap(),
        Vec::<String>::new()
    );
}
