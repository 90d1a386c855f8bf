//! Failpoints.

use std::time::Duration;

use bson::doc;
use libtest_mimic::Trial;
use mongodb::error::ErrorKind;
use tokio::time::Instant;

use super::super::{FailCommand, Failure, Single, Trio};
use super::{LIMIT, database, insert, stored};
use crate::trial::trial;

/// `PrimarySteppedDown`.
const STEPPED_DOWN: i32 = 189;
/// `WriteConcernFailed`.
const NOT_REPLICATED: i32 = 64;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("failpoints_fail_as_described", failpoints),
        trial(
            "a_slow_journal_delays_a_majority_write_until_it_ends",
            journal,
        ),
        trial(
            "a_slow_journal_and_failpoints_work_on_one_of_three",
            one_of_three,
        ),
    ]
}

async fn failpoints() {
    let single = Single::start("failpoints").await;
    let things = database(&single.uri(None)).await;
    let next = |failure| FailCommand::next(1, &["insert"], failure);

    single.fail_command(next(Failure::CloseConnection)).await;
    let outcome = insert(&things, 1).await.map_err(|error| *error.kind);
    assert!(matches!(outcome, Err(ErrorKind::Io(_))), "{outcome:?}");
    assert_eq!(stored(&things).await, [0; 0], "it was executed");

    single
        .fail_command(next(Failure::ErrorCode(STEPPED_DOWN)))
        .await;
    let outcome = insert(&things, 1).await.map_err(|error| *error.kind);
    let Err(ErrorKind::Command(refused)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(refused.code, STEPPED_DOWN);
    assert_eq!(stored(&things).await, [0; 0], "it was executed");

    single
        .fail_command(next(Failure::WriteConcernError(NOT_REPLICATED)))
        .await;
    let answer = insert(&things, 1).await.unwrap();
    let error = answer.get_document("writeConcernError").unwrap();
    assert_eq!(error.get_i32("code").unwrap(), NOT_REPLICATED);
    assert_eq!(stored(&things).await, [1], "it was not executed");

    let block = Duration::from_millis(500);
    single.fail_command(next(Failure::Block(block))).await;
    let began = Instant::now();
    insert(&things, 2).await.unwrap();
    assert!(began.elapsed() >= block, "{:?}", began.elapsed());

    let stranger = FailCommand {
        times: None,
        app_name: Some("somebody else"),
        ..next(Failure::ErrorCode(STEPPED_DOWN))
    };
    single.fail_command(stranger.clone()).await;
    insert(&things, 3).await.unwrap();
    let everybody = FailCommand {
        app_name: None,
        ..stranger
    };
    single.fail_command(everybody).await;
    for _ in 0..3 {
        insert(&things, 4).await.unwrap_err();
    }
    assert!(single.off().await > 0, "failed commands are counted");
    insert(&things, 4).await.unwrap();
}

async fn journal() {
    let single = Single::start("journal").await;
    let things = database(&single.uri(None)).await;
    let measure = async |id| {
        let began = Instant::now();
        insert(&things, id).await.unwrap();
        began.elapsed()
    };
    measure(1).await;
    let quick = measure(2).await;

    let pause = Duration::from_secs(2);
    let slow = single.slow_journal(pause).await;
    let mut slowed = vec![measure(3).await];
    // past the gap in which the flusher works
    tokio::time::sleep(Duration::from_millis(300)).await;
    slowed.push(measure(4).await);
    slow.end().await;

    let after = measure(5).await;
    eprintln!("journal: {quick:?} before, {slowed:?} in pauses of {pause:?}, {after:?} after");
    // Each met a pause that had just begun.
    assert!(
        slowed.iter().all(|slowed| *slowed > pause / 2),
        "{slowed:?}"
    );
    assert_eq!(stored(&things).await, [1, 2, 3, 4, 5]);
}

async fn one_of_three() {
    let trio = Trio::start("failing").await;
    let things = database(&trio.uri()).await;
    insert(&things, 1).await.unwrap();
    let (primary, _) = trio.wait_for_primary(LIMIT).await;

    let fail = FailCommand::next(1, &["insert"], Failure::ErrorCode(STEPPED_DOWN));
    trio.fail_command(primary, fail.clone()).await;
    insert(&things, 2).await.unwrap_err();
    trio.fail_command(primary, fail).await;
    trio.off(primary).await;
    let things = database(&trio.uri()).await;
    insert(&things, 2).await.unwrap();

    let slow = trio.slow_journal(primary, Duration::from_secs(2)).await;
    // without `j` and majority nobody waits for the journal
    let quick = doc! {
        "insert": "things",
        "documents": [{ "_id": 3 }],
        "writeConcern": { "w": 1, "j": false },
    };
    things.run_command(quick).await.unwrap();
    let began = Instant::now();
    insert(&things, 4).await.unwrap();
    eprintln!("journal: {:?} on a slow primary of three", began.elapsed());
    slow.end().await;
    assert_eq!(stored(&things).await, [1, 2, 3, 4]);
}
