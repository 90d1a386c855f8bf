//! What one client of dialect 1 can make the server do: no more than any other.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_history_comes_no_faster_than_pages_may_be_asked_for() {
    let keys = [
        ("CHATZZ_DIALECT", "1"),
        ("CHATZZ_HISTORY_MAX", "10"),
        ("CHATZZ_HISTORY_DEFAULT", "10"),
        ("CHATZZ_RATE_LIMITS", "on"),
        ("CHATZZ_LIMIT_HISTORY", "socket=3/3s"),
    ];
    let server = Server::with(&keys).await;
    let (alice, bob) = server.pair_with_absent().await;
    server.store_unannounced(&alice.id, &bob, 60).await;
    let began = Instant::now();
    let query = json!({ "userId": bob });
    alice
        .client
        .emit("get-old-messages", query.clone())
        .unwrap();
    // the pages take nothing from what is asked for meanwhile
    let later = json!({ "userId": bob, "fromDate": "2199-01-01" });
    for _ in 0..2 {
        alice.history(later.clone()).await.unwrap();
    }

    let mut texts: Vec<Value> = Vec::new();
    while texts.len() < 60 {
        let page = alice.client.wait_for("old-messages").await;
        let page = page.as_array().unwrap().iter();
        texts.extend(page.map(|one| one["message"].clone()));
    }

    let expected: Vec<Value> = (1..=60).map(|seq| json!(format!("text {seq}"))).collect();
    assert_eq!(texts, expected);
    // of the five pages behind the first, three come at once and two a second later each
    let took = began.elapsed();
    assert!(took > Duration::from_millis(1_900), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_ends_where_the_socket_becomes_somebody_elses() {
    let keys = [
        ("CHATZZ_DIALECT", "1"),
        ("CHATZZ_HISTORY_MAX", "10"),
        ("CHATZZ_HISTORY_DEFAULT", "10"),
    ];
    let server = Server::with(&keys).await;
    let (alice, bob) = server.pair_with_absent().await;
    server.store_unannounced(&alice.id, &bob, 2_000).await;
    let carol = server.user("carol").await;
    alice
        .client
        .emit("get-old-messages", json!({ "userId": bob }))
        .unwrap();

    let login = json!({ "userId": carol });
    alice.ask("connect-user", login).await.unwrap();

    let details = loop {
        let envelope = alice.client.next_envelope().await;
        if envelope.kind == "user-details" {
            break envelope.data;
        }
    };
    assert_eq!(details["user"]["_id"], carol);
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_contains_no_more_than_two_megabytes_of_contacts() {
    let keys = [
        ("CHATZZ_DIALECT", "1"),
        ("CHATZZ_USER_FIELDS", "_id,a,b,c,d,e,f"),
        ("CHATZZ_RATE_LIMITS", "off"),
    ];
    let server = Server::with(&keys).await;
    let alice = server.person("alice").await;
    let filler = "x".repeat(8_000);
    for number in 0..60 {
        let id = format!("contact-{number}");
        let mut user = bson::doc! { "_id": &id, "username": &id };
        user.extend(
            ["a", "b", "c", "d", "e", "f"].map(|field| (field.to_owned(), (&filler).into())),
        );
        server.store_user(user).await;
        alice.add(&json!(id)).await.unwrap();
    }

    let (_alice, details) = server.arrive(&alice.id).await;

    let contacts = details["connectedUsers"].as_array().unwrap().len();
    let bytes = details.to_string().len();
    assert!(contacts > 40 && contacts < 60, "{contacts}");
    assert!(bytes < 2_400_000, "{bytes}");
}
