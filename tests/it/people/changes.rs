//! The application renames and deletes people who are online.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bson::doc;
use bson::oid::ObjectId;
use chatzz::config::IdType;
use chatzz::id::UserId;
use chatzz::service::UserDirectory;
use chatzz::store::{Store, User};
use serde_json::{Value, json};

use crate::support::database::TestDatabase;
use crate::support::poll;
use crate::support::server::{Server, config};
use crate::support::user::Person;

/// A cache of one second, and some air.
const SHOWN: Duration = Duration::from_secs(6);

async fn server() -> Server {
    Server::with(&[("CHATZZ_USER_CACHE", "1s")]).await
}

fn object_id(id: &Value) -> ObjectId {
    ObjectId::parse_str(id.as_str().unwrap()).unwrap()
}

async fn delete(server: &Server, id: &Value) {
    let user = doc! { "_id": object_id(id) };
    let users = server.collection("users");
    users.delete_one(user).await.unwrap();
}

/// The only contact of a user, read again.
async fn contact_of(person: &Person) -> Value {
    person.login().await.unwrap();
    let mut details = person.client.wait_for("user-details").await;
    details["connectedUsers"][0].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_user_is_shown_so_within_the_cache_time() {
    let server = server().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "before").await.unwrap();
    let renamed = doc! { "$set": { "username": "robert" } };
    let users = server.collection("users");
    let user = doc! { "_id": object_id(&bob.id) };
    users.update_one(user, renamed).await.unwrap();

    poll::until("a new message names robert", SHOWN, async || {
        let sent = alice.send(&bob.id, "after").await.unwrap();
        (sent["to"]["username"] == "robert").then_some(())
    })
    .await;
    assert_eq!(contact_of(&alice).await["username"], "robert");
    poll::until("what robert sends has the new name", SHOWN, async || {
        let sent = bob.send(&alice.id, "me").await.unwrap();
        (sent["from"]["username"] == "robert").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_user_is_logged_out_and_their_contacts_keep_the_history() {
    let server = server().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "one").await.unwrap();
    bob.send(&alice.id, "two").await.unwrap();

    delete(&server, &bob.id).await;

    bob.client.closed(SHOWN).await.unwrap();
    let contact = contact_of(&alice).await;
    assert_eq!(contact["_id"], bob.id);
    assert_eq!(contact["deleted"], true);
    assert_eq!(contact["username"], Value::Null);
    assert_eq!(contact["lastMessage"]["message"], "two");
    poll::until("sends to the user are refused", SHOWN, async || {
        let refused = alice.send(&bob.id, "three").await.err()?;
        assert_eq!(refused["code"], "user-not-found");
        Some(())
    })
    .await;
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    let texts: Vec<&Value> = page["messages"].as_array().unwrap().iter().collect();
    assert_eq!(texts[1]["message"], "two");
    assert_eq!(texts[1]["from"], json!({ "_id": bob.id, "deleted": true }));
    assert_eq!(alice.read_up_to(&bob.id, 2).await.unwrap()["read"], 1);
    assert_eq!(contact_of(&alice).await["unreadCount"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_user_can_neither_log_in_nor_be_added() {
    let server = server().await;
    let (alice, bob) = server.pair().await;
    delete(&server, &bob.id).await;
    bob.client.closed(SHOWN).await.unwrap();

    let refused = server.socket_of(&bob.id).await.login().await.unwrap_err();

    assert_eq!(refused["code"], "user-not-found");
    let carol = server.person("carol").await;
    let refused = carol.add(&bob.id).await.unwrap_err();
    assert_eq!(refused["code"], "user-not-found");
    poll::until(
        "the user is offline once the grace is over",
        SHOWN,
        async || (contact_of(&alice).await["status"] == "offline").then_some(()),
    )
    .await;
    poll::until("the user is stored offline", SHOWN, async || {
        let stored = server.chat_user(&bob.id).await;
        (stored.get_str("status").unwrap() == "offline").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_logs_in_on_a_document_that_is_only_in_the_cache() {
    let server = Server::with(&[("CHATZZ_USER_CACHE", "1h")]).await;
    let (alice, bob) = server.pair().await;
    delete(&server, &bob.id).await;

    let refused = server.socket_of(&bob.id).await.login().await.unwrap_err();

    assert_eq!(refused["code"], "user-not-found");
    let sent = alice
        .send(&bob.id, "the cache still has them")
        .await
        .unwrap();
    assert_eq!(sent["to"]["username"], "bob");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_are_here_are_read_anew_whatever_the_cache_has() {
    let database = TestDatabase::shared().await;
    let id = database.user("alice").await;
    let keys = database.keys();
    let keys = keys.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let config = config(&keys.into_iter().collect());
    let store = Store::connect(&config).await.unwrap();
    let hour = Duration::from_hours(1);
    let directory = UserDirectory::new(store.users.clone(), IdType::Auto, hour);
    let user = UserId::ObjectId(object_id(&id));
    let is_deleted = |listed: &HashMap<UserId, Arc<User>>| listed[&user].is_deleted;
    assert!(!is_deleted(
        &directory.list(vec![user.clone()]).await.unwrap()
    ));

    let users = database.collection("users");
    let gone = doc! { "_id": object_id(&id) };
    users.delete_one(gone).await.unwrap();

    assert!(!is_deleted(
        &directory.list(vec![user.clone()]).await.unwrap()
    ));
    assert!(is_deleted(
        &directory.list_anew(vec![user.clone()]).await.unwrap()
    ));
    assert!(
        is_deleted(&directory.list(vec![user.clone()]).await.unwrap()),
        "remembered"
    );
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_restored_finds_everything_again() {
    let server = server().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "one").await.unwrap();
    delete(&server, &bob.id).await;
    bob.client.closed(SHOWN).await.unwrap();

    let restored = doc! { "_id": object_id(&bob.id), "username": "bob again" };
    server.store_user(restored).await;

    let bob = server.login(&bob.id).await;
    let page = bob.history(json!({ "userId": alice.id })).await.unwrap();
    assert_eq!(page["messages"][0]["message"], "one");
    poll::until("alice can write to the user again", SHOWN, async || {
        alice.send(&bob.id, "two").await.ok()
    })
    .await;
    assert_eq!(contact_of(&alice).await["username"], "bob again");
}
