//! The token's way into a socket.

use bson::doc;
use serde_json::{Value, json};

use super::{
    SECRET, WIRE, claims, connect, jwt_server, login, options, refused, refused_with, signed, token,
};
use crate::support::frame::{Client, ConnectOptions, Eio, WIRES};
use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::user::{Person, code};

#[tokio::test(flavor = "multi_thread")]
async fn over_every_wire_a_token_opens_a_socket_for_its_user_alone() {
    let server = jwt_server(&[]).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    for wire in WIRES {
        let client = connect(&server, wire, &token(&alice)).await.unwrap();
        let as_bob = Person::new(client, bob.clone());
        assert_eq!(code(as_bob.login().await), "forbidden", "{wire:?}");
        let alice = Person::new(as_bob.client, alice.clone());
        alice.login().await.unwrap();
        alice.client.expect_envelope("user-details").await;
    }
    assert_eq!(
        server.dump("chatusers").await.len(),
        1,
        "bob was never here"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn over_every_wire_a_handshake_without_a_good_token_is_a_connect_error() {
    let server = jwt_server(&[]).await;
    let alice = server.user("alice").await;
    let expired = signed(&json!({ "sub": alice, "exp": super::now() - 1 }));
    for wire in WIRES {
        let bare = ConnectOptions::new(server.addr()).over(wire);
        let message = refused_with(bare).await;
        assert_eq!(message, "unauthorized: there is no token", "{wire:?}");
        let message = refused(&server, wire, &expired).await;
        assert_eq!(message, "unauthorized: the token has expired", "{wire:?}");
        let message = refused(&server, wire, "nonsense").await;
        assert_eq!(
            message, "unauthorized: the token cannot be read",
            "{wire:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_taken_from_auth_else_the_header_else_the_query() {
    let server = jwt_server(&[]).await;
    let alice = server.user("alice").await;
    let good = token(&alice);
    for wire in WIRES {
        let mut options = ConnectOptions::new(server.addr()).over(wire);
        options.headers = vec![("authorization".to_owned(), format!("Bearer {good}"))];
        options.query = vec![("token".to_owned(), "nonsense".to_owned())];
        Client::connect(options.clone()).await.unwrap();
        options.headers[0].1 = "Bearer nonsense".to_owned();
        options.query[0].1.clone_from(&good);
        let message = refused_with(options).await;
        assert!(message.starts_with("unauthorized: "), "{message}");
    }
    let mut options = options(&server, WIRE, &good);
    options.headers = vec![("authorization".to_owned(), "Bearer nonsense".to_owned())];
    Client::connect(options).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn auth_that_is_not_an_object_is_refused_even_if_it_holds_the_token() {
    let server = jwt_server(&[]).await;
    let good = token(&server.user("alice").await);
    for auth in [json!([good]), json!(good), json!([]), json!(true)] {
        let mut options = options(&server, WIRE, &good);
        options.headers = vec![("authorization".to_owned(), format!("Bearer {good}"))];
        options.auth = Some(auth);
        let message = refused_with(options).await;
        assert_eq!(message, "unauthorized: auth is not an object");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_others_exist_is_not_revealed_to_whoever_names_them() {
    let server = jwt_server(&[]).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let client = connect(&server, WIRE, &token(&alice)).await.unwrap();
    let mut answers = Vec::new();
    for named in [
        bob,
        json!("65a0000000000000000000ff"),
        json!("nobody"),
        json!(5),
    ] {
        let ack = client.emit_with_ack("connect-user", json!({ "userId": named }));
        answers.push(ack.await.unwrap());
    }
    assert_eq!(answers[0][0]["code"], "forbidden");
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hole_2_a_token_decides_who_logs_in_anew_in_dialect_1() {
    let server = jwt_server(&[("CHATZZ_DIALECT", "1")]).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let client = connect(&server, WIRE, &token(&alice)).await.unwrap();
    let alice = Person::new(client, alice);
    alice.login().await.unwrap();

    let refused = alice.ask("connect-user", json!({ "userId": bob })).await;

    assert_eq!(refused.unwrap_err()["code"], "forbidden");
    alice.client.drain();
    alice.login().await.unwrap();
    let details = alice.client.expect_envelope("user-details").await;
    assert_eq!(details["user"]["_id"], alice.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_somebody_who_does_not_exist_speaks_for_nobody() {
    let server = jwt_server(&[]).await;
    let bob = server.user("bob").await;
    let ghost = json!("65a0000000000000000000ff");
    let client = connect(&server, WIRE, &token(&ghost)).await.unwrap();
    let person = Person::new(client, ghost);
    assert_eq!(code(person.login().await), "user-not-found");
    let as_bob = Person::new(person.client, bob);
    assert_eq!(code(as_bob.login().await), "forbidden");
    assert!(server.dump("chatusers").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_the_same_user_in_whatever_form_the_token_writes_it() {
    let server = jwt_server(&[]).await;
    server
        .store_user(doc! { "_id": 7, "username": "ann" })
        .await;
    for (proved, named) in [(json!(7), json!("7")), (json!("7"), json!(7))] {
        let client = connect(&server, WIRE, &token(&proved)).await.unwrap();
        let ann = Person::new(client, named);
        assert_eq!(ann.login().await.unwrap()["userId"], 7);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_fits_two_users_never_lets_one_be_the_other() {
    let server = jwt_server(&[]).await;
    server.store_user(doc! { "_id": 42, "username": "n" }).await;
    server
        .store_user(doc! { "_id": "42", "username": "s" })
        .await;
    let unclear = connect(&server, WIRE, &token(&json!("42"))).await.unwrap();
    let unclear = Person::new(unclear, json!(42));
    assert_eq!(code(unclear.login().await), "bad-request");
    let clear = connect(&server, WIRE, &token(&json!(42))).await.unwrap();
    let clear = Person::new(clear, json!("42"));
    assert_eq!(clear.login().await.unwrap()["userId"], 42);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_claim_and_its_bounds_are_configured() {
    let server = jwt_server(&[
        ("CHATZZ_JWT_USER_CLAIM", "uid"),
        ("CHATZZ_JWT_ISSUER", "login"),
        ("CHATZZ_JWT_AUDIENCE", "chat,im"),
    ])
    .await;
    let alice = server.user("alice").await;
    let mut claims = claims(&json!("somebody"), 60);
    claims["uid"] = alice.clone();
    claims["iss"] = json!("login");
    claims["aud"] = json!(["im"]);
    login(&server, &alice, &signed(&claims)).await;
    for (claim, value, says) in [
        ("iss", json!("other"), "issuer"),
        ("aud", json!("mail"), "audience"),
        ("uid", json!(null), "no uid"),
    ] {
        let mut changed = claims.clone();
        changed[claim] = value;
        let message = refused(&server, WIRE, &signed(&changed)).await;
        assert!(message.contains(says), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_server_takes_any_token_and_none() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    for wire in WIRES {
        let client = connect(&server, wire, &token(&alice)).await.unwrap();
        let bob = Person::new(client, bob.clone());
        bob.login().await.unwrap();
        let payload = json!({ "token": "whatever" });
        let refreshed = bob.ask("refresh-token", payload).await.unwrap();
        assert_eq!(refreshed, json!({ "expiresAt": Value::Null }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_used_refuses_the_start() {
    let uri = crate::support::mongod::shared_uri().await;
    let pem = include_str!("../../../fixtures/keys/rsa-1024.pub.pem");
    let keys = [("CHATZZ_AUTH", "jwt"), ("CHATZZ_JWT_PUBLIC_KEY", pem)];
    let refusal = Server::try_on_database(&uri, "never", &keys)
        .await
        .err()
        .unwrap();
    assert!(refusal.contains("2048"), "{refusal}");
    assert!(!refusal.contains(SECRET), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_of_one_token_count_for_its_user_before_they_log_in() {
    let keys = [
        ("CHATZZ_RATE_LIMITS", "on"),
        ("CHATZZ_LIMIT_SOCKETS", "user=2"),
    ];
    let server = jwt_server(&keys).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let first = connect(&server, WIRE, &token(&alice)).await.unwrap();
    let _second = connect(&server, WIRE, &token(&alice)).await.unwrap();

    let message = refused(&server, WIRE, &token(&alice)).await;

    assert!(message.starts_with("overloaded: "), "{message}");
    connect(&server, WIRE, &token(&bob)).await.unwrap();
    // a login does not count a second time
    let first = Person::new(first, alice.clone());
    first.login().await.unwrap();
    first.client.close().await;
    eventually("the place is free", async || {
        let again = connect(&server, WIRE, &token(&alice)).await;
        again.ok().map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_clients_join_a_namespace_with_their_query_behind_its_name() {
    let server = jwt_server(&[("CHATZZ_NAMESPACE", "/chat")]).await;
    let alice = server.user("alice").await;
    for wire in WIRES.into_iter().filter(|(eio, _)| *eio == Eio::V3) {
        // the answers come under the name without it, as from a socket.io server
        let old = |query: String| ConnectOptions {
            namespace: "/chat".to_owned(),
            namespace_query: query,
            ..ConnectOptions::new(server.addr()).over(wire)
        };
        let query = format!("lang=en&token={}", token(&alice));
        let client = Client::connect(old(query)).await.unwrap();
        let alice = Person::new(client, alice.clone());
        alice.login().await.unwrap();
        alice.client.expect_envelope("user-details").await;

        let message = refused_with(old("token=nonsense".to_owned())).await;
        assert!(message.starts_with("unauthorized: "), "{message}");
    }
}
