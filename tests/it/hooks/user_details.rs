//! `user-details`: what clients are shown of users.

use std::time::Duration;

use bson::doc;
use serde_json::{Value, json};

use super::{allowing, server};
use crate::support::server::Server;

const FIELDS: [(&str, &str); 2] = [
    ("CHATZZ_USER_FIELDS", "username,phone"),
    ("CHATZZ_USER_CACHE", "0s"),
];

async fn people(server: &Server, count: usize) -> Vec<Value> {
    let mut ids = Vec::new();
    for number in 0..count {
        let id = format!("user-{number:03}");
        let user = doc! { "_id": &id, "username": &id, "phone": format!("+1 {number}") };
        server.store_user(user).await;
        ids.push(json!(id));
    }
    ids
}

/// Leaves the telephone number out and adds a field, in another order than asked.
fn without_phone(asked: &Value) -> (Duration, Value) {
    let users = asked["data"]["users"].as_array().unwrap().iter().rev();
    let shape = |user: &Value| {
        let name = user["username"].as_str().unwrap().to_uppercase();
        json!({ "_id": user["_id"], "name": name })
    };
    let users: Vec<Value> = users.map(shape).collect();
    (
        Duration::ZERO,
        json!({ "action": "replace", "users": users }),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_shapes_what_is_shown_everywhere() {
    let service = allowing().await;
    service.decide(without_phone);
    let server = server(&service, "user-details", "refuse", &FIELDS).await;
    let ids = people(&server, 2).await;
    let (alice, details) = server.arrive(&ids[0]).await;
    let shaped = json!({ "_id": "user-001", "name": "USER-001" });
    assert_eq!(
        details["user"],
        json!({ "_id": "user-000", "name": "USER-000" })
    );
    let added = alice.add(&ids[1]).await.unwrap();
    assert_eq!(
        (&added["_id"], &added["name"]),
        (&shaped["_id"], &shaped["name"])
    );
    assert!(
        added.get("phone").is_none() && added.get("username").is_none(),
        "{added}"
    );
    let sent = alice.send(&ids[1], "hello").await.unwrap();
    assert_eq!(sent["to"], shaped);
    let asked = service.bodies().remove(0);
    assert_eq!(asked["type"], "user-details");
    let user = &asked["data"]["users"][0];
    assert_eq!(
        *user,
        json!({ "_id": "user-000", "username": "user-000", "phone": "+1 0" })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn allowed_users_are_shown_as_they_are() {
    let service = allowing().await;
    let server = server(&service, "user-details", "refuse", &FIELDS).await;
    let ids = people(&server, 1).await;
    let (_, details) = server.arrive(&ids[0]).await;
    let whole = json!({ "_id": "user-000", "username": "user-000", "phone": "+1 0" });
    assert_eq!(details["user"], whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_id_is_shown_while_the_application_cannot_be_asked() {
    for policy in ["refuse", "allow"] {
        let service = allowing().await;
        let server = server(&service, "user-details", policy, &FIELDS).await;
        let ids = people(&server, 1).await;
        let large = json!({ "_id": "user-000", "a": "x".repeat(9_000) });
        for answer in [
            json!({ "action": "refuse", "reason": "" }),
            json!({ "action": "replace", "users": [] }),
            json!({ "action": "replace", "users": [{ "_id": "user-001" }] }),
            json!({ "action": "replace", "users": [large] }),
            json!({ "action": "replace", "users": ["user-000"] }),
        ] {
            service.answer(200, &answer);
            let (_, details) = server.arrive(&ids[0]).await;
            assert_eq!(
                details["user"],
                json!({ "_id": "user-000" }),
                "{answer:.80}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_users_at_most_are_asked_about_at_once() {
    let service = allowing().await;
    service.decide(without_phone);
    let keys = [FIELDS[0], ("CHATZZ_USER_CACHE", "1h")];
    let server = server(&service, "user-details", "refuse", &keys).await;
    let ids = people(&server, 151).await;
    let alice = server.login(&ids[0]).await;
    alice.client.expect_envelope("user-details").await;
    for id in &ids[1..] {
        alice.add(id).await.unwrap();
    }
    let mut again = server;
    again.restart().await;
    let before = service.asked().len();
    let (_, details) = again.arrive(&ids[0]).await;
    let contacts = details["connectedUsers"].as_array().unwrap();
    assert_eq!(contacts.len(), 150);
    assert!(contacts.iter().all(|contact| contact["name"].is_string()));
    let asked = service.bodies().split_off(before);
    let sizes = asked
        .iter()
        .map(|asked| asked["data"]["users"].as_array().unwrap().len());
    let sizes: Vec<usize> = sizes.collect();
    assert!(sizes.iter().all(|size| *size <= 100), "{sizes:?}");
    assert!(sizes.len() <= 10, "{sizes:?}");
}
