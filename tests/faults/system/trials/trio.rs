//! Three nodes: killed, frozen, stepping down.

use libtest_mimic::Trial;
use tokio::time::Instant;

use super::super::Trio;
use super::{LIMIT, database, insert, stored};
use crate::trial::trial;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("a_trio_elects_anew_and_keeps_what_a_majority_has", elects),
        trial("a_frozen_primary_is_replaced_and_comes_back", frozen),
    ]
}

async fn elects() {
    let began = Instant::now();
    let mut trio = Trio::start("elects").await;
    eprintln!("trio: three members after {:?}", began.elapsed());
    let things = database(&trio.uri()).await;
    insert(&things, 1).await.unwrap();

    let killed = trio.kill_primary().await;
    let (second, took) = trio.wait_for_primary(LIMIT).await;
    eprintln!("trio: a primary {took:?} after the old one was killed");
    assert_ne!(second, killed);
    let things = database(&trio.uri()).await;
    insert(&things, 2).await.unwrap();

    let began = Instant::now();
    trio.restart_dead().await;
    eprintln!(
        "trio: the killed node is a member {:?} after its start",
        began.elapsed()
    );

    let stepped = trio.step_down().await;
    let (third, took) = trio.wait_for_primary(LIMIT).await;
    eprintln!("trio: a primary {took:?} after the old one stepped down");
    assert_ne!(third, stepped);
    let things = database(&trio.uri()).await;
    insert(&things, 3).await.unwrap();
    assert_eq!(stored(&things).await, [1, 2, 3]);
}

async fn frozen() {
    let mut trio = Trio::start("frozen").await;
    let things = database(&trio.uri()).await;
    insert(&things, 1).await.unwrap();

    let frozen = trio.stop_primary().await;
    let (second, took) = trio.wait_for_primary(LIMIT).await;
    eprintln!("trio: a primary {took:?} after the old one was frozen");
    assert_ne!(second, frozen);
    let things = database(&trio.direct_uri(second)).await;
    insert(&things, 2).await.unwrap();
    trio.cont(frozen);

    trio.wait_for_all(LIMIT).await;
    assert_eq!(trio.wait_for_primary(LIMIT).await.0, second);
    assert_eq!(stored(&things).await, [1, 2]);
}
