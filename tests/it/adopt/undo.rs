//! The way back.

use bson::doc;
use chatzz::adopt::{AdoptError, Outcome};

use super::old::{Old, quick};
use crate::support::binary::Binary;

#[tokio::test(flavor = "multi_thread")]
async fn an_undone_adoption_has_left_no_byte() {
    let old = Old::big(30, 60, 1_000).await;
    let before = old.database.fingerprint().await;
    old.adopt().await.unwrap();
    assert_ne!(old.database.fingerprint().await, before);

    let undone = old.undo().await.unwrap();

    assert_eq!(undone.outcome, Outcome::Undone);
    assert_eq!(old.database.fingerprint().await, before);
    assert!(old.adopt().await.is_ok(), "and it can be adopted again");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_undone_after_a_server_ran_but_not_meanwhile() {
    let mut old = Old::empty().await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    let there = old.room(&[alice, bob]);
    old.say(there, [alice, bob], "hello", "sent");
    let old = old.store().await;
    old.index().await;
    let before = old.database.fingerprint().await;
    old.adopt().await.unwrap();
    let server = Binary::serve(&old.database.keys()).await;
    let (bob, _) = server.login(&bob.id()).await;
    bob.read_up_to(&alice.id(), 1).await.unwrap();

    let refused = old.undo().await.unwrap_err();

    assert!(matches!(refused, AdoptError::ServerRuns(_)), "{refused}");
    server.terminate().await;
    old.undo().await.unwrap();
    assert_eq!(old.database.fingerprint().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_first_new_message_there_is_no_way_back() {
    let mut old = Old::empty().await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    let there = old.room(&[alice, bob]);
    old.say(there, [alice, bob], "hello", "sent");
    let old = old.store().await;
    old.adopt().await.unwrap();
    let server = Binary::serve(&old.database.keys()).await;
    let (alice, _) = server.login(&alice.id()).await;
    alice.send(&bob.id(), "new").await.unwrap();
    server.terminate().await;
    let before = old.database.fingerprint().await;

    let refused = old.undo().await.unwrap_err();

    assert!(
        matches!(refused, AdoptError::NewMessages { new: 1, old: 0 }),
        "{refused}"
    );
    assert_eq!(old.database.fingerprint().await, before);
    // a way back that was killed before it had looked
    let state = doc! { "$set": { "phase": "undo", "undoneFrom": "done" } };
    let meta = old.database.collection("chatzz_meta");
    let changed = meta.update_one(doc! { "_id": "adopt" }, state).await;
    assert_eq!(changed.unwrap().modified_count, 1);
    let again = old.undo().await.unwrap_err();
    assert!(matches!(again, AdoptError::NewMessages { .. }), "{again}");
    assert_eq!(old.database.fingerprint().await, before);
    let kept = old.database.collection("chatzz_before_messages");
    assert_eq!(
        kept.count_documents(doc! {}).await.unwrap(),
        1,
        "what was before is there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn once_an_old_collection_is_gone_there_is_no_way_back() {
    for gone in ["users", "rooms", "messages"] {
        let old = Old::big(20, 30, 300).await;
        old.adopt().await.unwrap();
        let dropped = format!("chatzz_before_{gone}");
        old.database.collection(&dropped).drop().await.unwrap();
        let before = old.database.fingerprint().await;

        let refused = old.undo().await.unwrap_err();

        assert!(
            matches!(&refused, AdoptError::Gone(name) if *name == dropped),
            "{refused}"
        );
        assert_eq!(old.database.fingerprint().await, before);
        old.assert_clean().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn once_the_database_it_was_taken_from_is_gone_the_copy_stays() {
    let old = Old::big(20, 30, 300).await;
    let adoption = old.adoption(Some(&old.elsewhere())).await;
    chatzz::adopt::run(&adoption, &quick()).await.unwrap();
    let adopted = adoption.count_adopted().await.unwrap();
    old.database
        .collection("chatmessages")
        .drop()
        .await
        .unwrap();

    let refused = chatzz::adopt::undo(&adoption, &quick()).await.unwrap_err();

    assert!(matches!(&refused, AdoptError::Gone(_)), "{refused}");
    let counted = adoption.count_adopted().await.unwrap();
    assert!(adopted.messages > 200, "{adopted:?}");
    assert_eq!(counted, adopted);
}
