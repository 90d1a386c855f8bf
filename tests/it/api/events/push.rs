//! Events are posted to the application until it takes them.

use std::collections::HashSet;
use std::sync::Arc;

use bson::doc;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::Instant;

use super::super::{Answer, BackEnd, server_with};
use super::receiver::{Receiver, SECRET, is_signed, text};
use crate::support::poll::{eventually, until};
use crate::support::server::Server;

/// Longer than an event is tried before it is set aside, and once more as a letter.
const LATER: std::time::Duration = std::time::Duration::from_mins(1);

/// A server that pushes, its back end, and where it pushes to.
async fn pushing(more: &[(&str, &str)]) -> (Server, BackEnd, Receiver) {
    let receiver = Receiver::start().await;
    let url = receiver.url();
    let mut settings = vec![
        ("CHATZZ_EVENTS_URL", url.as_str()),
        ("CHATZZ_EVENTS_SECRET", SECRET),
        ("CHATZZ_LEASE", "3s"),
    ];
    settings.extend(more);
    let (server, back_end) = server_with(&settings).await;
    // pushing has begun, with what comes from now on
    let meta = server.collection("chatzz_meta");
    until("somebody pushes", LATER, async || {
        let held = doc! { "_id": "push", "entry": { "$exists": true } };
        meta.find_one(held).await.unwrap()
    })
    .await;
    (server, back_end, receiver)
}

async fn letters(back_end: &BackEnd) -> Vec<Value> {
    let answer = back_end.get("/v1/events/letters").await;
    assert_eq!(answer.outcome(), (200, "ok"));
    answer.body["letters"].as_array().unwrap().clone()
}

/// Sends what is taken until something else is set aside.
async fn set_aside(back_end: &BackEnd, from: &Value, to: &Value) {
    let mut number = 0;
    until("it is set aside", LATER, async || {
        number += 1;
        let text = number.to_string();
        back_end.send(from, to, &text, &text).await;
        (!letters(back_end).await.is_empty()).then_some(())
    })
    .await;
}

