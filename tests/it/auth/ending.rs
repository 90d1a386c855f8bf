//! The end of a socket: its token is over, or an administrator says so.

use bson::oid::ObjectId;
use chatzz::id::UserId;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use super::{END, claims, connect, jwt_server, login, now, refused, signed, token};
use crate::support::frame::{CloseCause, WIRES};
use crate::support::poll::eventually;
use crate::support::user::{Person, code, refusal};

/// Answers while a socket is there, of an event that needs a login.
async fn is_here(person: &Person) -> bool {
    let ack = person.history(json!({ "userId": person.id })).await;
    code(ack) == "no-chat-room"
}

#[tokio::test(flavor = "multi_thread")]
async fn over_every_wire_a_socket_ends_within_two_seconds_of_its_token() {
    let server = jwt_server(&[("CHATZZ_OFFLINE_GRACE", "0")]).await;
    let alice = server.user("alice").await;
    for wire in WIRES {
        let end = now() + 3;
        let token = signed(&json!({ "sub": alice, "exp": end }));
        let client = connect(&server, wire, &token).await.unwrap();
        let person = Person::new(client, alice.clone());
        person.login().await.unwrap();
        assert!(is_here(&person).await, "{wire:?}");
        let closed = person.client.closed(Duration::from_secs(3) + END).await;
        assert_eq!(closed.unwrap(), CloseCause::Disconnected, "{wire:?}");
        assert!(now() >= end, "{wire:?}: it ended before its time");
        assert!(now() <= end + END.as_secs(), "{wire:?}");
        eventually("the user is offline", async || {
            let stored = server.chat_user(&alice).await;
            (stored.get_str("status").unwrap() == "offline").then_some(())
        })
        .await;
        assert!(refused(&server, wire, &token).await.contains("expired"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_never_logged_in_ends_with_its_token_too() {
    let server = jwt_server(&[]).await;
    let alice = server.user("alice").await;
    let client = connect(&server, super::WIRE, &signed(&claims(&alice, 3)))
        .await
        .unwrap();
    let closed = client.closed(Duration::from_secs(3) + END).await;
    assert_eq!(closed.unwrap(), CloseCause::Disconnected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_token_keeps_the_socket_and_its_end_is_announced() {
    let server = jwt_server(&[]).await;
    let alice = server.user("alice").await;
    let person = login(&server, &alice, &signed(&claims(&alice, 3))).await;
    let began = Instant::now();
    let fresh = json!({ "sub": alice, "exp": 4_102_444_800_u64 });
    let answer = person
        .ask("refresh-token", json!({ "token": signed(&fresh) }))
        .await;
    assert_eq!(
        answer.unwrap(),
        json!({ "expiresAt": "2100-01-01T00:00:00.000Z" })
    );
    let silent = person.client.closed(Duration::from_secs(3) + END).await;
    silent.expect_err("the socket stays");
    assert!(began.elapsed() >= Duration::from_secs(5));
    assert!(is_here(&person).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_does_not_fit_changes_nothing() {
    let server = jwt_server(&[]).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let person = login(&server, &alice, &token(&alice)).await;
    let ask = async |payload: Value| refusal(person.ask("refresh-token", payload).await).0;
    assert_eq!(ask(json!({ "token": token(&bob) })).await, "forbidden");
    let ghost = json!("65a0000000000000000000ff");
    assert_eq!(ask(json!({ "token": token(&ghost) })).await, "forbidden");
    let over = signed(&json!({ "sub": alice, "exp": now() - 1 }));
    for token in [over.as_str(), "", "nonsense", &"x".repeat(20_000)] {
        assert_eq!(ask(json!({ "token": token })).await, "unauthorized");
    }
    for payload in [
        json!({}),
        json!({ "token": 5 }),
        json!({ "token": null }),
        json!(null),
    ] {
        assert_eq!(ask(payload).await, "bad-request");
    }
    assert!(is_here(&person).await);
    person.client.drain();
    person.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_refreshed_after_the_login_and_not_before() {
    let server = jwt_server(&[]).await;
    let alice = server.user("alice").await;
    let client = connect(&server, super::WIRE, &token(&alice)).await.unwrap();
    let person = Person::new(client, alice.clone());
    let payload = json!({ "token": token(&alice) });
    let refused = person.ask("refresh-token", payload.clone()).await;
    assert_eq!(code(refused), "not-connected");
    person.login().await.unwrap();
    person.ask("refresh-token", payload).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_logout_no_token_revives_the_socket() {
    let server = jwt_server(&[]).await;
    let alice = server.user("alice").await;
    let person = login(&server, &alice, &token(&alice)).await;
    person.client.emit_bare("disconnect").unwrap();
    let refresh = person
        .ask("refresh-token", json!({ "token": token(&alice) }))
        .await;
    assert_eq!(code(refresh), "no-answer");
    person.client.closed(END).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_ends_all_sockets_of_a_user_and_of_nobody_else() {
    let server = jwt_server(&[]).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let mut of_alice = Vec::new();
    for wire in WIRES {
        let client = connect(&server, wire, &token(&alice)).await.unwrap();
        let person = Person::new(client, alice.clone());
        person.login().await.unwrap();
        of_alice.push(person.client);
    }
    of_alice.push(connect(&server, super::WIRE, &token(&alice)).await.unwrap());
    let bob = login(&server, &bob, &token(&bob)).await;

    let id = ObjectId::parse_str(alice.as_str().unwrap()).unwrap();
    let ended = server.operator().end_user(&UserId::ObjectId(id));

    assert_eq!(ended, 5, "four that logged in, and one that did not");
    for client in of_alice {
        client.closed(END).await.unwrap();
    }
    assert!(is_here(&bob).await);
    assert_eq!(server.operator().end_user(&UserId::ObjectId(id)), 0);
    // revoking what the token still proves is up to whoever issued it
    login(&server, &alice, &token(&alice)).await;
}
