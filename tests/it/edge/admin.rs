//! An administrator ends the sockets of a user.

use std::net::SocketAddr;
use std::time::Duration;

use bson::doc;
use chatzz::config::{Config, Mode};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use super::{folder, text, write_private};
use crate::api::free_addr;
use crate::support::frame::{Client, ConnectOptions};
use crate::support::http::{get, request};
use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::service::Service;
use crate::support::user::Person;

/// What the administrator shows.
const TOKEN: &str = "canary-of-the-administrator-0123456789";
/// How long a socket may take to be notified of its end.
const SOON: Duration = Duration::from_secs(10);

/// A server that takes the administrator's requests, and where.
async fn server() -> (Server, SocketAddr) {
    server_with(&[]).await
}

async fn server_with(more: &[(&str, &str)]) -> (Server, SocketAddr) {
    let addr = free_addr();
    let listen = addr.to_string();
    let mut keys = vec![
        ("CHATZZ_METRICS_LISTEN", listen.as_str()),
        ("CHATZZ_ADMIN_TOKEN", TOKEN),
    ];
    keys.extend(more);
    (Server::with(&keys).await, addr)
}

fn sockets_of(id: &Value) -> String {
    format!("/admin/users/{}/sockets", id.as_str().unwrap())
}

async fn end(addr: SocketAddr, id: &Value, authorization: &str) -> (u16, Value) {
    let headers = [("authorization", authorization)];
    let answer = request(addr, "DELETE", &sockets_of(id), &headers).await;
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_sockets_of_the_user_end_and_nobody_elses() {
    let (server, addr) = server().await;
    let (alice, bob) = server.pair().await;
    let second = server.another_of(&bob).await;
    let good = format!("Bearer {TOKEN}");

    let ended = end(addr, &bob.id, &good).await;

    assert_eq!(ended, (200, json!({ "ended": 2 })));
    bob.client.closed(SOON).await.unwrap();
    second.client.closed(SOON).await.unwrap();
    let news = alice.client.wait_for("chat-user-status-changed").await;
    assert_eq!(news["status"], "offline");
    alice.send(&bob.id, "are you there?").await.unwrap();
    assert_eq!(end(addr, &bob.id, &good).await.1["ended"], 0);
    assert_eq!(end(addr, &json!("nobody"), &good).await.1["ended"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_collection_takes_for_the_same_is_ended_however_they_are_named() {
    let secret = "the-secret-of-the-admin-tests-0123";
    let jwt = [("CHATZZ_AUTH", "jwt"), ("CHATZZ_JWT_SECRET", secret)];
    let (server, addr) = server_with(&jwt).await;
    let create = doc! { "create": "users", "collation": { "locale": "en", "strength": 2 } };
    server.database().run_command(create).await.unwrap();
    for id in ["alice", "bob"] {
        server.store_user(doc! { "_id": id, "username": id }).await;
    }
    let open = async |subject: &str| {
        let claims = json!({ "sub": subject, "exp": 9_999_999_999_u64 });
        let key = EncodingKey::from_secret(secret.as_bytes());
        let mut options = ConnectOptions::new(server.addr());
        let token = jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
        options.auth = Some(json!({ "token": token }));
        Person::new(Client::connect(options).await.unwrap(), json!(subject))
    };
    let good = format!("Bearer {TOKEN}");
    for named in ["ALICE", "alice"] {
        // logged in, and with nothing but a token
        let (here, waiting) = (open("alice").await, open("Alice").await);
        let other = open("BOB").await;
        here.login().await.unwrap();
        other.login().await.unwrap();

        let ended = end(addr, &json!(named), &good).await;

        assert_eq!(ended, (200, json!({ "ended": 2 })), "{named}");
        here.client.closed(SOON).await.unwrap();
        waiting.client.closed(SOON).await.unwrap();
        other.login().await.unwrap();
        assert_eq!(end(addr, &json!("Bob"), &good).await.1["ended"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_was_deleted_can_be_ended() {
    let (server, addr) = server().await;
    let (_, bob) = server.pair().await;
    let id = bson::oid::ObjectId::parse_str(bob.id.as_str().unwrap()).unwrap();
    let users = server.collection("users");
    users.delete_one(doc! { "_id": id }).await.unwrap();

    let ended = end(addr, &bob.id, &format!("Bearer {TOKEN}")).await;

    assert_eq!(ended, (200, json!({ "ended": 1 })));
    bob.client.closed(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_under_way_does_not_outlast_the_end_of_logins() {
    let service = Service::answering(&json!({})).await;
    let url = service.url("/internal/login");
    let (server, addr) = server_with(&[
        ("CHATZZ_AUTH", "webhook"),
        ("CHATZZ_WEBHOOK_URL", &url),
        ("CHATZZ_WEBHOOK_SECRET", "the-secret-of-the-webhook-tests-"),
        ("CHATZZ_WEBHOOK_CACHE", "1m"),
    ])
    .await;
    let alice = server.user("alice").await;
    service.answer(200, &json!({ "userId": alice }));
    service.delay(Duration::from_millis(500));
    let connect = || {
        let mut options = ConnectOptions::new(server.addr());
        options.query = vec![("token".to_owned(), "opaque".to_owned())];
        Client::connect(options)
    };
    let ends = async {
        eventually("the application is asked", async || {
            (service.asked().len() == 1).then_some(())
        })
        .await;
        end(addr, &alice, &format!("Bearer {TOKEN}")).await
    };

    let (client, ended) = tokio::join!(connect(), ends);

    assert_eq!(ended, (200, json!({ "ended": 0 })));
    // it may be cut before or after it has joined
    if let Ok(client) = client {
        client.closed(SOON).await.unwrap();
    }
    let again = connect().await.unwrap();
    assert_eq!(
        service.asked().len(),
        2,
        "what was granted before is forgotten"
    );
    again.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_nothing_ends() {
    let (server, addr) = server().await;
    let bob = server.person("bob").await;
    let almost = &TOKEN[..TOKEN.len() - 1];
    for shown in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        TOKEN.to_owned(),
        format!("Basic {TOKEN}"),
        format!("Bearer {almost}"),
        format!("Bearer {TOKEN}x"),
    ] {
        let (status, body) = end(addr, &bob.id, &shown).await;
        assert_eq!(
            (status, &body["code"]),
            (401, &json!("unauthorized")),
            "{shown}"
        );
    }
    let bare = request(addr, "DELETE", &sockets_of(&bob.id), &[]).await;
    assert_eq!(bare.status, 401);
    assert_eq!(get(addr, "/metrics").await.status, 200, "metrics need none");
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_cannot_even_ask() {
    let (server, _) = server().await;
    let bob = server.person("bob").await;
    let headers = [("authorization", format!("Bearer {TOKEN}"))];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let asked = request(server.addr(), "DELETE", &sockets_of(&bob.id), &headers).await;
    assert_eq!(asked.status, 404);
    bob.client.assert_silent_for_roundtrip().await;
}

/// The mistakes of a configuration with these keys.
fn mistakes(keys: &[(&str, &str)]) -> Result<(), String> {
    let lookup = |name: &str| {
        let found = keys.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let read = Config::from_lookup(lookup, std::iter::empty(), Mode::Dev);
    read.map(drop).map_err(|errors| errors.to_string())
}

#[test]
fn a_token_that_others_know_or_guess_or_can_read_is_a_mistake() {
    let file = folder().join("token");
    write_private(&file, TOKEN);
    let from_file = [("CHATZZ_ADMIN_TOKEN_FILE", text(&file))];
    mistakes(&from_file).unwrap();
    for (token, why) in [
        ("write-32-random-bytes-of-your-own", ".env.example"),
        ("0123456789012345678901234567890", "shorter than 32"),
    ] {
        let mistake = mistakes(&[("CHATZZ_ADMIN_TOKEN", token)]).unwrap_err();
        assert!(mistake.contains(why), "{mistake}");
        assert!(!mistake.contains(token), "{mistake}");
    }
    let nowhere = [
        ("CHATZZ_ADMIN_TOKEN", TOKEN),
        ("CHATZZ_METRICS_LISTEN", "off"),
    ];
    assert!(
        mistakes(&nowhere)
            .unwrap_err()
            .contains("CHATZZ_METRICS_LISTEN")
    );
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&file, open).unwrap();
    assert!(mistakes(&from_file).unwrap_err().contains("everybody"));
}
