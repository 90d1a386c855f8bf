//! Who may call what: scopes × calls.

use serde_json::json;

use super::openapi::operations;
use super::{BackEnd, free_addr, key_file};
use crate::support::server::Server;
use chatzz::config::ApiScope;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_good_for_the_calls_of_its_scopes_and_for_no_other() {
    let scopes: Vec<&[ApiScope]> = ApiScope::ALL.iter().map(std::slice::from_ref).collect();
    let (file, keys) = key_file(&scopes);
    let addr = free_addr();
    let listen = addr.to_string();
    let server = Server::with(&[
        ("CHATZZ_API_LISTEN", listen.as_str()),
        ("CHATZZ_API_KEYS_FILE", file.to_str().unwrap()),
    ])
    .await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "hello").await.unwrap();
    bob.client.wait_for("new-message").await;
    let send = json!({
        "from": alice.id, "to": bob.id, "message": "no", "key": "1", "data": {}, "users": [alice.id],
    });
    let before = (server.messages().await, server.dump("chatprivacy").await);

    for call in operations(&alice.id) {
        let (method, target) = (call.method.as_str(), call.target.as_str());
        for (scope, key) in ApiScope::ALL.iter().zip(&keys) {
            if call
                .scope
                .as_deref()
                .is_none_or(|needed| needed == scope.as_str())
            {
                continue;
            }
            let back_end = BackEnd::new(addr, key);
            let refused = back_end.call(method, target, &send).await;
            assert_eq!(
                refused.outcome(),
                (403, "forbidden"),
                "{method} {target} {scope}"
            );
        }
        for shown in ["", "chatzz_", &keys[0][..keys[0].len() - 1], "x"] {
            let back_end = BackEnd::new(addr, shown);
            let refused = back_end.call(method, target, &send).await;
            assert_eq!(
                refused.outcome(),
                (401, "unauthorized"),
                "{method} {target} {shown}"
            );
            assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        }
    }
    let after = (server.messages().await, server.dump("chatprivacy").await);
    assert_eq!(after, before, "nothing has happened");
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_and_metrics_have_no_api_and_the_api_has_neither() {
    let (server, back_end) = super::server().await;
    let of_clients = BackEnd::new(server.addr(), "x");
    let response = crate::support::http::get(of_clients.addr, "/v1/openapi.json").await;
    assert_eq!(response.status, 404);
    for path in [
        "/socket.io/?EIO=4&transport=polling",
        "/metrics",
        "/healthz",
        "/",
    ] {
        assert_eq!(
            back_end.get(path).await.outcome(),
            (404, "bad-request"),
            "{path}"
        );
    }
    let put = back_end.call("PUT", "/v1/messages", &json!({})).await;
    assert_eq!(put.outcome(), (405, "bad-request"));
}
