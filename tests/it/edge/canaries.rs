//! I15: what is planted in users, tokens and the configuration appears in no wire
//! byte, log line, metric, error or chat collection.
//!
//! Every client and child process of the whole run is looked at as well, see
//! `support::canary`; here everything is requested, at the finest log level.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::binary::Binary;
use crate::support::canary;
use crate::support::contract;
use crate::support::database::TestDatabase;
use crate::support::frame::{Client, ConnectOptions, Eio, WIRES};
use crate::support::http::{get, post, request};
use crate::support::server::Server;
use crate::support::service::Service;
use crate::support::user::Person;

/// Keys of the configuration, and tokens that only the application knows.
const WEBHOOK: &str = "canary-of-the-webhook-0123456789";
const ADMIN: &str = "canary-of-the-administrator-0123456789";
const OPAQUE: &str = "canary-of-the-tokens-5f60";

/// Every event with a payload that is good when alice says it to bob, or with that of
/// the documentation.
fn events(alice: &Value, bob: &Value) -> Vec<(String, Value)> {
    let asked = [
        (
            "connect-user",
            json!({ "userId": alice, "deliveryAcks": true }),
        ),
        ("add-chat-user", json!({ "userToAdd": bob })),
        (
            "send-message",
            json!({ "userId": bob, "message": "hello", "clientId": "c1" }),
        ),
        (
            "get-old-messages",
            json!({ "userId": bob, "envelope": true }),
        ),
        ("message-read", json!({ "userId": bob, "upTo": 1 })),
        ("message-delivered", json!({ "userId": bob, "upTo": 1 })),
        ("block-user", json!({ "userId": bob })),
        ("get-blocked-users", json!({})),
        ("unblock-user", json!({ "userId": bob })),
        (
            "set-privacy",
            json!({ "whitelistOnly": true, "whitelist": [bob] }),
        ),
        ("set-privacy", json!({ "whitelistOnly": false })),
        ("typing", json!({ "userId": bob })),
        ("signal", json!({ "userId": bob, "data": { "call": 1 } })),
        ("get-active-users", json!({ "after": bob })),
        ("refresh-token", json!({ "token": OPAQUE })),
        ("no-such-event", json!({ "token": OPAQUE })),
    ];
    let mut rest = contract::events();
    rest.retain(|event| asked.iter().all(|(asked, _)| asked != event));
    let asked = asked.map(|(event, payload)| (event.to_owned(), payload));
    let rest = rest.into_iter().map(|event| {
        let example = contract::example(&event);
        (event, example)
    });
    asked.into_iter().chain(rest).collect()
}

/// Payloads that are wrong in every event, with what must not be repeated.
fn nonsense(bob: &Value) -> Vec<Value> {
    vec![
        Value::Null,
        json!([OPAQUE]),
        json!(OPAQUE),
        json!({ "userId": { "$ne": OPAQUE }, "userToAdd": { "$ne": OPAQUE } }),
        json!({ "userId": OPAQUE, "userToAdd": OPAQUE, "message": OPAQUE, "messageId": OPAQUE }),
        json!({ "userId": bob, "message": { "text": OPAQUE }, "date": OPAQUE, "upTo": OPAQUE,
                "token": { "of": OPAQUE }, "whitelist": OPAQUE, "whitelistOnly": OPAQUE }),
    ]
}

/// All that clients can do, over every wire, with this token or one that is refused.
async fn talk(addr: SocketAddr, alice: &Value, bob: &Value, token: &str) {
    for wire in WIRES {
        for (place, token) in [(0, token), (1, token), (2, token), (0, OPAQUE), (1, "")] {
            let mut options = ConnectOptions::new(addr).over(wire);
            match place {
                0 => options.query = vec![("token".to_owned(), token.to_owned())],
                1 => {
                    let bearer = format!("Bearer {token}");
                    options.headers = vec![("authorization".to_owned(), bearer)];
                }
                _ => options.auth = (wire.0 == Eio::V4).then(|| json!({ "token": token })),
            }
            // a refusal is looked at like an answer
            let Ok(client) = Client::connect(options).await else {
                continue;
            };
            let person = Person::new(client, alice.clone());
            for (event, payload) in events(alice, bob) {
                let _ = person.ask(&event, payload).await;
            }
            let each = events(alice, bob).into_iter().filter(|_| place == 0);
            for (event, _) in each {
                for wrong in nonsense(bob) {
                    let _ = person.ask(&event, wrong.clone()).await;
                    let _ = person.client.emit(&event, wrong);
                }
            }
            let _ = person.client.emit_raw(format!("42[\"{OPAQUE}\",{{"));
            let _ = person.client.emit_with_ack("the-end", json!({})).await;
        }
    }
}

