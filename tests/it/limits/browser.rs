//! What protects people in browsers.

use serde_json::json;

use crate::support::canary;
use crate::support::frame::{Client, ConnectError, ConnectOptions, WIRES};
use crate::support::http::get;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_runs_or_is_framed_anywhere() {
    let server = Server::start().await;
    for target in [
        "/healthz",
        "/readyz",
        "/version",
        "/nowhere",
        "/socket.io/?EIO=4&transport=polling",
        "/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA",
    ] {
        let answer = get(server.addr(), target).await;
        let header = |name: &str| answer.header(name).unwrap_or_default().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{target}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{target}: {policy}"
        );
        assert_eq!(header("x-content-type-options"), "nosniff", "{target}");
        assert_eq!(header("x-frame-options"), "DENY", "{target}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{target}");
        assert!(
            header("permissions-policy").contains("camera=()"),
            "{target}"
        );
        assert_eq!(answer.header("set-cookie"), None, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_page_gets_the_same_headers() {
    let server = Server::start().await;
    let evil = [("origin", "https://evil.example")];
    let target = "/socket.io/?EIO=4&transport=polling";
    let refused = crate::support::http::request(server.addr(), "GET", target, &evil).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_proves_nothing_over_every_wire() {
    let keys = [("CHATZZ_AUTH", "jwt"), ("CHATZZ_JWT_SECRET", canary::JWT)];
    let server = Server::with(&keys).await;
    let alice = server.user("alice").await;
    // good for ever, and good enough in any other place
    let key = jsonwebtoken::EncodingKey::from_secret(keys[1].1.as_bytes());
    let claims = json!({ "sub": alice, "exp": 4_102_444_800_u64 });
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    for wire in WIRES {
        for cookie in [
            format!("token={token}"),
            format!("Authorization=Bearer {token}"),
            format!("io={token}; auth={token}"),
        ] {
            let mut options = ConnectOptions::new(server.addr()).over(wire);
            options.headers = vec![("cookie".to_owned(), cookie)];
            match Client::connect(options).await {
                Err(ConnectError::Refused { message }) => {
                    assert_eq!(message, "unauthorized: there is no token", "{wire:?}");
                }
                other => panic!("{wire:?}: {:?}", other.err()),
            }
        }
        let mut options = ConnectOptions::new(server.addr()).over(wire);
        options.headers = vec![("authorization".to_owned(), format!("Bearer {token}"))];
        Client::connect(options).await.unwrap();
    }
}
