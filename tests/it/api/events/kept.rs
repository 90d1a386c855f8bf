//! How long events are kept.

use bson::{DateTime, Document, doc};

use crate::support::poll::eventually;
use crate::support::server::Server;

const HOUR: i64 = 3_600_000;

fn ago(hours: i64) -> DateTime {
    DateTime::from_millis(DateTime::now().timestamp_millis() - hours * HOUR)
}

/// Restarts a server over a log whose entries were written so many hours ago; which of them
/// are kept.
async fn kept_of(hours: &[i64], pushed: Option<Document>) -> Vec<i64> {
    let mut server = Server::start().await;
    server.stop().await;
    let (log, meta) = (
        server.collection("chatzz_events"),
        server.collection("chatzz_meta"),
    );
    log.delete_many(doc! {}).await.unwrap();
    let entries = (1_i64..).zip(hours);
    let entries = entries.map(|(id, hours)| doc! { "_id": id, "at": ago(*hours), "boot": "a" });
    log.insert_many(entries).await.unwrap();
    if let Some(pushed) = pushed {
        meta.insert_one(pushed).await.unwrap();
    }

    server.restart().await;

    // they go one after another: what is left is what two looks in a row find
    let mut before = Vec::new();
    eventually("what is old is removed", async || {
        let entries = server.dump("chatzz_events").await;
        let ids: Vec<i64> = entries
            .iter()
            .map(|one| one.get_i64("_id").unwrap())
            .collect();
        let is_left = !ids.contains(&1) && ids == before;
        before.clone_from(&ids);
        is_left.then_some(ids)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_the_setting_is_removed_but_never_the_newest() {
    assert_eq!(kept_of(&[3, 2, 2, 0, 0], None).await, [4, 5]);
    assert_eq!(kept_of(&[3, 2, 2], None).await, [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_to_be_pushed_is_kept_for_three_days() {
    let pushed = |entry: i64, hours| {
        Some(doc! { "_id": "push", "entry": entry, "boot": "", "renewedAt": ago(hours) })
    };
    assert_eq!(kept_of(&[4, 3, 2, 2, 0], pushed(2, 0)).await, [3, 4, 5]);
    assert_eq!(kept_of(&[90, 80, 71, 2, 0], pushed(0, 1)).await, [3, 4, 5]);
    assert_eq!(
        kept_of(&[4, 3, 2, 2, 0], pushed(2, 80)).await,
        [5],
        "nobody pushes any more"
    );
}
