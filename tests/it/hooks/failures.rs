//! What cannot be asked: never a verdict, and never a wait for others.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{allowing, server};
use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::poll::eventually;
use crate::support::user::code;

/// Answers that are none: content-type, status, body.
fn wrong_answers() -> Vec<(&'static str, u16, String)> {
    const JSON: &str = "application/json";
    let refuse = json!({ "action": "refuse", "reason": "canary-of-hooks" }).to_string();
    let allow = json!({ "action": "allow" }).to_string();
    let large = json!({ "action": "replace", "message": "x".repeat(2 << 20) }).to_string();
    let long = json!({ "action": "replace", "message": "x".repeat(4_001) }).to_string();
    let meta = json!({ "action": "refuse", "reason": "", "meta": { "a": "x".repeat(9_000) } });
    let mut all = vec![
        (JSON, 500, refuse.clone()),
        (JSON, 403, refuse.clone()),
        (JSON, 302, refuse.clone()),
        (JSON, 201, allow.clone()),
        (JSON, 204, String::new()),
        ("text/html", 200, refuse.clone()),
        (JSON, 200, large),
        (JSON, 200, long),
        (JSON, 200, meta.to_string()),
        (JSON, 200, String::new()),
    ];
    let bodies = [
        "<html>".to_owned(),
        format!("[{refuse}]"),
        "\"refuse\"".to_owned(),
        "{\"action\":\"deny\"}".to_owned(),
        "{\"action\":true}".to_owned(),
        "{\"action\":\"replace\",\"message\":\"\"}".to_owned(),
        "{\"action\":\"refuse\"}".to_owned(),
        "{\"result\":\"refuse\"}".to_owned(),
    ];
    all.extend(bodies.map(|body| (JSON, 200, body)));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_answer_is_never_a_verdict() {
    for (policy, expected) in [("refuse", Some("unavailable")), ("allow", None)] {
        let service = allowing().await;
        let server = server(&service, "before-send,before-add", policy, &[]).await;
        let (alice, bob) = server.pair().await;
        for (content_type, status, body) in wrong_answers() {
            service.answer_as(content_type, status, &body);
            let name = format!("user-{}", bson::oid::ObjectId::new().to_hex());
            let other = server.user(&name).await;
            let sent = alice.send(&bob.id, "hello").await;
            let added = alice.add(&other).await;
            for outcome in [sent, added] {
                let outcome = outcome.map_err(|error| error["code"].as_str().unwrap().to_owned());
                assert_eq!(
                    outcome.err().as_deref(),
                    expected,
                    "{policy}: {status} {body:.60}"
                );
            }
            // one that it was asked in between: the breaker stays out of it
            service.answer(200, &json!({ "action": "allow" }));
            alice.send(&bob.id, "between").await.unwrap();
            alice
                .add(&server.user(&format!("{name}-2")).await)
                .await
                .unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_hangs_is_given_up_and_then_left_alone_under_either_policy() {
    for policy in ["refuse", "allow"] {
        let service = allowing().await;
        let keys = [("CHATZZ_HOOK_TIMEOUT", "300ms")];
        let server = server(&service, "before-send", policy, &keys).await;
        let (alice, bob) = server.pair().await;
        service.delay(Duration::from_secs(30));
        for number in 0..12 {
            let began = Instant::now();
            let sent = alice.send(&bob.id, "hello").await;
            let took = began.elapsed();
            if policy == "refuse" {
                assert_eq!(code(sent), "unavailable");
            } else {
                sent.unwrap();
            }
            assert!(took < Duration::from_millis(4_400), "{number}: {took:?}");
        }
        let asked = service.asked().len();
        assert!(
            (10..=11).contains(&asked),
            "left alone after ten failures: {asked}"
        );
        let stored = server.messages().await.len();
        assert_eq!(stored, if policy == "refuse" { 0 } else { 12 });

        service.delay(Duration::ZERO);
        service.answer(200, &json!({ "action": "refuse", "reason": "" }));
        eventually("it is asked again", async || {
            let sent = alice.send(&bob.id, "hello").await;
            sent.err().filter(|error| error["code"] == "refused")
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hangs_at_one_hook_does_not_keep_the_other_from_being_asked() {
    let service = allowing().await;
    let server = server(&service, "before-send,before-add", "refuse", &[]).await;
    let (alice, bob) = server.pair().await;
    service.decide(|asked| {
        let is_known = asked["type"] == "before-send";
        let action = if is_known { "allow" } else { "unknown" };
        (Duration::ZERO, json!({ "action": action }))
    });
    for number in 0..12 {
        let other = server.user(&format!("user-{number}")).await;
        assert_eq!(code(alice.add(&other).await), "unavailable");
    }
    alice.send(&bob.id, "hello").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_redirect_is_followed() {
    let (service, elsewhere) = (allowing().await, allowing().await);
    let server = server(&service, "before-send", "refuse", &[]).await;
    let (alice, bob) = server.pair().await;
    service.redirect(&elsewhere.url("/"), &json!({ "action": "allow" }));
    assert_eq!(code(alice.send(&bob.id, "hello").await), "unavailable");
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_contains_a_text_or_what_the_application_answers() {
    const TEXT: &str = "text-5e0c";
    const REASON: &str = "reason-77ab";
    let service = allowing().await;
    let url = service.url("/hook?key=query-91fe");
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let mut keys = database.keys().to_vec();
    keys.extend([
        ("CHATZZ_LOG", "trace"),
        ("CHATZZ_HOOKS", "before-send,user-details"),
        ("CHATZZ_HOOK_URL", url.as_str()),
        ("CHATZZ_HOOK_SECRET", super::SECRETS),
        ("CHATZZ_HOOK_FAILURE", "allow"),
    ]);
    let server = Binary::serve(&keys).await;
    let (alice, _) = server.login(&alice).await;
    alice.add(&bob).await.unwrap();
    let answers: [(u16, Value); 5] = [
        (
            200,
            json!({ "action": "refuse", "reason": REASON, "meta": { "a": REASON } }),
        ),
        (200, json!({ "action": "replace", "message": REASON })),
        (200, json!({ "action": REASON })),
        (500, json!({ "action": REASON })),
        (200, json!([REASON])),
    ];
    for (status, answer) in answers {
        service.answer(status, &answer);
        drop(alice.send(&bob, TEXT).await);
    }
    let ended = server.terminate().await;
    let log = ended.err + &ended.out;
    assert!(log.contains("before-send"), "it logs of hooks");
    for secret in [TEXT, REASON, "query-91fe", "bmV3LW5l"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_each_new_cause_once_and_that_it_is_over() {
    let service = allowing().await;
    let url = service.url("/hook");
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let mut keys = database.keys().to_vec();
    keys.extend([
        ("CHATZZ_HOOKS", "before-send"),
        ("CHATZZ_HOOK_URL", url.as_str()),
        ("CHATZZ_HOOK_SECRET", super::SECRETS),
        ("CHATZZ_HOOK_FAILURE", "allow"),
    ]);
    let server = Binary::serve(&keys).await;
    let (alice, _) = server.login(&alice).await;
    alice.add(&bob).await.unwrap();
    let too_long = json!({ "action": "replace", "message": "x".repeat(4_001) });
    for (status, answer) in [
        (500, json!({})),
        (403, json!({})),
        (200, json!({ "action": "deny" })),
        (200, too_long),
        (500, json!({})),
        (200, json!({ "action": "allow" })),
    ] {
        service.answer(status, &answer);
        alice.send(&bob, "hello").await.unwrap();
    }

    let ended = server.terminate().await;

    let log = ended.err + &ended.out;
    let count = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    for cause in [
        "has the status 500",
        "has the status 403",
        "the answer cannot be used",
        "the replacement cannot be sent",
        "the application answers again",
    ] {
        assert_eq!(count(cause), 1, "{cause}: {log}");
    }
}
