//! Events come once, and what several read at a time is read once.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use bson::Document;
use tokio::task::JoinSet;

use super::super::{BackEnd, free_addr, key_file};
use super::two;
use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::http;
use crate::support::poll::eventually;
use chatzz::config::ApiScope;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_new_to_a_chat_room_repeats_nothing_that_another_one_wrote() {
    const PAIRS: usize = 15;
    let database = TestDatabase::shared().await;
    let [(_one, first), (_two, second)] = two(&database, &[]).await;
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        pairs.push([
            database.user(&format!("a{number}")).await,
            database.user(&format!("b{number}")).await,
        ]);
    }
    let start = second.events("head", "").await.cursor;
    for [a, b] in &pairs {
        first.send(a, b, "one", "1").await;
    }
    eventually("it is noted that these are in the log", async || {
        let rooms = database.dump("chatrooms").await;
        let is_noted = |room: &Document| room.get_i64("logged").is_ok_and(|seq| seq == 1);
        rooms.iter().all(is_noted).then_some(())
    })
    .await;
    let mut after = second.events_until(&start, "", 2 * PAIRS).await.cursor;
    for [a, b] in &pairs {
        first.send(a, b, "two", "2").await;
        // it is in the log, and that is not noted yet
        after = second.events_until(&after, "", 1).await.cursor;
        second.send(a, b, "three", "3").await;
        after = second.events_until(&after, "", 1).await.cursor;
    }

    let all = second.events(&start, "&limit=500").await;

    let ids: BTreeSet<&str> = all.ids().into_iter().collect();
    assert_eq!(ids.len(), all.events.len(), "{:?}", all.texts());
    assert_eq!(all.texts().len(), 3 * PAIRS);
}

/// How many times the log was read.
async fn readings(metrics: SocketAddr) -> u64 {
    let page = http::get(metrics, "/metrics").await.body;
    let line = page.lines().find_map(|line| {
        line.strip_prefix("chatzz_database_seconds_count{operation=\"events.list_from\"} ")
    });
    line.expect("it is counted").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_wait_the_log_is_read_once_for_all_of_them() {
    const WAITING: usize = 60;
    const SENT: usize = 10;
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let (file, mut api_keys) = key_file(&[&ApiScope::ALL]);
    let (addr, metrics) = (free_addr(), free_addr());
    let (listen, metrics_listen) = (addr.to_string(), metrics.to_string());
    let mut keys = database.keys().to_vec();
    keys.retain(|(key, _)| *key != "CHATZZ_METRICS_LISTEN");
    keys.extend([
        ("CHATZZ_METRICS_LISTEN", metrics_listen.as_str()),
        ("CHATZZ_API_LISTEN", listen.as_str()),
        ("CHATZZ_API_KEYS_FILE", file.to_str().unwrap()),
    ]);
    // by itself: figures are those of a process
    let _server = Binary::serve(&keys).await;
    let back_end = BackEnd::new(addr, &api_keys.remove(0));
    back_end.send(&alice, &bob, "first", "first").await;
    let after = back_end.events_until("oldest", "", 2).await.cursor;
    let mut waiting = JoinSet::new();
    for _ in 0..WAITING {
        let one = BackEnd::new(addr, &back_end.key);
        let after = after.clone();
        // nobody is blocked until the end
        waiting.spawn(async move { one.events(&after, "&types=user.blocked&wait=20s").await });
    }
    eventually("all wait", async || {
        (readings(metrics).await >= WAITING as u64).then_some(())
    })
    .await;
    let before = readings(metrics).await;
    let mut cursor = after.clone();

    for number in 0..SENT {
        let text = number.to_string();
        back_end.send(&alice, &bob, &text, &text).await;
        cursor = back_end.events_until(&cursor, "", 1).await.cursor;
    }

    let more = readings(metrics).await - before;
    assert!(more < (SENT * WAITING / 4) as u64, "{more} readings");
    let (alice, bob) = (alice.as_str().unwrap(), bob.as_str().unwrap());
    let block = format!("/v1/users/{alice}/blocks/{bob}");
    let blocked = back_end.call_as("PUT", &block, &[], "").await;
    assert_eq!(blocked.outcome(), (200, "ok"));
    while let Some(page) = waiting.join_next().await {
        assert_eq!(page.unwrap().types(), ["user.blocked"]);
    }
}
