//! `set-privacy`: only those on the list may write.

use bson::doc;
use bson::oid::ObjectId;
use serde_json::{Value, json};

use crate::support::poll;
use crate::support::server::Server;
use crate::support::user::{Person, code};

#[tokio::test(flavor = "multi_thread")]
async fn with_a_whitelist_only_those_on_it_may_write() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let (carol, dave) = (server.person("carol").await, server.person("dave").await);
    carol.add(&bob.id).await.unwrap();
    let settings = json!({ "whitelistOnly": true, "whitelist": [alice.id, alice.id] });

    let answer = bob.set_privacy(settings).await.unwrap();

    let once = json!({ "whitelistOnly": true, "whitelist": [alice.id] });
    assert_eq!(answer, once);
    alice.send(&bob.id, "I may").await.unwrap();
    assert_eq!(code(carol.send(&bob.id, "I may not").await), "blocked");
    assert_eq!(code(dave.add(&bob.id).await), "blocked");
    bob.send(&carol.id, "I may write").await.unwrap();
    let seen = carol.add(&bob.id).await.unwrap();
    assert_eq!(seen["status"], "online", "only a block hides");

    bob.block(&alice.id).await.unwrap();
    assert_eq!(
        code(alice.send(&bob.id, "now not").await),
        "blocked",
        "a block is stronger"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_given_stays_and_nothing_asks_only() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let second = server.another_of(&bob).await;
    let nothing = json!({ "whitelistOnly": false, "whitelist": [] });
    assert_eq!(bob.set_privacy(json!({})).await.unwrap(), nothing);
    second.client.assert_silent_for_roundtrip().await;

    bob.set_privacy(json!({ "whitelist": [alice.id] }))
        .await
        .unwrap();
    let both = bob
        .set_privacy(json!({ "whitelistOnly": true }))
        .await
        .unwrap();

    let expected = json!({ "whitelistOnly": true, "whitelist": [alice.id] });
    assert_eq!(both, expected);
    second.client.expect_envelope("privacy-changed").await;
    let announced = second.client.expect_envelope("privacy-changed").await;
    assert_eq!(announced, expected);
    assert_eq!(bob.set_privacy(json!({})).await.unwrap(), expected);
    bob.set_privacy(json!({ "whitelist": [] })).await.unwrap();
    assert_eq!(code(alice.send(&bob.id, "hello").await), "blocked");
    bob.set_privacy(json!({ "whitelistOnly": false }))
        .await
        .unwrap();
    alice.send(&bob.id, "hello").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whitelist_survives_a_restart() {
    let mut server = Server::start().await;
    let (alice, bob) = server.pair().await;
    bob.set_privacy(json!({ "whitelistOnly": true }))
        .await
        .unwrap();

    server.restart().await;

    let (alice, _) = server.arrive(&alice.id).await;
    assert_eq!(code(alice.send(&bob.id, "hello").await), "blocked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whitelist_holds_other_users_only_and_not_too_many() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let bob = server.user("bob").await;
    for (settings, expected) in [
        (json!({ "whitelist": [alice.id] }), "bad-request"),
        (
            json!({ "whitelist": [bob, "65a0000000000000000000ff"] }),
            "user-not-found",
        ),
        (json!({ "whitelist": [{ "$ne": null }] }), "bad-request"),
        (json!({ "whitelist": bob }), "bad-request"),
        (json!({ "whitelistOnly": "yes" }), "bad-request"),
        (json!({ "whitelist": vec![&bob; 1_001] }), "bad-request"),
    ] {
        let outcome = alice.set_privacy(settings.clone()).await;
        assert_eq!(code(outcome), expected, "{settings}");
    }
    assert!(server.dump("chatprivacy").await.is_empty());
    let most = json!({ "whitelist": vec![&bob; 1_000] });
    let set = alice.set_privacy(most).await.unwrap();
    assert_eq!(set["whitelist"], json!([bob]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_with_a_deleted_user_on_it_can_be_saved_again() {
    let server = Server::with(&[("CHATZZ_USER_CACHE", "1s")]).await;
    let (alice, bob) = server.pair().await;
    let carol = server.user("carol").await;
    let listed = json!({ "whitelistOnly": true, "whitelist": [bob.id] });
    alice.set_privacy(listed).await.unwrap();
    let users = server.collection("users");
    users.delete_one(doc! { "username": "bob" }).await.unwrap();
    poll::eventually("the deletion is noticed", async || {
        is_deleted(&alice, &bob.id).await.then_some(())
    })
    .await;

    let shown = alice.set_privacy(json!({})).await.unwrap();
    let mut list = shown["whitelist"].as_array().unwrap().clone();
    list.push(carol.clone());
    let saved = alice.set_privacy(json!({ "whitelist": list })).await;
    assert_eq!(saved.unwrap()["whitelist"], json!([bob.id, carol]));

    let stranger = ObjectId::new().to_hex();
    let refused = alice.set_privacy(json!({ "whitelist": [carol, stranger] }));
    assert_eq!(refused.await.unwrap_err()["code"], "user-not-found");
}

/// Whether the server has noticed that somebody was deleted.
async fn is_deleted(alice: &Person, bob: &Value) -> bool {
    let sent = alice.send(bob, "are you still there?").await;
    sent.is_err_and(|error| error["code"] == "user-not-found")
}
