//! Who is to be notified of messages that no device confirmed.

use serde_json::Value;

use super::super::server_with;
use super::Page;

const TYPES: &str = "&types=notification.due,notification.withdrawn";

/// The user, and the type, of each event.
fn heard(page: &Page) -> Vec<(Value, &str)> {
    let users = page
        .events
        .iter()
        .map(|event| event["data"]["userId"].clone());
    users.zip(page.types()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_away_is_notified_once_until_they_read_and_that_is_withdrawn() {
    let (server, back_end) = server_with(&[("CHATZZ_NOTIFY_AFTER", "1s")]).await;
    let (alice, bob) = (server.person("alice").await, server.user("bob").await);
    let carol = server.user("carol").await;
    let start = back_end.events("head", "").await.cursor;
    alice.add(&bob).await.unwrap();
    for text in ["one", "two"] {
        alice.send(&bob, text).await.unwrap();
    }

    let due = back_end.events_until(&start, TYPES, 1).await;

    let data = &due.events[0]["data"];
    assert_eq!(heard(&due), [(bob.clone(), "notification.due")]);
    assert_eq!((&data["count"], &data["badge"]), (&2.into(), &2.into()));
    assert_eq!(data["message"]["message"], "two");
    assert_eq!(data["message"]["from"], alice.id);
    alice.send(&bob, "three").await.unwrap();
    // by then bob would have been notified once more
    back_end.send(&bob, &carol, "sentinel", "sentinel").await;
    let next = back_end.events_until(&due.cursor, TYPES, 1).await;
    assert_eq!(heard(&next), [(carol, "notification.due")]);

    let (bob, _) = server.arrive(&bob).await;
    bob.read_up_to(&alice.id, 3).await.unwrap();

    let withdrawn = back_end.events_until(&next.cursor, TYPES, 1).await;
    assert_eq!(
        heard(&withdrawn),
        [(bob.id.clone(), "notification.withdrawn")]
    );
    let data = &withdrawn.events[0]["data"];
    assert_eq!(data["upToSeq"], due.events[0]["data"]["upToSeq"]);
    assert_eq!(data["chatRoomId"], due.events[0]["data"]["chatRoomId"]);
    let again = back_end.events(&start, TYPES).await;
    assert_eq!(
        again.events.len(),
        2,
        "what is read is not to be notified of any more"
    );
    bob.client.close().await;
    alice.send(&bob.id, "four").await.unwrap();
    let anew = back_end.events_until(&withdrawn.cursor, TYPES, 1).await;
    assert_eq!(heard(&anew), [(bob.id.clone(), "notification.due")]);
    assert_eq!(anew.events[0]["data"]["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_device_confirms_is_not_notified() {
    let (server, back_end) = server_with(&[("CHATZZ_NOTIFY_AFTER", "1s")]).await;
    let (alice, bob) = server.pair().await;
    let carol = server.user("carol").await;
    let start = back_end.events("head", "").await.cursor;
    alice.send(&bob.id, "seen").await.unwrap();
    bob.delivered_up_to(&alice.id, 1).await.unwrap();
    alice.add(&carol).await.unwrap();
    alice.send(&carol, "unseen").await.unwrap();

    let due = back_end.events_until(&start, TYPES, 1).await;

    assert_eq!(heard(&due), [(carol, "notification.due")]);
}
