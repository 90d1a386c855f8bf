//! What is written in the middle of an adoption, or after it, is not lost.

use std::sync::Arc;

use bson::{Document, doc};
use chatzz::adopt::{AdoptError, Options, Outcome, Step};
use chatzz::store::adopt::Kind;

use super::old::{Old, assert_whole, quick};
use crate::support::binary::Binary;

/// A run that stops after a step.
fn stopping_at(step: Step) -> Options {
    let mut options = quick();
    let token = options.stop.clone();
    options.progress = Arc::new(move |progress| {
        if progress.step == step {
            token.cancel();
        }
    });
    options
}

/// A message that chatzz 1.x stores late.
async fn write(old: &Old) -> Document {
    let messages = old.database.collection("chatmessages");
    let mut late = messages.find_one(doc! {}).await.unwrap().unwrap();
    late.insert("_id", bson::oid::ObjectId::from_bytes([0x7f; 12]));
    late.insert("message", "late");
    late.remove("seq");
    messages.insert_one(late.clone()).await.unwrap();
    late
}

async fn is_stored(old: &Old, collection: &str, late: &Document) -> bool {
    let collection = old.database.collection(collection);
    collection.find_one(late.clone()).await.unwrap().is_some()
}

async fn rename(old: &Old, from: &str, to: &str) {
    let full = |name: &str| format!("{}.{name}", old.database.name());
    let rename = doc! { "renameCollection": full(from), "to": full(to) };
    let admin = old.database.raw().client().database("admin");
    admin.run_command(rename).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_1_x_writes_between_the_count_and_the_new_names_is_taken_over() {
    let old = Old::big(20, 30, 300).await;
    let stopped = old.adopt_with(&stopping_at(Step::Counted)).await;
    assert!(matches!(stopped, Err(AdoptError::Interrupted)));
    let late = write(&old).await;
    let mut dry = quick();
    dry.dry_run = true;
    let planned = old.adopt_with(&dry).await.unwrap_err();
    assert!(matches!(planned, AdoptError::Unfinished), "{planned}");

    let refused = old.adopt().await.unwrap_err();

    assert!(
        matches!(refused, AdoptError::StillWriting(Kind::Messages)),
        "{refused}"
    );
    let report = old.adopt().await.unwrap();
    assert_whole(&report);
    assert_eq!(report.found.messages, 301);
    assert!(is_stored(&old, "chatzz_before_messages", &late).await);
    old.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_1_x_writes_between_two_new_names_is_kept_by_the_way_back() {
    let old = Old::big(20, 30, 300).await;
    let step = Step::Swapped(Kind::ChatUsers);
    let stopped = old.adopt_with(&stopping_at(step)).await;
    assert!(matches!(stopped, Err(AdoptError::Interrupted)));
    let late = write(&old).await;

    let refused = old.adopt().await.unwrap_err();

    assert!(matches!(refused, AdoptError::WrittenSince), "{refused}");
    old.undo().await.unwrap();
    assert!(is_stored(&old, "chatmessages", &late).await);
    let report = old.adopt().await.unwrap();
    assert_whole(&report);
    assert_eq!(report.found.messages, 301);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_overwrites_nothing_that_1_x_has_created_anew() {
    let old = Old::big(20, 30, 300).await;
    let before = old.database.dump("chatmessages").await;
    let step = Step::Swapped(Kind::ChatRooms);
    let stopped = old.adopt_with(&stopping_at(step)).await;
    assert!(matches!(stopped, Err(AdoptError::Interrupted)));
    // killed between the two new names
    let late = write(&old).await;
    let messages = old.database.collection("chatmessages");
    messages.delete_one(late.clone()).await.unwrap();
    rename(&old, "chatmessages", "chatzz_before_messages").await;
    messages.insert_one(late.clone()).await.unwrap();
    let there = old.database.fingerprint().await;

    let refused = old.adopt().await.unwrap_err();
    let kept = old.undo().await.unwrap_err();

    assert!(matches!(refused, AdoptError::WrittenSince), "{refused}");
    assert!(matches!(kept, AdoptError::Taken(_)), "{kept}");
    assert_eq!(old.database.fingerprint().await, there);
    rename(&old, "chatmessages", "late").await;
    old.undo().await.unwrap();
    assert!(is_stored(&old, "late", &late).await);
    assert_eq!(old.database.dump("chatmessages").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_mongodb_was_restarted_it_goes_on_from_where_it_was() {
    let old = Old::big(20, 30, 300).await;
    let stopped = old.adopt_with(&stopping_at(Step::Counted)).await;
    assert!(matches!(stopped, Err(AdoptError::Interrupted)));
    // as the state would be: its counts of writes are those of another process
    let process = bson::oid::ObjectId::new();
    let restarted = doc! { "$set": { "look.process": process, "look.messages.writes": 1_000_i64 } };
    let meta = old.database.collection("chatzz_meta");
    let state = doc! { "_id": "adopt", "look.process": { "$type": "objectId" } };
    let changed = meta.update_one(state, restarted).await.unwrap();
    assert_eq!(changed.modified_count, 1);

    let report = old.adopt().await.unwrap();

    assert_whole(&report);
    old.assert_clean().await;
}

/// Alice and Bob, with a message.
async fn two() -> Old {
    let mut old = Old::empty().await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    let there = old.room(&[alice, bob]);
    old.say(there, [alice, bob], "hello", "sent");
    old.store().await
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_server_on_the_new_database_it_is_refused() {
    let old = two().await;
    let into = old.elsewhere();
    let mut keys = old.keys.clone();
    keys.insert("CHATZZ_USER_DATABASE".into(), old.database.name().into());
    keys.insert("CHATZZ_DATABASE".into(), into.clone());
    let keys: Vec<_> = keys
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let server = Binary::serve(&keys).await;
    let adoption = old.adoption(Some(&into)).await;

    let refused = chatzz::adopt::run(&adoption, &quick()).await.unwrap_err();

    assert!(matches!(refused, AdoptError::ServerRuns(_)), "{refused}");
    server.terminate().await;
    let report = chatzz::adopt::run(&adoption, &quick()).await.unwrap();
    assert_whole(&report);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_meanwhile_in_the_new_database_is_not_overwritten() {
    let old = two().await;
    let into = old.elsewhere();
    let adoption = old.adoption(Some(&into)).await;
    let options = stopping_at(Step::Counted);
    let stopped = chatzz::adopt::run(&adoption, &options).await;
    assert!(matches!(stopped, Err(AdoptError::Interrupted)));
    let there = old.database.raw().client().database(&into);
    let new = vec![doc! { "message": "new" }];
    let insert = doc! { "insert": "chatmessages", "documents": new };
    there.run_command(insert).await.unwrap();

    let refused = chatzz::adopt::run(&adoption, &quick()).await.unwrap_err();

    assert!(matches!(refused, AdoptError::NotEmpty(_)), "{refused}");
    let count = doc! { "count": "chatmessages", "query": { "message": "new" } };
    let counted = there.run_command(count).await.unwrap();
    assert_eq!(counted.get_i32("n").unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_is_not_mistaken_for_the_move() {
    let old = two().await;
    let adoption = old.adoption(Some(&old.elsewhere())).await;
    chatzz::adopt::run(&adoption, &quick()).await.unwrap();
    let again = chatzz::adopt::run(&adoption, &quick()).await.unwrap();
    assert_eq!(again.outcome, Outcome::AlreadyAdopted);
    write(&old).await;

    let refused = chatzz::adopt::run(&adoption, &quick()).await.unwrap_err();

    assert!(matches!(refused, AdoptError::WrittenSince), "{refused}");
    chatzz::adopt::undo(&adoption, &quick()).await.unwrap();
    let report = chatzz::adopt::run(&adoption, &quick()).await.unwrap();
    assert_whole(&report);
    assert_eq!(report.found.messages, 2);
}
