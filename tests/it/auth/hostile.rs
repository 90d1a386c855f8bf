//! Tokens that nobody may believe.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::{RSA, RSA_OTHER, RSA_PUBLIC, SECRET, WIRE, claims, now, refused, signed, token};
use crate::support::frame::WIRES;
use crate::support::server::Server;

fn encoded(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// A token with any header, signed as requested.
fn forged(header: &Value, claims: &Value, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn with_secret(header: &Value, claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    forged(header, claims, &key, Algorithm::HS256)
}

/// Tokens that no server believes, whatever its key.
fn of_every_kind(id: &Value) -> Vec<(String, String)> {
    let good = claims(id, 3_600);
    let mut tokens = Vec::new();
    let mut add = |name: &str, token: String| tokens.push((name.to_owned(), token));
    for none in ["none", "None", "NONE", "nOnE", "", "HS255", "hs256", "dir"] {
        let header = json!({ "alg": none, "typ": "JWT" });
        let bare = format!("{}.{}", encoded(&header), encoded(&good));
        add(&format!("alg {none:?}, no signature"), format!("{bare}."));
        add(&format!("alg {none:?}, two parts"), bare.clone());
        add(
            &format!("alg {none:?}, signed"),
            with_secret(&header, &good, SECRET),
        );
    }
    for header in [
        json!({}),
        json!([]),
        json!(null),
        json!({ "alg": null }),
        json!({ "alg": 5 }),
    ] {
        add(
            &format!("header {header}"),
            with_secret(&header, &good, SECRET),
        );
    }
    let real = signed(&good);
    let parts: Vec<&str> = real.split('.').collect();
    add("no signature", format!("{}.{}.", parts[0], parts[1]));
    add("another payload", {
        let other = claims(&json!("somebody else"), 3_600);
        format!("{}.{}.{}", parts[0], encoded(&other), parts[2])
    });
    add("a signature cut short", real[..real.len() - 2].to_owned());
    add("a part too many", format!("{real}.{}", parts[2]));
    add("dots", "..".to_owned());
    add("not base64", format!("!!.{}.{}", parts[1], parts[2]));
    add("blanks around", format!(" {real}"));
    add("a null byte", format!("{real}\0"));
    add("huge", "x".repeat(30_000));
    add("huge, well formed", {
        let mut huge = good.clone();
        huge["padding"] = json!("x".repeat(20_000));
        signed(&huge)
    });
    add(
        "deep",
        with_secret(
            &json!({ "alg": "HS256" }),
            &json!({ "a": nested(300) }),
            SECRET,
        ),
    );
    add(
        "payload no object",
        with_secret(&json!({ "alg": "HS256" }), &json!(["sub"]), SECRET),
    );
    tokens
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

/// Tokens that are signed well, and say what must not be believed.
fn signed_but_wrong(id: &Value, key: &EncodingKey, algorithm: Algorithm) -> Vec<(String, String)> {
    let plain = json!({ "alg": algorithm });
    let signed = |claims: &Value| forged(&plain, claims, key, algorithm);
    let mut tokens = Vec::new();
    for (name, value) in [
        ("exp", json!(null)),
        ("exp", json!(now() - 1)),
        ("exp", json!(now())),
        ("exp", json!((now() + 3_600).to_string())),
        ("exp", json!([now() + 3_600])),
        ("exp", json!(-1)),
        ("nbf", json!(now() + 600)),
        ("nbf", json!("0")),
        ("aud", json!("another service")),
        ("aud", json!(["another service"])),
        ("sub", json!(null)),
        ("sub", json!("")),
        ("sub", json!({ "$ne": null })),
        ("sub", json!([id])),
        ("sub", json!(true)),
        ("sub", json!(1.5)),
    ] {
        let mut claims = claims(id, 3_600);
        claims[name] = value.clone();
        tokens.push((format!("{name}: {value}"), signed(&claims)));
        claims.as_object_mut().unwrap().remove(name);
        if name == "exp" {
            tokens.push(("no exp".to_owned(), signed(&claims)));
        }
    }
    let good = claims(id, 3_600);
    for (name, value) in [
        ("crit", json!(["b64"])),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
    ] {
        let mut header = plain.clone();
        header[name] = value;
        let token = forged(&header, &good, key, algorithm);
        tokens.push((format!("header {header}"), token));
    }
    tokens
}

/// Tokens for a server with a secret that are signed with something else.
fn with_another_key(id: &Value) -> Vec<(String, String)> {
    let good = claims(id, 3_600);
    let mut tokens = Vec::new();
    for secret in ["", "secret", "a-secret-of-the-tests-012345678", RSA_PUBLIC] {
        let token = with_secret(&json!({ "alg": "HS256" }), &good, secret);
        tokens.push((format!("the secret {secret:?}"), token));
    }
    let rsa = EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap();
    let token = forged(&json!({ "alg": "RS256" }), &good, &rsa, Algorithm::RS256);
    tokens.push(("RS256 at a server of HS256".to_owned(), token));
    tokens
}

/// Tokens for a server with an RSA key: the key itself is public.
fn with_the_public_key(id: &Value) -> Vec<(String, String)> {
    let good = claims(id, 3_600);
    let mut tokens = vec![("its public key as an HMAC secret".to_owned(), {
        with_secret(&json!({ "alg": "HS256" }), &good, RSA_PUBLIC)
    })];
    let trimmed = with_secret(&json!({ "alg": "HS256" }), &good, RSA_PUBLIC.trim());
    tokens.push(("the same without its last line break".to_owned(), trimmed));
    let confused = with_secret(&json!({ "alg": "RS256" }), &good, RSA_PUBLIC);
    tokens.push(("HMAC that calls itself RS256".to_owned(), confused));
    let other = EncodingKey::from_rsa_pem(RSA_OTHER.as_bytes()).unwrap();
    let header = json!({ "alg": "RS256" });
    tokens.push((
        "another key".to_owned(),
        forged(&header, &good, &other, Algorithm::RS256),
    ));
    for name in ["jwk", "jku", "x5u", "x5c", "kid"] {
        let mut header = json!({ "alg": "RS256", "kid": "../../dev/null" });
        header[name] = match name {
            "jwk" => {
                json!(jsonwebtoken::jwk::Jwk::from_encoding_key(&other, Algorithm::RS256).unwrap())
            }
            "x5c" => json!(["MIIB"]),
            _ => json!("http://127.0.0.1:1/keys"),
        };
        let token = forged(&header, &good, &other, Algorithm::RS256);
        tokens.push((format!("another key, offered as {name}"), token));
    }
    let own = EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap();
    let other_hash = forged(&json!({ "alg": "RS512" }), &good, &own, Algorithm::RS512);
    tokens.push(("an algorithm that is not accepted".to_owned(), other_hash));
    tokens
}

async fn none_is_believed(server: &Server, tokens: &[(String, String)]) {
    for (index, (name, token)) in tokens.iter().enumerate() {
        // headers and queries have bounds and alphabets of their own; `auth` takes anything
        let wire = WIRES[index % 2];
        let message = refused(server, wire, token).await;
        assert!(message.starts_with("unauthorized: "), "{name}: {message}");
        assert!(message.len() < 100, "{name}: {message}");
    }
    assert!(server.dump("chatusers").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hostile_token_is_believed_by_a_server_with_a_secret() {
    let server = super::jwt_server(&[]).await;
    let alice = server.user("alice").await;
    let mut tokens = of_every_kind(&alice);
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    tokens.extend(signed_but_wrong(&alice, &key, Algorithm::HS256));
    tokens.extend(with_another_key(&alice));
    assert!(tokens.len() >= 60, "{}", tokens.len());
    none_is_believed(&server, &tokens).await;
    super::login(&server, &alice, &token(&alice)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hostile_token_is_believed_by_a_server_with_a_public_key() {
    let keys = [
        ("CHATZZ_AUTH", "jwt"),
        ("CHATZZ_JWT_PUBLIC_KEY", RSA_PUBLIC),
    ];
    let server = Server::with(&keys).await;
    let alice = server.user("alice").await;
    let mut tokens = of_every_kind(&alice);
    let own = EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap();
    tokens.extend(signed_but_wrong(&alice, &own, Algorithm::RS256));
    tokens.extend(with_the_public_key(&alice));
    none_is_believed(&server, &tokens).await;
    let header = json!({ "alg": "RS256", "kid": "any" });
    let good = forged(&header, &claims(&alice, 3_600), &own, Algorithm::RS256);
    super::connect(&server, WIRE, &good).await.unwrap();
}
