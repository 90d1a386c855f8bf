//! Bugs of numbering and storing.

use bson::Bson;
use futures::future::join_all;
use serde_json::json;

use super::{Scene, shows};
use crate::support::seeded::Bug;
use crate::support::user::outcome;

#[tokio::test(flavor = "multi_thread")]
async fn without_the_index_a_repeat_is_stored_again() {
    shows(Bug::NoClientIdIndex, async |bug| {
        let scene = Scene::set(bug).await;
        for _ in 0..2 {
            let sent = scene.alice.send_with(&scene.bob.id, "once", "k").await;
            sent.unwrap();
        }
        scene.count("once").await == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_from_the_clock_do_not_begin_at_one() {
    shows(Bug::SeqFromClock, async |bug| {
        let scene = Scene::set(bug).await;
        scene.send("first").await["seq"] != 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_taken_before_the_insert_is_lost_with_a_repeat() {
    shows(Bug::CounterThenInsert, async |bug| {
        let scene = Scene::set(bug).await;
        for _ in 0..2 {
            let sent = scene.alice.send_with(&scene.bob.id, "once", "k").await;
            sent.unwrap();
        }
        scene.send("next").await["seq"] != 2
    })
    .await;
}

/// Sends many messages without waiting for an answer; their positions.
async fn burst(scene: &Scene) -> Vec<Option<i64>> {
    let sends = (0..40).map(|number| {
        let payload = json!({ "userId": scene.bob.id, "message": format!("{number}") });
        let client = &scene.alice.client;
        client.emit_ack_pipelined("send-message", payload)
    });
    let sends: Vec<_> = sends.collect();
    let answers = join_all(sends).await.into_iter();
    answers
        .map(|ack| outcome(ack).unwrap()["seq"].as_i64())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipelined_burst_is_stored_in_another_order() {
    shows(Bug::BurstSwapped, async |bug| {
        let scene = Scene::set(bug).await;
        !burst(&scene).await.is_sorted()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counts_of_a_burst_are_not_those_of_its_numbers() {
    shows(Bug::CountsWithoutSeq, async |bug| {
        let scene = Scene::set(bug).await;
        burst(&scene).await;
        let stored = scene.database.messages().await;
        let mut sums = stored.iter().map(|message| {
            let counts = message.get_array("counts").unwrap().iter();
            let sum: i64 = counts.filter_map(Bson::as_i64).sum();
            (sum, message.get_i64("seq").unwrap())
        });
        sums.any(|(sum, seq)| sum != seq)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_history_leaves_one_message_out() {
    shows(Bug::HistoryGap, async |bug| {
        let scene = Scene::set(bug).await;
        for number in 1..=5 {
            scene.send(&format!("{number}")).await;
        }
        let query = json!({ "userId": scene.bob.id, "before": 4, "limit": 2 });
        let page = scene.alice.history(query).await.unwrap();
        page["messages"][1]["seq"] != 3
    })
    .await;
}