async fn retry(back_end: &BackEnd, letter: &Value) -> Answer {
    let id = letter["id"].as_str().unwrap();
    let target = format!("/v1/events/letters/{id}/retry");
    back_end.call("POST", &target, &Value::Null).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_do_is_posted_as_it_is_pulled_signed_by_every_secret() {
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let both = format!("{other}\n{SECRET}");
    let (server, back_end, receiver) = pushing(&[("CHATZZ_EVENTS_SECRET", &both)]).await;
    let start = back_end.events("head", "").await.cursor;
    let (alice, bob) = server.pair().await;
    let begun = Instant::now();
    alice.send(&bob.id, "hello").await.unwrap();
    receiver.wait_for(&["hello"]).await;
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    bob.read_up_to(&alice.id, 1).await.unwrap();

    eventually("the receipt comes", async || {
        (receiver.taken().len() >= 3).then_some(())
    })
    .await;

    let pulled = back_end.events_until(&start, "", 3).await;
    let ids = |events: &[Value]| {
        let ids = events.iter().map(|event| event["id"].clone());
        ids.map(|id| id.as_str().unwrap().to_owned())
            .collect::<HashSet<_>>()
    };
    assert_eq!(ids(&receiver.taken()), ids(&pulled.events));
    let (headers, body) = receiver.last();
    for secret in [other, SECRET] {
        assert!(is_signed(&headers, &body, secret));
    }
    assert_eq!(headers["content-type"], "application/json");
    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(event["type"], "message.read");
    for field in ["id", "type", "timestamp", "data"] {
        assert!(!event[field].is_null(), "{event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_away_gets_everything_when_it_is_back_in_order() {
    let (server, back_end, receiver) = pushing(&[]).await;
    receiver.answer(|_| 503);
    let (alice, bob) = server.pair().await;
    let texts: Vec<String> = (0..30).map(|number| format!("text {number}")).collect();
    for text in &texts {
        alice.send(&bob.id, text).await.unwrap();
    }
    until("it is tried again and again", LATER, async || {
        (receiver.refused() >= 4).then_some(())
    })
    .await;
    assert!(letters(&back_end).await.is_empty(), "nothing is set aside");

    receiver.answer(|_| 200);

    receiver.wait_for(&["text 29"]).await;
    assert_eq!(receiver.texts(), texts);
    assert!(letters(&back_end).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_with_too_much_to_do_is_left_alone_as_long_as_it_says() {
    const WAIT: u64 = 3;
    let (server, back_end, receiver) = pushing(&[]).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    receiver.say_retry_after(WAIT);
    let times = Arc::clone(&asked);
    receiver.answer(move |_| {
        let mut times = times.lock();
        times.push(Instant::now());
        if times.len() == 1 { 429 } else { 200 }
    });
    let (alice, bob) = server.pair().await;
    until("it is asked", LATER, async || {
        (!asked.lock().is_empty()).then_some(())
    })
    .await;

    alice.send(&bob.id, "hello").await.unwrap();
    receiver.wait_for(&["hello"]).await;

    let times = asked.lock().clone();
    let waited = times[1] - times[0];
    assert!(waited.as_secs() >= WAIT, "{waited:?}");
    assert!(waited.as_secs() < 4 * WAIT, "{waited:?}");
    assert!(letters(&back_end).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_refused_is_set_aside_with_what_follows_and_others_go_on() {
    let (server, back_end, receiver) = pushing(&[]).await;
    let (alice, bob) = server.pair().await;
    let carol = server.user("carol").await;
    receiver.answer(|event| if text(event) == Some("bad") { 500 } else { 200 });
    for text in ["before", "bad", "after"] {
        alice.send(&bob.id, text).await.unwrap();
    }

    let mut number = 0;
    let set_aside = until("it is set aside", LATER, async || {
        number += 1;
        let text = number.to_string();
        back_end.send(&alice.id, &carol, &text, &text).await;
        let letters = letters(&back_end).await;
        (letters.len() >= 2).then_some(letters)
    })
    .await;

    let last = number.to_string();
    receiver.wait_for(&["before", &last]).await;
    assert!(!receiver.texts().contains(&"after".to_owned()));
    assert_eq!(set_aside.len(), 2);
    assert_eq!(set_aside[0]["reason"], "the answer has the status 500");
    assert_eq!(set_aside[0]["isTried"], true);
    alice.send(&bob.id, "later").await.unwrap();
    eventually("what follows is set aside at once", async || {
        (letters(&back_end).await.len() == 3).then_some(())
    })
    .await;
    receiver.answer(|_| 200);
    receiver.wait_for(&["bad", "after", "later"]).await;
    let texts = receiver.texts();
    let in_room = texts.iter().filter(|text| text.parse::<u32>().is_err());
    assert_eq!(
        in_room.collect::<Vec<_>>(),
        ["before", "bad", "after", "later"]
    );
    eventually("no letter is left", async || {
        letters(&back_end).await.is_empty().then_some(())
    })
    .await;
    alice.send(&bob.id, "at last").await.unwrap();
    receiver.wait_for(&["at last"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_nobody_tries_any_more_is_listed_and_tried_when_asked_for() {
    let (server, back_end, receiver) = pushing(&[]).await;
    let (alice, bob) = server.pair().await;
    let carol = server.user("carol").await;
    receiver.answer(|event| if text(event) == Some("bad") { 400 } else { 200 });
    alice.send(&bob.id, "bad").await.unwrap();
    set_aside(&back_end, &alice.id, &carol).await;
    // as if it had been tried for three days
    let old =
        bson::DateTime::from_millis(bson::DateTime::now().timestamp_millis() - 80 * 3_600_000);
    let aside = doc! { "_id": { "$regex": "^letter:" } };
    let meta = server.collection("chatzz_meta");
    meta.update_many(aside, doc! { "$set": { "since": old } })
        .await
        .unwrap();

    let dead = until("it is given up", LATER, async || {
        let letters = letters(&back_end).await;
        letters
            .into_iter()
            .find(|letter| letter["isTried"] == false)
    })
    .await;
    alice.send(&bob.id, "after").await.unwrap();
    receiver.wait_for(&["after"]).await;
    receiver.answer(|_| 200);
    let asked = retry(&back_end, &dead).await;

    assert_eq!(asked.outcome(), (200, "ok"));
    assert_eq!(asked.body["isTried"], true);
    receiver.wait_for(&["bad"]).await;
    eventually("it is gone", async || {
        letters(&back_end).await.is_empty().then_some(())
    })
    .await;
    assert_eq!(
        retry(&back_end, &dead).await.outcome(),
        (404, "letter-not-found")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_put_off_is_not_one_that_is_refused() {
    let (server, back_end, receiver) = pushing(&[]).await;
    let (alice, bob) = server.pair().await;
    let carol = server.user("carol").await;
    receiver.answer(|event| if text(event) == Some("bad") { 500 } else { 200 });
    alice.send(&bob.id, "bad").await.unwrap();
    set_aside(&back_end, &alice.id, &carol).await;
    receiver.say_retry_after(1);
    receiver.answer(|event| if text(event) == Some("bad") { 429 } else { 200 });
    let put_off = until("it is put off", LATER, async || {
        let letter = letters(&back_end).await.pop()?;
        let reason = letter["reason"].as_str()?;
        reason.ends_with("429").then_some(letter)
    })
    .await;
    let refused = receiver.refused();

    until("it is put off some more times", LATER, async || {
        (receiver.refused() >= refused + 3).then_some(())
    })
    .await;

    let letter = letters(&back_end).await.remove(0);
    assert_eq!(letter["attempts"], put_off["attempts"], "{letter}");
    receiver.answer(|_| 200);
    receiver.wait_for(&["bad"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_it_was_and_a_redirect_is_no_answer() {
    let (mut server, _, receiver) = pushing(&[]).await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "one").await.unwrap();
    receiver.wait_for(&["one"]).await;
    receiver.answer(|_| 307);
    alice.send(&bob.id, "two").await.unwrap();
    let refused = receiver.refused();
    until("it is posted", LATER, async || {
        (receiver.refused() > refused).then_some(())
    })
    .await;

    server.restart().await;
    receiver.answer(|_| 200);

    receiver.wait_for(&["two"]).await;
    assert_eq!(receiver.texts(), ["one", "two"]);
}