/// What is answered over HTTP, to those who may ask and those who may not.
async fn ask_over_http(addr: SocketAddr, metrics: SocketAddr) -> String {
    let mut said = String::new();
    let polling = "/socket.io/?EIO=4&transport=polling";
    for target in ["/healthz", "/readyz", "/version", "/nowhere", polling] {
        let target = format!("{target}?token={OPAQUE}");
        said += &get(addr, &target).await.body;
        said += &post(addr, &target, OPAQUE).await.body;
    }
    let sockets = "/admin/users/nobody/sockets";
    for shown in [ADMIN, OPAQUE] {
        let shown = [("authorization", format!("Bearer {shown}"))];
        let shown = shown
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        said += &request(metrics, "DELETE", sockets, &shown).await.body;
    }
    let reported = get(metrics, "/metrics").await.body;
    assert!(reported.contains("chatzz_events_total"), "{reported}");
    said + &reported
}

async fn nothing_leaves(mode: &[(&str, &str)], token: impl Fn(&Value) -> String) {
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let mut keys = database.keys().to_vec();
    let set = |key: &str| !matches!(key, "CHATZZ_METRICS_LISTEN" | "CHATZZ_AUTH");
    keys.retain(|(key, _)| set(key));
    keys.extend([
        ("CHATZZ_METRICS_LISTEN", "127.0.0.1:0"),
        ("CHATZZ_ADMIN_TOKEN", ADMIN),
        ("CHATZZ_LOG", "trace"),
    ]);
    keys.extend(mode);
    let server = Binary::serve(&keys).await;
    let log = server.log();
    let (_, rest) = log.split_once("metrics at http://").unwrap();
    let metrics = rest.split("/metrics").next().unwrap().parse().unwrap();

    talk(server.addr(), &alice, &bob, &token(&alice)).await;
    let said = ask_over_http(server.addr(), metrics).await;
    let ended = server.terminate().await;

    assert!(ended.err.contains("stopped"), "the log is there");
    canary::assert_unsaid("what is answered over HTTP", &said);
    canary::assert_unsaid("the log", &(ended.err + &ended.out));
    let of_users = format!("{:?}", database.dump("users").await);
    assert!(of_users.contains(canary::USER), "they are planted");
    let mut looked_at = 0;
    for name in database.collections().await {
        if name != "users" {
            let all = database.dump(&name).await;
            looked_at += all.len();
            // a text that somebody sent is stored, and is no secret of the server
            let all = format!("{all:?}").replace(OPAQUE, "");
            canary::assert_unsaid(&name, &all);
        }
    }
    assert!(looked_at > 4, "people, a chat room and messages are stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_leaves_a_server_that_believes_everybody() {
    nothing_leaves(&[("CHATZZ_AUTH", "trusted")], |_| OPAQUE.to_owned()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_leaves_a_server_that_checks_tokens() {
    let mode = [("CHATZZ_AUTH", "jwt"), ("CHATZZ_JWT_SECRET", canary::JWT)];
    let token = |id: &Value| {
        let claims = json!({ "sub": id, "exp": 32_503_680_000_u64 });
        let key = EncodingKey::from_secret(canary::JWT.as_bytes());
        encode(&Header::default(), &claims, &key).unwrap()
    };
    nothing_leaves(&mode, token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_leaves_a_server_that_asks_the_application() {
    let service = Service::answering(&json!({})).await;
    let url = service.url(&format!("/login?key={OPAQUE}"));
    let mode = [
        ("CHATZZ_AUTH", "webhook"),
        ("CHATZZ_WEBHOOK_URL", url.as_str()),
        ("CHATZZ_WEBHOOK_SECRET", WEBHOOK),
    ];
    let token = |id: &Value| {
        service.answer(200, &json!({ "userId": id }));
        OPAQUE.to_owned()
    };
    nothing_leaves(&mode, token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_sent_a_secret_fails_its_test() {
    let fields = [("CHATZZ_USER_FIELDS", "_id,username,profile.private.note")];
    let server = Server::with(&fields).await;
    let alice = server.person("alice").await;
    let failed = catch_unwind(AssertUnwindSafe(|| drop(alice)));
    let why = failed.expect_err("the field is allowed, so it left");
    let why = why.downcast::<String>().unwrap();
    assert!(why.contains(canary::USER), "{why}");
}

#[test]
fn a_log_with_a_secret_fails_its_test() {
    let said = format!("fine\nnot fine: {}", canary::DATABASE);
    let failed = catch_unwind(|| canary::assert_unsaid("a log", &said));
    failed.expect_err("there is one");
}
