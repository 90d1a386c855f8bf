//! `POST /v1/messages/batch`: many messages, a result each, in order in each chat room.

use bson::doc;
use serde_json::{Value, json};

use super::{server, server_with};

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_messages_to_some_people_are_stored_in_order() {
    let (server, back_end) = server_with(&[("CHATZZ_API_CONCURRENCY", "8")]).await;
    let shop = server.user("shop").await;
    let mut people = Vec::new();
    for number in 0..5 {
        people.push(server.user(&format!("person-{number}")).await);
    }
    let messages: Vec<Value> = (0..500)
        .map(|number| {
            let to = &people[number % people.len()];
            let text = format!("{number:03}");
            json!({ "from": shop, "to": to, "message": text, "key": text })
        })
        .collect();
    let batch = json!({ "messages": messages });

    let sent = back_end.call("POST", "/v1/messages/batch", &batch).await;
    let again = back_end.call("POST", "/v1/messages/batch", &batch).await;

    for (answer, status) in [(&sent, 201), (&again, 200)] {
        assert_eq!(answer.status, 200);
        let results = answer.body["results"].as_array().unwrap();
        assert_eq!(results.len(), 500);
        for (number, result) in results.iter().enumerate() {
            assert_eq!(result["status"], status);
            assert_eq!(result["message"]["message"], format!("{number:03}"));
            assert_eq!(result["message"]["to"], people[number % people.len()]);
        }
    }
    let mut stored = server.dump("chatmessages").await;
    assert_eq!(stored.len(), 500);
    stored.sort_by_key(|one| {
        (
            one.get_object_id("chatRoom").unwrap(),
            one.get_i64("seq").unwrap(),
        )
    });
    for room in stored.chunks(100) {
        let texts: Vec<&str> = room
            .iter()
            .map(|one| one.get_str("message").unwrap())
            .collect();
        assert!(texts.is_sorted(), "{texts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_has_a_result_of_its_own() {
    let (server, back_end) = server().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let message = |to: &Value, text: &str, key: &str| json!({ "from": alice, "to": to, "message": text, "key": key });
    let mut keyless = message(&bob, "no key", "");
    keyless.as_object_mut().unwrap().remove("key");
    let batch = json!({ "messages": [
        message(&bob, "one", "1"),
        message(&json!("nobody"), "two", "2"),
        message(&bob, " ", "3"),
        keyless,
        message(&bob, "one", "1"),
        message(&bob, "another", "1"),
        message(&bob, "four", "4"),
    ] });

    let answer = back_end.call("POST", "/v1/messages/batch", &batch).await;

    let results = answer.body["results"].as_array().unwrap();
    let outcomes: Vec<(u64, &str)> = results
        .iter()
        .map(|one| {
            let code = one["problem"]["code"].as_str().unwrap_or("ok");
            (one["status"].as_u64().unwrap(), code)
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            (201, "ok"),
            (404, "user-not-found"),
            (400, "bad-request"),
            (400, "bad-request"),
            (200, "ok"),
            (409, "client-id-conflict"),
            (201, "ok"),
        ]
    );
    assert_eq!(server.messages().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_not_understood_sends_nothing_and_each_message_counts_for_the_limit() {
    let (server, back_end) = server_with(&[("CHATZZ_API_LIMIT", "20/1h")]).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let message = |key: usize| json!({ "from": alice, "to": bob, "message": "hello", "key": key.to_string() });
    let mut odd = message(0);
    odd["clientId"] = json!("1");
    let many: Vec<Value> = (0..501).map(message).collect();
    for messages in [json!([message(0), odd]), json!([]), json!(many)] {
        let batch = json!({ "messages": messages });
        let refused = back_end.call("POST", "/v1/messages/batch", &batch).await;
        assert_eq!(refused.outcome(), (400, "bad-request"));
    }
    assert_eq!(server.messages().await.len(), 0);

    let many: Vec<Value> = (0..20).map(message).collect();
    let batch = json!({ "messages": many });
    let answer = back_end.call("POST", "/v1/messages/batch", &batch).await;

    let results = answer.body["results"].as_array().unwrap();
    let limited = results
        .iter()
        .filter(|one| one["problem"]["code"] == "rate-limited");
    assert_eq!(limited.count(), 4, "three calls before, and this one");
    assert_eq!(server.messages().await.len(), 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_repeats_is_looked_up_at_once() {
    let (server, back_end) = server().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let message = |key: usize| json!({ "from": alice, "to": bob, "message": key.to_string(), "key": key.to_string() });
    let messages: Vec<Value> = (0..200).map(message).collect();
    let batch = json!({ "messages": messages });
    back_end.call("POST", "/v1/messages/batch", &batch).await;
    let database = server.database();
    database.run_command(doc! { "profile": 2 }).await.unwrap();

    let again = back_end.call("POST", "/v1/messages/batch", &batch).await;

    database.run_command(doc! { "profile": 0 }).await.unwrap();
    let results = again.body["results"].as_array().unwrap();
    assert!(
        results.iter().all(|one| one["status"] == 200),
        "{results:?}"
    );
    let profiled = server.dump("system.profile").await;
    let of_messages = profiled.iter().filter(|entry| {
        let space = entry.get_str("ns").unwrap_or_default();
        space.ends_with("chatmessages")
    });
    let count = of_messages.count();
    // they reach the lane in a few portions, each of which is tried and looked up
    assert!((2..60).contains(&count), "{count} for 200 repeats");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_repeated_is_not_overtaken_in_its_chat_room() {
    let (server, back_end) = server_with(&[("CHATZZ_API_LIMIT", "4/1h")]).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let message = |key: usize| json!({ "from": alice, "to": bob, "message": key.to_string(), "key": key.to_string() });
    let messages: Vec<Value> = (0..6).map(message).collect();

    let batch = json!({ "messages": messages });
    let answer = back_end.call("POST", "/v1/messages/batch", &batch).await;

    let results = answer.body["results"].as_array().unwrap();
    let statuses: Vec<&Value> = results.iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [201, 201, 201, 429, 429, 429]);
    let stored = server.messages().await;
    assert_eq!(stored.len(), 3);
}
