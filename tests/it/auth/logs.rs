//! Tokens and secrets in no log line, metric or byte on the wire, at the finest filter.

use serde_json::{Value, json};

use super::{SECRET, signed};
use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::frame::{Client, ConnectOptions, Eio, WIRES};
use crate::support::http;
use crate::support::service::Service;
use crate::support::user::Person;

const WEBHOOK_SECRET: &str = "webhook-canary-5d10-and-some-more";
const JWKS_KEY: &str = "jwks-canary-77af";

/// Tokens that are accepted and refused, wherever a client can put one.
async fn talk(server: &Binary, alice: &Value, tokens: &[String]) -> Vec<u8> {
    let mut received = Vec::new();
    for wire in WIRES {
        for token in tokens {
            let mut options = ConnectOptions::new(server.addr()).over(wire);
            options.query = vec![("token".to_owned(), token.clone())];
            options.headers = vec![("authorization".to_owned(), format!("Bearer {token}"))];
            options.auth = (wire.0 == Eio::V4).then(|| json!({ "token": token }));
            let Ok(client) = Client::connect(options).await else {
                continue;
            };
            let person = Person::new(client, alice.clone());
            // refused when the token is not good for it: the lines are what counts
            let _ = person.login().await;
            for token in tokens {
                let _ = person.ask("refresh-token", json!({ "token": token })).await;
            }
            let wrong = json!({ "token": { "deep": tokens[0] } });
            person.ask("refresh-token", wrong).await.unwrap_err();
            received.extend(person.client.received_bytes());
        }
    }
    received
}

fn holds_none(place: &str, text: &str, secrets: &[&str]) {
    for secret in secrets {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "in the {place}: {secret}");
    }
}

/// Runs a server at TRACE, and looks everywhere.
async fn run(keys: &[(&str, &str)], alice: &Value, tokens: &[String], secrets: &[&str]) {
    let mut keys = keys.to_vec();
    keys.extend([
        ("CHATZZ_LOG", "trace"),
        ("CHATZZ_METRICS_LISTEN", "127.0.0.1:0"),
    ]);
    let server = Binary::serve(&keys).await;
    let received = talk(&server, alice, tokens).await;
    let log = server.log();
    let (_, rest) = log.split_once("metrics at http://").unwrap();
    let metrics = rest.split("/metrics").next().unwrap().parse().unwrap();
    let metrics = http::get(metrics, "/metrics").await;
    assert!(
        metrics.body.contains("chatzz_tokens_total"),
        "{}",
        metrics.body
    );
    let ended = server.terminate().await;
    let mut secrets = secrets.to_vec();
    let signatures = tokens.iter().filter_map(|token| token.rsplit('.').next());
    secrets.extend(signatures.filter(|part| part.len() > 8));
    assert!(ended.err.contains("stopped"), "the log is there");
    holds_none("log", &ended.err, &secrets);
    holds_none("metrics", &metrics.body, &secrets);
    holds_none("wire", &String::from_utf8_lossy(&received), &secrets);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_signed_tokens_and_their_secret_nothing_is_logged() {
    let database = TestDatabase::shared().await;
    let alice = database.user("alice").await;
    let tokens = [
        signed(&super::claims(&alice, 3_600)),
        signed(&json!({ "sub": alice, "exp": 1 })),
        "nonsense-canary-93bc".to_owned(),
    ];
    let mut keys = database.keys().to_vec();
    keys.extend([("CHATZZ_AUTH", "jwt"), ("CHATZZ_JWT_SECRET", SECRET)]);
    run(&keys, &alice, &tokens, &[SECRET]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_the_application_is_asked_nothing_is_logged() {
    let database = TestDatabase::shared().await;
    let alice = database.user("alice").await;
    let service = Service::answering(&json!({ "userId": alice })).await;
    let url = service.url(&format!("/login?key={JWKS_KEY}"));
    let mut keys = database.keys().to_vec();
    keys.extend([
        ("CHATZZ_AUTH", "webhook"),
        ("CHATZZ_WEBHOOK_URL", url.as_str()),
        ("CHATZZ_WEBHOOK_SECRET", WEBHOOK_SECRET),
    ]);
    let tokens = ["opaque-canary-1".to_owned(), "opaque-canary-2".to_owned()];
    let secrets = ["opaque-canary", WEBHOOK_SECRET, JWKS_KEY];
    run(&keys, &alice, &tokens, &secrets).await;
    let mut down = Service::answering(&json!({})).await;
    down.stop().await;
    let url = down.url(&format!("/login?key={JWKS_KEY}"));
    keys.retain(|(key, _)| *key != "CHATZZ_WEBHOOK_URL");
    keys.push(("CHATZZ_WEBHOOK_URL", url.as_str()));
    run(&keys, &alice, &tokens, &secrets).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_token_was_refused_is_logged_and_a_flood_of_them_is_bounded() {
    let database = TestDatabase::shared().await;
    let alice = database.user("alice").await;
    let mut keys = database.keys().to_vec();
    keys.extend([("CHATZZ_AUTH", "jwt"), ("CHATZZ_JWT_SECRET", SECRET)]);
    let server = Binary::serve(&keys).await;
    let bare = ConnectOptions::new(server.addr());
    Client::connect(bare.clone()).await.err().unwrap();
    let mut options = bare;
    let text = signed(&json!({ "sub": alice, "exp": (super::now() + 60).to_string() }));
    options.auth = Some(json!({ "token": text }));
    for _ in 0..60 {
        Client::connect(options.clone()).await.err().unwrap();
    }

    let log = server.log();
    let of = |reason: &str| log.lines().filter(|line| line.contains(reason)).count();
    assert_eq!(of("reason=\"there is no token\""), 1, "{log}");
    let logged = of("reason=\"the token's exp is not a number\"");
    assert!((1..60).contains(&logged), "{logged} lines: {log}");
}
