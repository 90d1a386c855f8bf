//! `chatzz hook test`.

use serde_json::json;

use super::{KEYS, SECRETS, allowing, assert_signed, by_text};
use crate::support::binary::{Binary, Ended};
use crate::support::service::Service;

async fn tried(service: &Service, more: &[(&str, &str)]) -> Ended {
    let url = service.url("/hook");
    // what the documentation shows is enough
    let mut keys = vec![
        ("CHATZZ_HOOKS", "before-send,before-add,user-details"),
        ("CHATZZ_HOOK_URL", url.as_str()),
        ("CHATZZ_HOOK_SECRET", SECRETS),
        ("CHATZZ_HOOK_FAILURE", "refuse"),
        // nobody listens there: no database is needed
        ("CHATZZ_MONGODB_URI", "mongodb://127.0.0.1:1/"),
    ];
    keys.retain(|(key, _)| !more.iter().any(|(other, _)| other == key));
    keys.extend(more);
    Binary::run(&["hook", "test"], &keys).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_sample_of_each_hook_is_sent_and_its_verdict_shown() {
    let service = allowing().await;
    let ended = tried(&service, &[]).await;
    assert!(ended.status.success(), "{ended:?}");
    for line in ["before-send (", "before-add (", "user-details ("] {
        assert!(ended.out.contains(line), "{ended:?}");
    }
    assert!(
        ended.out.contains("the message would be sent\n"),
        "{ended:?}"
    );
    assert!(
        ended.out.contains("the chat room would be created\n"),
        "{ended:?}"
    );
    let asked = service.asked();
    assert_eq!(asked.len(), 3);
    for asked in &asked {
        assert_signed(asked, KEYS[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_wrong_answers_are_told_apart() {
    let service = allowing().await;
    service.decide(|asked| {
        let mut asked = asked.clone();
        asked["data"]["message"] = json!("refuse");
        by_text(&asked)
    });
    let only = ("CHATZZ_HOOKS", "before-send");
    let ended = tried(&service, &[only]).await;
    let expected = "the message would be refused: no phone numbers, meta {\"rule\":7}";
    assert!(
        ended.status.success() && ended.out.contains(expected),
        "{ended:?}"
    );

    service.answer(200, &json!({ "action": "deny" }));
    let ended = tried(&service, &[only, ("CHATZZ_HOOK_FAILURE", "allow")]).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(
        ended.out.contains("no verdict: the answer cannot be used"),
        "{ended:?}"
    );
    assert!(
        ended
            .out
            .contains("CHATZZ_HOOK_FAILURE=allow: it would be allowed."),
        "{ended:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_webhook_is_tried_as_well() {
    let service = Service::answering(&json!({ "userId": "ann" })).await;
    let url = service.url("/login");
    let login = [
        ("CHATZZ_AUTH", "webhook"),
        ("CHATZZ_WEBHOOK_URL", url.as_str()),
        ("CHATZZ_WEBHOOK_SECRET", "the-secret-of-the-webhook-tests-"),
        ("CHATZZ_MONGODB_URI", "mongodb://127.0.0.1:1/"),
    ];
    let ended = Binary::run(&["hook", "test"], &login).await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(
        ended.out.starts_with("login (") && ended.out.contains("ann"),
        "{ended:?}"
    );
    assert_eq!(service.bodies()[0]["token"], "sample");

    let ended = Binary::run(&["hook", "test"], &[login[3]]).await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.err.contains("CHATZZ_HOOKS names no hook"),
        "{ended:?}"
    );
}
