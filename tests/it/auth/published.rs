//! Public keys at a URL or in a file: rotation and outages.

use std::path::Path;
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::{RSA, RSA_OTHER, WIRE, claims, connect, refused};
use crate::support::poll::{eventually, until};
use crate::support::server::Server;
use crate::support::service::Service;

const EC: &str = include_str!("../../../fixtures/keys/ec.pem");
const ED: &str = include_str!("../../../fixtures/keys/ed.pem");

fn rsa(pem: &str) -> EncodingKey {
    EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
}

/// The public half of a key under an id.
fn published(kid: &str, key: &EncodingKey, algorithm: Algorithm) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some(kid.to_owned());
    serde_json::to_value(jwk).unwrap()
}

fn jwks(keys: &[Value]) -> Value {
    json!({ "keys": keys })
}

fn token(kid: Option<&str>, key: &EncodingKey, algorithm: Algorithm, id: &Value) -> String {
    let mut header = Header::new(algorithm);
    header.kid = kid.map(str::to_owned);
    encode(&header, &claims(id, 3_600), key).unwrap()
}

fn of_rsa(kid: &str, pem: &str, id: &Value) -> String {
    token(Some(kid), &rsa(pem), Algorithm::RS256, id)
}

async fn server(service: &Service, more: &[(&str, &str)]) -> Server {
    let url = service.url("/jwks.json?key=of-the-service");
    let mut keys = vec![
        ("CHATZZ_AUTH", "jwt"),
        ("CHATZZ_JWT_JWKS_URL", url.as_str()),
    ];
    keys.extend(more);
    Server::with(&keys).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_checked_with_the_key_that_it_names() {
    let (first, second) = (rsa(RSA), rsa(RSA_OTHER));
    let ec = EncodingKey::from_ec_pem(EC.as_bytes()).unwrap();
    let service = Service::answering(&jwks(&[
        json!({ "kty": "oct", "kid": "shared", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA" }),
        json!({ "kty": "unheard-of", "kid": 5 }),
        published("first", &first, Algorithm::RS256),
        published("second", &second, Algorithm::RS256),
        published("curve", &ec, Algorithm::ES256),
    ]))
    .await;
    let server = server(&service, &[]).await;
    let alice = server.user("alice").await;
    for good in [
        of_rsa("first", RSA, &alice),
        of_rsa("second", RSA_OTHER, &alice),
        token(Some("curve"), &ec, Algorithm::ES256, &alice),
        token(None, &second, Algorithm::RS256, &alice),
        token(None, &ec, Algorithm::ES256, &alice),
    ] {
        connect(&server, WIRE, &good).await.unwrap();
    }
    let secret = EncodingKey::from_secret(b"secret-secret-secret-secret-secret");
    for bad in [
        of_rsa("first", RSA_OTHER, &alice),
        of_rsa("curve", RSA, &alice),
        of_rsa("shared", RSA, &alice),
        token(Some("shared"), &secret, Algorithm::HS256, &alice),
    ] {
        let message = refused(&server, WIRE, &bad).await;
        assert!(message.starts_with("unauthorized: "), "{message}");
    }
}

/// The public half of a key without an id.
fn nameless(key: &EncodingKey, algorithm: Algorithm) -> Value {
    let mut jwk = published("", key, algorithm);
    jwk.as_object_mut().unwrap().remove("kid");
    jwk
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_an_id_serves_every_token_when_it_is_the_only_one_of_its_kind() {
    let ec = EncodingKey::from_ec_pem(EC.as_bytes()).unwrap();
    let only = nameless(&rsa(RSA), Algorithm::RS256);
    let curve = published("curve", &ec, Algorithm::ES256);
    let service = Service::answering(&jwks(&[only.clone(), curve])).await;
    let server = server(&service, &[]).await;
    let alice = server.user("alice").await;
    let named = of_rsa("of-the-login-service", RSA, &alice);
    connect(&server, WIRE, &named).await.unwrap();
    let curve = token(Some("other"), &ec, Algorithm::ES256, &alice);
    let message = refused(&server, WIRE, &curve).await;
    assert_eq!(message, "unauthorized: the token's key is not known");

    // beside a second RSA key it could be either
    let second = published("second", &rsa(RSA_OTHER), Algorithm::RS256);
    service.answer(200, &jwks(&[only, second]));
    let server = self::server(&service, &[]).await;
    let alice = server.user("alice").await;
    let named = of_rsa("of-the-login-service", RSA, &alice);
    let message = refused(&server, WIRE, &named).await;
    assert_eq!(message, "unauthorized: the token's key is not known");
    let second = of_rsa("second", RSA_OTHER, &alice);
    connect(&server, WIRE, &second).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_an_id_is_looked_for_again_when_it_was_replaced() {
    let key = |pem| jwks(&[nameless(&rsa(pem), Algorithm::RS256)]);
    let service = Service::answering(&key(RSA)).await;
    let server = server(&service, &[]).await;
    let alice = server.user("alice").await;
    service.answer(200, &key(RSA_OTHER));
    let new = of_rsa("new", RSA_OTHER, &alice);
    eventually("the new key is there", async || {
        connect(&server, WIRE, &new).await.ok()
    })
    .await;
    let message = refused(&server, WIRE, &of_rsa("old", RSA, &alice)).await;
    assert_eq!(message, "unauthorized: the token's signature does not fit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_call_its_algorithm_ed25519() {
    let ed = EncodingKey::from_ed_pem(ED.as_bytes()).unwrap();
    let mut key = published("one", &ed, Algorithm::EdDSA);
    key["alg"] = json!("Ed25519");
    let service = Service::answering(&jwks(&[key])).await;
    let server = server(&service, &[]).await;
    let alice = server.user("alice").await;
    let token = token(Some("one"), &ed, Algorithm::EdDSA, &alice);
    connect(&server, WIRE, &token).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_found_at_once_and_the_url_is_not_asked_for_each_unknown_one() {
    let service = Service::answering(&jwks(&[published("old", &rsa(RSA), Algorithm::RS256)])).await;
    let server = server(&service, &[]).await;
    let alice = server.user("alice").await;
    connect(&server, WIRE, &of_rsa("old", RSA, &alice))
        .await
        .unwrap();
    assert_eq!(
        service.asked().len(),
        1,
        "known keys are not asked for again"
    );

    // the pause since the look at the start is over
    tokio::time::sleep(Duration::from_secs(5)).await;
    service.answer(
        200,
        &jwks(&[published("new", &rsa(RSA_OTHER), Algorithm::RS256)]),
    );
    connect(&server, WIRE, &of_rsa("new", RSA_OTHER, &alice))
        .await
        .unwrap();
    let message = refused(&server, WIRE, &of_rsa("old", RSA, &alice)).await;
    assert_eq!(message, "unauthorized: the token's key is not known");

    let tries = (0..30).map(|n| {
        let (server, token) = (&server, of_rsa(&format!("made-up-{n}"), RSA, &alice));
        async move { refused(server, WIRE, &token).await }
    });
    for message in futures::future::join_all(tries).await {
        assert_eq!(message, "unauthorized: the token's key is not known");
    }
    assert!(service.asked().len() <= 3, "{}", service.asked().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_url_is_down_known_keys_stay_good_and_unknown_ones_are_unavailable() {
    let key = published("known", &rsa(RSA), Algorithm::RS256);
    let mut service = Service::answering(&jwks(std::slice::from_ref(&key))).await;
    let server = server(&service, &[("CHATZZ_JWT_JWKS_REFRESH", "1s")]).await;
    let alice = server.user("alice").await;
    let known = of_rsa("known", RSA, &alice);
    for broken in ["gone", "500", "not json", "no keys", "too large"] {
        match broken {
            "gone" => service.stop().await,
            "500" => {
                service.start().await;
                service.answer(500, &json!({}));
            }
            "not json" => service.answer_text(200, "<html>"),
            "no keys" => service.answer(200, &jwks(&[])),
            _ => service.answer_text(200, &" ".repeat(300 * 1_024)),
        }
        // at least one look of the server's own comes to nothing
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        connect(&server, WIRE, &known).await.unwrap();
        let message = refused(&server, WIRE, &of_rsa("unknown", RSA, &alice)).await;
        assert!(message.starts_with("unavailable: "), "{broken}: {message}");
    }
    let other = published("unknown", &rsa(RSA), Algorithm::RS256);
    service.answer(200, &jwks(&[key, other]));
    until(
        "the new key is there",
        Duration::from_secs(70),
        async || {
            connect(&server, WIRE, &of_rsa("unknown", RSA, &alice))
                .await
                .ok()
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_the_url_and_lets_nobody_in_until_it_answers() {
    let key = published("one", &rsa(RSA), Algorithm::RS256);
    let mut service = Service::answering(&jwks(&[key])).await;
    service.stop().await;
    let server = server(&service, &[]).await;
    let alice = server.user("alice").await;
    let token = of_rsa("one", RSA, &alice);
    let message = refused(&server, WIRE, &token).await;
    assert!(message.starts_with("unavailable: "), "{message}");
    service.start().await;
    eventually("the keys are there", async || {
        connect(&server, WIRE, &token).await.ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_keys_is_read_anew_and_must_be_there_at_the_start() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rotated-jwks.json");
    let write = |keys: &[Value]| std::fs::write(&path, jwks(keys).to_string()).unwrap();
    write(&[published("old", &rsa(RSA), Algorithm::RS256)]);
    let name = path.to_str().unwrap();
    let keys = [
        ("CHATZZ_AUTH", "jwt"),
        ("CHATZZ_JWT_JWKS_FILE", name),
        ("CHATZZ_JWT_JWKS_REFRESH", "1s"),
    ];
    let server = Server::with(&keys).await;
    let alice = server.user("alice").await;
    connect(&server, WIRE, &of_rsa("old", RSA, &alice))
        .await
        .unwrap();
    write(&[published("new", &rsa(RSA_OTHER), Algorithm::RS256)]);
    eventually("the new key is read", async || {
        connect(&server, WIRE, &of_rsa("new", RSA_OTHER, &alice))
            .await
            .ok()
    })
    .await;

    let uri = crate::support::mongod::shared_uri().await;
    let keys = [
        ("CHATZZ_AUTH", "jwt"),
        ("CHATZZ_JWT_JWKS_FILE", "/no/such/file"),
    ];
    let refusal = Server::try_on_database(&uri, "never", &keys)
        .await
        .err()
        .unwrap();
    assert!(refusal.starts_with("CHATZZ_JWT_JWKS_FILE: "), "{refusal}");
}
