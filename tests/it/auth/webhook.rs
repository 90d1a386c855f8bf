//! The application, asked whose a token is.

use std::time::Duration;

use bson::oid::ObjectId;
use chatzz::id::UserId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::time::Instant;

use super::{END, WIRE, connect, login, now, options, refused, refused_with};
use crate::hooks::assert_signed;
use crate::support::frame::{Client, ConnectOptions, WIRES};
use crate::support::server::Server;
use crate::support::service::{Asked, Service};
use crate::support::user::{Person, code};

const SECRET: &str = "the-secret-of-the-webhook-tests-";

async fn server(service: &Service, more: &[(&str, &str)]) -> Server {
    let url = service.url("/internal/login");
    let mut keys = vec![
        ("CHATZZ_AUTH", "webhook"),
        ("CHATZZ_WEBHOOK_URL", url.as_str()),
        ("CHATZZ_WEBHOOK_SECRET", SECRET),
    ];
    keys.extend(more);
    Server::with(&keys).await
}

/// Checks the signature as an application does; the body.
fn verified(asked: &Asked) -> Value {
    let header = asked.headers["x-chatzz-signature"].to_str().unwrap();
    let (time, signature) = header
        .strip_prefix("t=")
        .unwrap()
        .split_once(",v1=")
        .unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{time}.").as_bytes());
    mac.update(&asked.body);
    mac.verify_slice(&hex::decode(signature).unwrap()).unwrap();
    assert!(now().abs_diff(time.parse().unwrap()) <= 10, "{time}");
    assert_signed(asked, SECRET.as_bytes());
    serde_json::from_slice(&asked.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn over_every_wire_the_application_is_asked_once_with_a_signed_request() {
    let service = Service::answering(&json!({})).await;
    let server = server(
        &service,
        &[("CHATZZ_WEBHOOK_HEADERS", "user-agent, x-tenant")],
    )
    .await;
    let alice = server.user("alice").await;
    service.answer(200, &json!({ "userId": alice }));
    for (index, wire) in WIRES.into_iter().enumerate() {
        let mut options = options(&server, wire, &format!("opaque {index} é"));
        options.headers = ["x-tenant", "x-private", "cookie"]
            .map(|name| (name.to_owned(), format!("value of {name}")))
            .to_vec();
        let person = Person::new(Client::connect(options).await.unwrap(), alice.clone());
        person.login().await.unwrap();
        let asked = service.asked();
        assert_eq!(asked.len(), index + 1);
        let body = verified(&asked[index]);
        let expected = json!({
            "token": format!("opaque {index} é"),
            "headers": { "x-tenant": "value of x-tenant" },
            "address": "127.0.0.1",
        });
        assert_eq!(body, expected);
        assert_eq!(asked[index].headers["content-type"], "application/json");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_is_the_one_that_the_application_names_and_meta_is_passed_on() {
    let service = Service::answering(&json!({})).await;
    let server = server(&service, &[]).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let meta = json!({ "plan": "gold", "rights": ["a", { "b": null }] });
    service.answer(200, &json!({ "userId": alice, "meta": meta, "other": 1 }));
    let client = connect(&server, WIRE, "opaque").await.unwrap();
    let as_bob = Person::new(client, bob);
    assert_eq!(code(as_bob.login().await), "forbidden");
    let person = Person::new(as_bob.client, alice);
    person.login().await.unwrap();
    let details = person.client.expect_envelope("user-details").await;
    assert_eq!(details["meta"], meta);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reason_of_a_refusal_reaches_the_front_end() {
    let service = Service::answering(&json!({})).await;
    let server = server(&service, &[]).await;
    for (wire, status) in WIRES.into_iter().zip([401, 403, 401, 403]) {
        service.answer(status, &json!({ "reason": "your trial is over" }));
        let message = refused(&server, wire, "opaque").await;
        assert_eq!(message, "unauthorized: your trial is over");
    }
    for body in ["<html>", r#"["pay first"]"#] {
        service.answer_text(401, body);
        let message = refused(&server, WIRE, "opaque").await;
        assert_eq!(message, "unauthorized: the application refused the token");
    }
    assert_eq!(service.asked().len(), 6, "a refusal is not remembered");
    let message = refused_with(ConnectOptions::new(server.addr())).await;
    assert_eq!(message, "unauthorized: there is no token");
    assert_eq!(
        service.asked().len(),
        6,
        "without a token there is nothing to ask"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn meta_of_a_refusal_is_behind_the_reason_over_every_wire() {
    let service = Service::answering(&json!({})).await;
    let server = server(&service, &[]).await;
    let meta = json!({ "pay": "/plans", "lines": "a\nb" });
    for wire in WIRES {
        service.answer(
            401,
            &json!({ "reason": "your trial\nis over", "meta": meta }),
        );
        let message = refused(&server, wire, "opaque").await;
        let (reason, rest) = message.split_once('\n').unwrap();
        assert_eq!(reason, "unauthorized: your trialis over");
        assert_eq!(serde_json::from_str::<Value>(rest).unwrap(), meta);
    }
    for wrong in [json!([1]), json!("x"), json!({ "a": "x".repeat(9_000) })] {
        service.answer(401, &json!({ "reason": "no", "meta": wrong }));
        assert_eq!(refused(&server, WIRE, "opaque").await, "unauthorized: no");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn meta_goes_both_ways_when_a_token_is_refreshed() {
    let service = Service::answering(&json!({})).await;
    let server = server(&service, &[]).await;
    let alice = server.user("alice").await;
    let meta = json!({ "plan": "gold" });
    service.answer(200, &json!({ "userId": alice, "meta": meta }));
    let person = Person::new(connect(&server, WIRE, "opaque").await.unwrap(), alice);
    assert_eq!(person.login().await.unwrap()["meta"], meta);
    service.answer(403, &json!({ "reason": "over", "meta": { "pay": 1 } }));
    let refused = person
        .ask("refresh-token", json!({ "token": "fresh" }))
        .await;
    let refused = refused.unwrap_err();
    assert_eq!(
        (&refused["code"], &refused["reason"]),
        (&json!("unauthorized"), &json!("over"))
    );
    assert_eq!(refused["meta"], json!({ "pay": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_is_down_or_talks_nonsense_lets_nobody_in() {
    let mut service = Service::answering(&json!({})).await;
    let server = server(&service, &[("CHATZZ_WEBHOOK_TIMEOUT", "300ms")]).await;
    let alice = server.user("alice").await;
    let good = json!({ "userId": alice });
    let long = json!({ "userId": alice, "meta": { "x": "x".repeat(9_000) } });
    let large = json!({ "userId": alice, "x": "x".repeat(70_000) });
    for (status, body) in [
        (500, &good),
        (503, &good),
        (404, &good),
        (302, &good),
        (429, &good),
        (201, &good),
        (202, &good),
        (206, &good),
        (200, &json!({})),
        (200, &json!([alice])),
        (200, &json!(alice)),
        (200, &json!({ "userId": null })),
        (200, &json!({ "userId": { "$ne": 1 } })),
        (200, &json!({ "userId": alice, "expiresAt": "soon" })),
        (200, &long),
        (200, &large),
    ] {
        service.answer(status, body);
        let message = refused(&server, WIRE, "opaque").await;
        assert!(message.starts_with("unavailable: "), "{status}: {message}");
    }
    service.answer(200, &good);
    service.delay(Duration::from_secs(5));
    let began = Instant::now();
    let message = refused(&server, WIRE, "opaque").await;
    assert!(message.starts_with("unavailable: "), "{message}");
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "it is not waited for"
    );
    service.delay(Duration::ZERO);
    service.stop().await;
    let message = refused(&server, WIRE, "opaque").await;
    assert!(message.starts_with("unavailable: "), "{message}");
    service.start().await;
    login(&server, &alice, "opaque").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_remembered_for_a_moment_through_an_outage() {
    let mut service = Service::answering(&json!({})).await;
    let server = server(&service, &[("CHATZZ_WEBHOOK_CACHE", "1m")]).await;
    let alice = server.user("alice").await;
    service.answer(200, &json!({ "userId": alice }));
    service.delay(Duration::from_millis(200));
    let together = (0..10).map(|_| connect(&server, WIRE, "opaque"));
    for client in futures::future::join_all(together).await {
        client.unwrap();
    }
    assert_eq!(service.asked().len(), 1, "one question for all of them");
    service.stop().await;
    login(&server, &alice, "opaque").await;
    let message = refused(&server, WIRE, "another").await;
    assert!(message.starts_with("unavailable: "), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cache_the_application_is_asked_every_time() {
    let service = Service::answering(&json!({})).await;
    let server = server(&service, &[("CHATZZ_WEBHOOK_CACHE", "0")]).await;
    let alice = server.user("alice").await;
    service.answer(200, &json!({ "userId": alice }));
    for _ in 0..3 {
        connect(&server, WIRE, "opaque").await.unwrap();
    }
    assert_eq!(service.asked().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_when_the_application_said_unless_it_says_more() {
    let service = Service::answering(&json!({})).await;
    let server = server(&service, &[]).await;
    let alice = server.user("alice").await;
    let until = |seconds: u64| (now() + seconds) * 1_000;
    service.answer(200, &json!({ "userId": alice, "expiresAt": until(4) }));
    let stays = login(&server, &alice, "opaque").await;
    let goes = login(&server, &alice, "opaque").await;
    // the same token: what is remembered of it does not count for a refresh
    service.answer(
        200,
        &json!({ "userId": alice, "expiresAt": "2100-01-01T00:00:00Z" }),
    );
    let refreshed = stays
        .ask("refresh-token", json!({ "token": "opaque" }))
        .await;
    assert_eq!(refreshed.unwrap()["expiresAt"], "2100-01-01T00:00:00.000Z");
    goes.client
        .closed(Duration::from_secs(4) + END)
        .await
        .unwrap();
    stays
        .client
        .closed(Duration::from_millis(500))
        .await
        .unwrap_err();
    service.answer(401, &json!({ "reason": "logged out" }));
    let refused = stays
        .ask("refresh-token", json!({ "token": "opaque" }))
        .await;
    assert_eq!(
        refused.unwrap_err(),
        json!({ "code": "unauthorized", "message": "logged out", "reason": "logged out" })
    );
    service.answer(200, &json!({ "userId": alice, "expiresAt": until(0) }));
    let message = super::refused(&server, WIRE, "later").await;
    assert_eq!(message, "unauthorized: the token has expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_logout_an_ended_user_does_not_come_back_on_what_is_remembered() {
    let service = Service::answering(&json!({})).await;
    let server = server(&service, &[("CHATZZ_WEBHOOK_CACHE", "1h")]).await;
    let alice = server.user("alice").await;
    service.answer(200, &json!({ "userId": alice }));
    let person = login(&server, &alice, "opaque").await;
    service.answer(401, &json!({ "reason": "logged out" }));
    let id = ObjectId::parse_str(alice.as_str().unwrap()).unwrap();
    assert_eq!(server.operator().end_user(&UserId::ObjectId(id)), 1);
    person.client.closed(END).await.unwrap();
    assert_eq!(
        refused(&server, WIRE, "opaque").await,
        "unauthorized: logged out"
    );
}
