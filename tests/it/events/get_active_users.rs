//! `get-active-users`: which contacts are online, by pages.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{assert_names_field, strangers};
use crate::support::server::Server;
use crate::support::user::{Person, code, each};

/// A person with so many contacts, all of them online.
async fn with_contacts(server: &Server, count: usize) -> (Person, Vec<Person>) {
    let alice = server.person("alice").await;
    let mut contacts = Vec::new();
    for number in 0..count {
        let contact = server.person(&format!("contact{number}")).await;
        alice.add(&contact.id).await.unwrap();
        contacts.push(contact);
    }
    (alice, contacts)
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_who_are_here_are_listed_as_at_a_login_and_nobody_else() {
    let server = Server::start().await;
    let (alice, contacts) = with_contacts(&server, 2).await;
    let _stranger = server.person("stranger").await;
    let absent = server.user("absent").await;
    alice.add(&absent).await.unwrap();
    contacts[0].send(&alice.id, "hello").await.unwrap();

    let page = alice.active_page(json!({})).await;

    assert_eq!(page["hasMore"], false);
    let listed = page["users"].as_array().unwrap();
    assert_eq!(
        each(&page["users"], "_id"),
        [&contacts[0].id, &contacts[1].id]
    );
    assert_eq!(listed[0]["unreadCount"], 1);
    assert_eq!(listed[0]["lastMessage"]["message"], "hello");
    let details = server.arrive(&alice.id).await.1;
    for contact in listed {
        let all = details["connectedUsers"].as_array().unwrap();
        assert!(all.iter().any(|one| one == contact), "{contact}");
    }
    contacts[1].client.close().await;
    alice.client.wait_for("chat-user-status-changed").await;
    let page = alice.active_page(json!({})).await;
    assert_eq!(each(&page["users"], "_id"), [&contacts[0].id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_bring_everybody_once_while_others_come_and_go() {
    let server = Server::start().await;
    let (alice, mut contacts) = with_contacts(&server, 7).await;
    let mut query = json!({ "limit": 2 });
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let page = alice.active_page(query.clone()).await;
        let users = page["users"].as_array().unwrap();
        seen.extend(users.iter().map(|user| user["_id"].clone()));
        pages += 1;
        if page["hasMore"] == false {
            break;
        }
        assert_eq!(users.len(), 2);
        query["after"] = users[1]["_id"].clone();
        if pages == 1 {
            // the very contact after whom the page continues
            let gone = contacts.remove(1);
            assert_eq!(gone.id, query["after"]);
            gone.client.close().await;
            alice.client.wait_for("chat-user-status-changed").await;
        }
    }
    assert_eq!(pages, 4);
    let once: BTreeSet<String> = seen.iter().map(Value::to_string).collect();
    assert_eq!((seen.len(), once.len()), (7, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_blocked_do_not_see_the_blocker_who_sees_them() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    bob.ask("block-user", json!({ "userId": alice.id }))
        .await
        .unwrap();

    let seen = alice.active_page(json!({})).await;

    assert_eq!(seen, json!({ "users": [], "hasMore": false }));
    let seen = bob.active_page(json!({})).await;
    assert_eq!(each(&seen["users"], "_id"), [&alice.id]);
    bob.ask("unblock-user", json!({ "userId": alice.id }))
        .await
        .unwrap();
    let seen = alice.active_page(json!({})).await;
    assert_eq!(each(&seen["users"], "_id"), [&bob.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_clamped_and_after_names_a_contact() {
    let server = Server::start().await;
    let (alice, contacts) = with_contacts(&server, 2).await;
    for (limit, count) in [(0, 1), (-5, 1), (1, 1), (9_999, 2)] {
        let page = alice.active_page(json!({ "limit": limit })).await;
        assert_eq!(page["users"].as_array().unwrap().len(), count, "{limit}");
        assert_eq!(page["hasMore"], count == 1, "{limit}");
    }
    for id in strangers() {
        let outcome = alice.ask("get-active-users", json!({ "after": id })).await;
        assert_eq!(code(outcome), "user-not-found", "{id}");
    }
    let stranger = server.user("stranger").await;
    let outcome = alice
        .ask("get-active-users", json!({ "after": stranger }))
        .await;
    assert_eq!(code(outcome), "no-chat-room");
    alice.client.drain();
    for (field, odd) in [("after", json!({ "$gt": "" })), ("limit", json!("2"))] {
        let payload = json!({ field: odd });
        assert_names_field(&alice, "get-active-users", field, payload).await;
    }
    drop(contacts);
}
