//! A database with nothing to do, and one that was adopted before.

use bson::doc;
use chatzz::adopt::{AdoptError, Outcome};

use super::old::{NAMES, Old, assert_whole, quick};
use crate::support::database::TestDatabase;
use crate::support::mongod;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_has_nothing_to_do_and_stays_empty() {
    let old = Old::empty().await;
    let ended = old.command(&["adopt"]).await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.out.contains("nothing to do"), "{}", ended.out);
    assert_eq!(old.database.collections().await, Vec::<String>::new());
    let undo = old.command(&["adopt", "--undo"]).await;
    assert_eq!(undo.status.code(), Some(1), "{undo:?}");
    assert!(undo.err.contains("nothing was taken over"), "{}", undo.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_this_chatzz_has_nothing_to_do() {
    let old = Old::empty().await;
    let server = Server::try_on_database(old.database.uri(), old.database.name(), &[]);
    let mut server = server.await.unwrap();
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "hello").await.unwrap();
    server.stop().await;
    let before = old.database.fingerprint().await;

    let report = old.adopt().await.unwrap();

    assert_eq!(report.outcome, Outcome::NothingToDo);
    assert_eq!(old.database.fingerprint().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standalone_server_will_do() {
    let mongod = mongod::start("standalone", |mut options| {
        options.replica_set = false;
        options
    })
    .await;
    let mut old = Old::on(TestDatabase::on(&mongod.uri()).await, NAMES).await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    for _ in 0..2 {
        let there = old.room(&[alice, bob]);
        old.say(there, [alice, bob], "hello", "sent");
        old.say(there, [alice, alice], "note", "sent");
    }
    let old = old.store().await;
    let before = old.database.fingerprint().await;

    let report = old.adopt().await.unwrap();

    assert_whole(&report);
    assert_eq!((report.kept.messages, report.kept.chat_rooms), (2, 1));
    old.assert_clean().await;
    old.undo().await.unwrap();
    assert_eq!(old.database.fingerprint().await, before);
    drop(old);
    mongod.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_says_so_and_changes_nothing() {
    let old = Old::big(20, 30, 300).await;
    let first = old.adopt().await.unwrap();
    assert_whole(&first);
    let before = old.database.fingerprint().await;

    let second = old.adopt().await.unwrap();
    let mut options = quick();
    options.dry_run = true;
    let third = old.adopt_with(&options).await.unwrap();

    for again in [second, third] {
        assert_eq!(again.outcome, Outcome::AlreadyAdopted);
        assert_eq!(
            (again.kept, &again.set_aside),
            (first.kept, &first.set_aside)
        );
    }
    assert_eq!(old.database.fingerprint().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_1_x_writes_afterwards_is_noticed() {
    let old = Old::big(20, 30, 300).await;
    old.adopt().await.unwrap();
    let late = doc! { "chatUsers": [], "__v": 0 };
    old.database
        .collection("chatrooms")
        .insert_one(late)
        .await
        .unwrap();
    let refused = old.adopt().await.unwrap_err();
    assert!(matches!(refused, AdoptError::WrittenSince), "{refused}");
    assert_eq!(old.undo().await.unwrap().outcome, Outcome::Undone);
}
