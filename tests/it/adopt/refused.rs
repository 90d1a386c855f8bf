//! Nobody but `adopt` writes to a database of 1.x, and `adopt` not while 1.x does.

use std::time::Duration;

use bson::{DateTime, doc};
use chatzz::adopt::AdoptError;

use super::old::{Old, quick};
use crate::support::binary::Binary;
use crate::support::database::TestDatabase;

#[tokio::test(flavor = "multi_thread")]
async fn while_1_x_writes_it_is_refused_and_nothing_is_changed() {
    let old = Old::big(20, 30, 300).await;
    // a status, which no count shows
    let users = old.database.collection("chatusers");
    let writing = tokio::spawn(async move {
        loop {
            let update = doc! { "$set": { "lastOnline": DateTime::now() } };
            users.update_one(doc! {}, update).await.unwrap();
        }
    });
    let mut options = quick();
    options.watch = Duration::from_millis(200);

    let refused = old.adopt_with(&options).await.unwrap_err();
    options.dry_run = true;
    let planned = old.adopt_with(&options).await.unwrap();

    assert!(
        planned.writing && planned.found.messages == 300,
        "{planned}"
    );
    writing.abort();
    let _ = writing.await;
    assert!(matches!(refused, AdoptError::StillWriting(_)), "{refused}");
    let names = old.database.collections().await;
    assert_eq!(names, ["chatmessages", "chatrooms", "chatusers", "users"]);
    assert!(old.adopt().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_which_both_have_written_is_refused() {
    let old = Old::big(20, 30, 300).await;
    let ours = doc! { "chatUsers": [], "pair": "a:b" };
    old.database
        .collection("chatrooms")
        .insert_one(ours)
        .await
        .unwrap();
    let before = old.database.fingerprint().await;
    let refused = old.adopt().await.unwrap_err();
    assert!(matches!(refused, AdoptError::NotEmpty(_)), "{refused}");
    assert_eq!(old.database.fingerprint().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_adoption_has_left_is_not_overwritten() {
    let old = Old::big(20, 30, 300).await;
    let left = old.database.collection("chatzz_before_messages");
    left.insert_one(doc! { "message": "dear" }).await.unwrap();
    let before = old.database.fingerprint().await;
    let refused = old.adopt().await.unwrap_err();
    assert!(matches!(refused, AdoptError::Leftover(_)), "{refused}");
    assert_eq!(old.database.fingerprint().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_commands_say_what_to_run_and_change_no_byte() {
    let old = Old::big(20, 30, 300).await;
    old.database.is_refused(&["run `chatzz adopt`"]).await;
}

/// chatzz has worked in this database under other names of collections.
#[tokio::test(flavor = "multi_thread")]
async fn they_also_do_where_the_migrations_have_run() {
    let old = Old::big(20, 30, 300).await;
    let mut keys = old.database.keys().to_vec();
    keys.extend([
        ("CHATZZ_CHAT_USER_COLLECTION", "chatzz_users"),
        ("CHATZZ_CHAT_ROOM_COLLECTION", "chatzz_rooms"),
        ("CHATZZ_MESSAGE_COLLECTION", "chatzz_messages"),
    ]);
    let migrated = Binary::run(&["migrate"], &keys).await;
    assert!(migrated.status.success(), "{migrated:?}");

    old.database.is_refused(&["run `chatzz adopt`"]).await;

    let beside = old.database.dump("chatzz_meta").await;
    old.adopt().await.unwrap();
    old.assert_clean().await;
    old.undo().await.unwrap();
    assert_eq!(
        old.database.dump("chatzz_meta").await,
        beside,
        "it was there before"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_needs_no_more_than_to_read() {
    let old = Old::big(20, 30, 300).await;
    let mut reader = old;
    let database: &TestDatabase = &reader.database;
    let account = format!("reads_{}", database.name());
    let roles = doc! { "role": "read", "db": database.name() };
    let create =
        doc! { "createUser": &account, "pwd": crate::support::canary::DATABASE, "roles": [roles] };
    let admin = database.raw().client().database("admin");
    admin.run_command(create).await.unwrap();
    let uri = database.uri().replace("chatzz:", &format!("{account}:"));
    reader.keys.insert("CHATZZ_MONGODB_URI".into(), uri);
    let mut options = quick();
    options.dry_run = true;
    assert_eq!(
        reader.adopt_with(&options).await.unwrap().found.messages,
        300
    );
    assert!(reader.adopt().await.is_err());
}
