//! Hooks: the application is asked, and may decide.

mod before_add;
mod before_send;
mod failures;
mod in_process;
mod meanwhile;
mod order;
mod trial;
mod user_details;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::server::Server;
use crate::support::service::{Asked, Decision, Service};

/// Two secrets, of which the second is on its way out, and their bytes.
const SECRETS: &str = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldyE= whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xkLW9sZCE=";
const KEYS: [&[u8]; 2] = [
    b"new-new-new-new-new-new-new-new!",
    b"old-old-old-old-old-old-old-old!",
];

/// A server whose hooks are these, answered by the service.
async fn server(service: &Service, hooks: &str, failure: &str, more: &[(&str, &str)]) -> Server {
    let url = service.url("/internal/hook");
    let mut keys = vec![
        ("CHATZZ_HOOKS", hooks),
        ("CHATZZ_HOOK_URL", url.as_str()),
        ("CHATZZ_HOOK_SECRET", SECRETS),
        ("CHATZZ_HOOK_FAILURE", failure),
    ];
    keys.extend(more);
    Server::with(&keys).await
}

/// A service that allows everything.
async fn allowing() -> Service {
    Service::answering(&json!({ "action": "allow" })).await
}

/// Answers by the text of a message: what it is asked to do, with `allow` for other texts.
fn by_text(asked: &Value) -> Decision {
    let action = match asked["data"]["message"].as_str().unwrap_or_default() {
        "refuse" => {
            json!({ "action": "refuse", "reason": "no phone numbers", "meta": { "rule": 7 } })
        }
        "replace" => json!({ "action": "replace", "message": "***" }),
        "withhold" => json!({ "action": "withhold" }),
        _ => json!({ "action": "allow" }),
    };
    (Duration::ZERO, action)
}

/// Fails unless one of the signatures of Standard Webhooks is made with this key.
pub(crate) fn assert_signed(asked: &Asked, key: &[u8]) {
    let header = |name: &str| asked.headers[name].to_str().unwrap();
    let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
    assert!(id.starts_with("msg_") && id.len() > 20, "{id}");
    time.parse::<u64>().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("{id}.{time}.").as_bytes());
    mac.update(&asked.body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let signatures = header("webhook-signature");
    assert!(
        signatures.split(' ').any(|one| one == expected),
        "{signatures}"
    );
}
