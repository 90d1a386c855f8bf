//! Only allowed fields leave, and nothing is ever written to the users.

use bson::{Document, doc};
use futures::TryStreamExt as _;
use serde_json::json;

use crate::support::server::Server;
use crate::support::user::Person;

/// Stands in every field that must not leave.
const CANARY: &str = "canary-5f1d";

/// A user as stored by some application; secrets at every level.
fn user(id: &str, first: &str) -> Document {
    doc! {
        "_id": id,
        "name": { "first": first, "last": "Miller", "maiden": CANARY },
        "profile": { "avatar": "a.png", "private": { "phone": CANARY } },
        "tags": [{ "label": "vip", "note": CANARY }],
        "password": format!("$2b$10${CANARY}"),
        "email": format!("{CANARY}@example.org"),
        "resetToken": { "value": CANARY },
        "username": CANARY,
    }
}

/// Everything two people can do, errors included; returns all their clients.
async fn do_everything(server: &Server) -> Vec<Person> {
    let (anna_id, bert_id) = (json!("anna"), json!("bert"));
    let anna = server.login(&anna_id).await;
    anna.add(&bert_id).await.unwrap();
    let missed = anna.send_with(&bert_id, "one", "c1").await.unwrap();
    anna.send_with(&bert_id, "one", "c1").await.unwrap();
    let bert = server.login(&bert_id).await;
    bert.client.expect_envelope("user-details").await;
    let second = server.login(&bert_id).await;
    bert.add(&anna_id).await.unwrap();
    anna.send(&bert_id, "two").await.unwrap();
    bert.read_message(&missed["_id"]).await.unwrap();
    bert.read_up_to(&anna_id, 2).await.unwrap();
    bert.delivered_up_to(&anna_id, 2).await.unwrap();
    anna.history(json!({ "userId": "bert" })).await.unwrap();
    anna.client
        .emit("get-old-messages", json!({ "userId": "bert" }))
        .unwrap();
    anna.client.wait_for("old-messages").await;
    anna.history(json!({ "userId": "nobody" }))
        .await
        .unwrap_err();
    anna.add(&json!("nobody")).await.unwrap_err();
    anna.send(&json!("carl"), "no room").await.unwrap_err();
    anna.ask("send-message", json!({ "userId": 1.5 }))
        .await
        .unwrap_err();
    second.client.close().await;
    bert.client.close().await;
    anna.client.wait_for("chat-user-status-changed").await;
    anna.login().await.unwrap();
    vec![anna, bert, second]
}

async fn with_users(keys: &[(&str, &str)]) -> Server {
    let server = Server::with(keys).await;
    for (id, first) in [("anna", "Anna"), ("bert", "Bert"), ("carl", "Carl")] {
        server.store_user(user(id, first)).await;
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_allowed_fields_leave_however_deep_the_secrets_lie() {
    let fields = (
        "CHATZZ_USER_FIELDS",
        "name.first,name.last,profile.avatar,tags.label",
    );
    let server = with_users(&[fields]).await;

    let people = do_everything(&server).await;

    let allowed = json!({
        "_id": "anna",
        "name": { "first": "Anna", "last": "Miller" },
        "profile": { "avatar": "a.png" },
        "tags": [{ "label": "vip" }],
    });
    let details = people[0].client.wait_for("user-details").await;
    assert_eq!(details["user"], allowed);
    for person in &people {
        let bytes = person.client.received_bytes();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("Miller"), "the scan sees what was received");
        assert!(!text.contains(CANARY), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_reaches_the_collections_of_chatzz() {
    let server = with_users(&[("CHATZZ_USER_FIELDS", "name.first")]).await;

    do_everything(&server).await;

    for collection in [
        "chatusers",
        "chatrooms",
        "chatmessages",
        "chatzz_nodes",
        "chatzz_events",
        "chatzz_meta",
    ] {
        let dump = format!("{:?}", server.dump(collection).await);
        assert!(!dump.contains(CANARY), "{collection}: {dump}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_only_ever_found_and_stay_byte_identical() {
    let server = with_users(&[("CHATZZ_USER_FIELDS", "name")]).await;
    let hash = async || {
        let hash = doc! { "dbHash": 1, "collections": ["users"] };
        let hash = server.database().run_command(hash).await.unwrap();
        hash.get_document("collections").unwrap().clone()
    };
    let before = hash().await;
    let profile = doc! { "profile": 2 };
    server.database().run_command(profile).await.unwrap();

    do_everything(&server).await;

    let profile = doc! { "profile": 0 };
    server.database().run_command(profile).await.unwrap();
    assert_eq!(hash().await, before);
    let about_users = doc! { "ns": format!("{}.users", server.database().name()) };
    let profiled = server.collection("system.profile");
    let about_users: Vec<Document> = profiled
        .find(about_users)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let by_chatzz: Vec<&Document> = about_users
        .iter()
        .filter(|entry| entry.get_str("appName").is_ok_and(|name| name == "chatzz"))
        .collect();
    assert!(!by_chatzz.is_empty(), "the profiler sees the server");
    for entry in by_chatzz {
        assert_eq!(entry.get_str("op").unwrap(), "query", "{entry}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_may_lie_in_another_database_and_collection() {
    let uri = crate::support::mongod::shared_uri().await;
    let application = Server::on(&uri, &[]).await;
    let of_application = application.database();
    for (id, first) in [("anna", "Anna"), ("bert", "Bert")] {
        let people = application.collection("people");
        people.insert_one(user(id, first)).await.unwrap();
    }
    let before = of_application.list_collection_names().await.unwrap();
    let server = Server::with(&[
        ("CHATZZ_USER_DATABASE", of_application.name()),
        ("CHATZZ_USER_COLLECTION", "people"),
        ("CHATZZ_USER_FIELDS", "name.first"),
    ])
    .await;

    do_everything(&server).await;

    assert_eq!(server.dump("chatusers").await.len(), 2);
    assert_eq!(application.dump("chatusers").await, []);
    assert_eq!(
        of_application.list_collection_names().await.unwrap(),
        before
    );
    let own = server.database().list_collection_names().await.unwrap();
    assert!(!own.contains(&"people".to_owned()), "{own:?}");
}
