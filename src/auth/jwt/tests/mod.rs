//! Signatures and keys, one by one. What crosses the wire is in `tests/it/auth/`.

mod claims;

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;
use crate::service::IdInput;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const RSA: &str = include_str!("../../../../fixtures/keys/rsa.pem");
const RSA_PUBLIC: &str = include_str!("../../../../fixtures/keys/rsa.pub.pem");
const RSA_WEAK: &str = include_str!("../../../../fixtures/keys/rsa-1024.pub.pem");
const EC: &str = include_str!("../../../../fixtures/keys/ec.pem");
const EC_PUBLIC: &str = include_str!("../../../../fixtures/keys/ec.pub.pem");
const EC_384: &str = include_str!("../../../../fixtures/keys/ec-384.pub.pem");
const ED: &str = include_str!("../../../../fixtures/keys/ed.pem");
const ED_PUBLIC: &str = include_str!("../../../../fixtures/keys/ed.pub.pem");

const EVERY: [JwtAlgorithm; 6] = [
    JwtAlgorithm::Hs256,
    JwtAlgorithm::Hs384,
    JwtAlgorithm::Hs512,
    JwtAlgorithm::Rs256,
    JwtAlgorithm::Es256,
    JwtAlgorithm::EdDsa,
];

fn config(key: JwtKey) -> JwtConfig {
    let symmetric = matches!(key, JwtKey::Secret(_));
    let fits = |algorithm: &JwtAlgorithm| algorithm.is_symmetric() == symmetric;
    JwtConfig {
        key,
        refresh: std::time::Duration::from_mins(10),
        algorithms: EVERY.into_iter().filter(fits).collect(),
        issuer: None,
        audience: Vec::new(),
        leeway: std::time::Duration::ZERO,
        user_claim: "sub".to_owned(),
        require_expiry: true,
    }
}

fn shared() -> JwtConfig {
    config(JwtKey::Secret(SECRET.into()))
}

fn public(pem: &str) -> JwtConfig {
    config(JwtKey::PublicKey(pem.to_owned()))
}

async fn verifier(config: JwtConfig) -> Verifier {
    Verifier::new(&config, Clock::System).await.unwrap()
}

fn now() -> i64 {
    Clock::System.now().timestamp_millis() / 1_000
}

fn signing(algorithm: Algorithm) -> EncodingKey {
    match algorithm {
        Algorithm::RS256 => EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap(),
        Algorithm::ES256 => EncodingKey::from_ec_pem(EC.as_bytes()).unwrap(),
        Algorithm::EdDSA => EncodingKey::from_ed_pem(ED.as_bytes()).unwrap(),
        _ => EncodingKey::from_secret(SECRET.as_bytes()),
    }
}

fn token(algorithm: Algorithm, claims: &Value) -> SecretString {
    let header = Header::new(algorithm);
    encode(&header, claims, &signing(algorithm)).unwrap().into()
}

/// Alice's claims for an hour, with some changed; `null` takes one away.
fn claims(changed: &Value) -> Value {
    let mut claims = json!({ "sub": "alice", "exp": now() + 3_600 });
    for (name, value) in changed.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    claims
}

async fn outcome(config: JwtConfig, changed: Value) -> Result<IdInput, String> {
    let token = token(Algorithm::HS256, &claims(&changed));
    let verified = verifier(config).await.verify(&token).await;
    verified
        .map(|verified| verified.user)
        .map_err(|error| error.to_string())
}

async fn refusal(config: JwtConfig, changed: Value) -> String {
    outcome(config, changed).await.unwrap_err()
}

#[tokio::test]
async fn each_algorithm_is_verified_with_its_key_and_with_no_other() {
    let keys = [
        (
            shared(),
            vec![Algorithm::HS256, Algorithm::HS384, Algorithm::HS512],
        ),
        (public(RSA_PUBLIC), vec![Algorithm::RS256]),
        (public(EC_PUBLIC), vec![Algorithm::ES256]),
        (public(ED_PUBLIC), vec![Algorithm::EdDSA]),
    ];
    let all = EVERY.map(algorithm);
    for (config, fitting) in keys {
        let verifier = verifier(config).await;
        for algorithm in all {
            let token = token(algorithm, &claims(&json!({})));
            let outcome = verifier.verify(&token).await;
            assert_eq!(
                outcome.is_ok(),
                fitting.contains(&algorithm),
                "{algorithm:?}"
            );
        }
    }
}

#[tokio::test]
async fn only_the_listed_algorithms_are_accepted() {
    let mut config = shared();
    config.algorithms = vec![JwtAlgorithm::Hs512];
    let refused = "the token's algorithm is not accepted";
    assert_eq!(refusal(config.clone(), json!({})).await, refused);
    let token = token(Algorithm::HS512, &claims(&json!({})));
    verifier(config).await.verify(&token).await.unwrap();
}

#[tokio::test]
async fn a_public_key_is_never_a_shared_secret() {
    for pem in [RSA_PUBLIC, EC_PUBLIC, ED_PUBLIC] {
        let verifier = verifier(public(pem)).await;
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            for text in [pem, pem.trim()] {
                let key = EncodingKey::from_secret(text.as_bytes());
                let token = encode(&Header::new(algorithm), &claims(&json!({})), &key).unwrap();
                verifier.verify(&token.into()).await.unwrap_err();
            }
        }
    }
}

#[tokio::test]
async fn keys_that_are_weak_or_none_refuse_the_start() {
    for pem in [RSA_WEAK, EC_384, "nonsense", ""] {
        let refused = Verifier::new(&public(pem), Clock::System)
            .await
            .unwrap_err();
        assert!(
            refused.to_string().starts_with("CHATZZ_JWT_PUBLIC_KEY: "),
            "{refused}"
        );
    }
}

/// A token whose header is written by hand, signed with the Ed25519 key.
fn ed_token(header: &Value) -> SecretString {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let message = format!("{}.{}", part(header), part(&claims(&json!({}))));
    let key = signing(Algorithm::EdDSA);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::EdDSA);
    format!("{message}.{}", signature.unwrap()).into()
}

#[tokio::test]
async fn ed25519_is_another_name_of_eddsa() {
    let verifier = verifier(public(ED_PUBLIC)).await;
    for alg in ["EdDSA", "Ed25519"] {
        let token = ed_token(&json!({ "alg": alg }));
        verifier.verify(&token).await.unwrap();
    }
    let refused = verifier.verify(&ed_token(&json!({ "alg": "Ed448" }))).await;
    let expected = "the token's algorithm is not accepted";
    assert_eq!(refused.unwrap_err().to_string(), expected);
}

#[tokio::test]
async fn a_token_of_an_accepted_algorithm_that_is_not_the_keys_says_so() {
    let verifier = verifier(public(RSA_PUBLIC)).await;
    let refused = verifier.verify(&ed_token(&json!({ "alg": "EdDSA" }))).await;
    let expected = "the token's algorithm does not fit its key";
    assert_eq!(refused.unwrap_err().to_string(), expected);
}
