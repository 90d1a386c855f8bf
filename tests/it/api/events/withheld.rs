//! A message that is withheld is marked for the back end, and for nobody else.

use serde_json::{Value, json};

use super::super::{Answer, server_with};

/// What an answer says of it.
fn mark(message: &Value) -> (&Value, &Value) {
    (&message["withheld"], &message["status"])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withheld_is_marked_where_the_back_end_reads_it_and_hears_of_it() {
    let (server, back_end) = server_with(&[("CHATZZ_BLOCKED_SENDS", "withhold")]).await;
    let (alice, bob) = server.pair().await;
    let before = back_end.events("head", "").await;
    let seen = alice.send(&bob.id, "seen").await.unwrap();
    bob.block(&alice.id).await.unwrap();
    let withheld = alice.send(&bob.id, "unseen").await.unwrap();

    let read = async |path: String| -> Answer { back_end.get(&path).await };
    let id = |message: &Value| message["_id"].as_str().unwrap().to_owned();
    let room = withheld["chatRoomId"].as_str().unwrap();
    let message = read(format!("/v1/messages/{}", id(&withheld))).await;
    let other = read(format!("/v1/messages/{}", id(&seen))).await;
    let page = read(format!("/v1/chat-rooms/{room}/messages")).await;
    let whole = read(format!("/v1/chat-rooms/{room}")).await;
    let heard = back_end
        .events_until(&before.cursor, "&types=message.created", 2)
        .await;

    let (yes, sent) = (json!(true), json!("sent"));
    assert_eq!(mark(&message.body), (&yes, &sent));
    assert_eq!(mark(&page.body["messages"][1]), (&yes, &sent));
    assert_eq!(mark(&whole.body["lastMessage"]), (&yes, &sent));
    assert_eq!(mark(&heard.events[1]["data"]["message"]), (&yes, &sent));
    for unmarked in [
        &other.body,
        &page.body["messages"][0],
        &heard.events[0]["data"]["message"],
    ] {
        assert!(unmarked.get("withheld").is_none(), "{unmarked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_sender_is_shown_no_mark_of_it_whoever_asks_for_them() {
    let (server, back_end) = server_with(&[("CHATZZ_BLOCKED_SENDS", "withhold")]).await;
    let (alice, bob) = server.pair().await;
    bob.block(&alice.id).await.unwrap();
    let own = alice.send(&bob.id, "unseen").await.unwrap();

    let sent = back_end
        .send(&alice.id, &bob.id, "by the shop", "one")
        .await;
    let again = back_end
        .send(&alice.id, &bob.id, "by the shop", "one")
        .await;
    let user = alice.id.as_str().unwrap();
    let inbox = back_end.get(&format!("/v1/users/{user}/chat-rooms")).await;
    let exported = back_end.get(&format!("/v1/users/{user}/export")).await;

    assert_eq!((sent.status, again.status), (201, 200));
    assert_eq!(exported.lines().len(), 6, "with two messages");
    let shown = [own, sent.body, again.body, inbox.body];
    let shown = shown.into_iter().chain(exported.lines());
    for one in shown {
        assert!(!one.to_string().contains("withheld"), "{one}");
    }
    let client = alice.client.received_bytes();
    assert!(!String::from_utf8_lossy(&client).contains("withheld"));
}
