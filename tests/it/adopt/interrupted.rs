//! Killed or stopped at any place, and run again: the same as an undisturbed run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bson::{Document, doc};
use chatzz::adopt::{AdoptError, Options, Step};
use futures::StreamExt as _;
use parking_lot::Mutex;

use super::old::{Old, assert_whole, quick};
use crate::support::binary::Binary;

/// More steps than a run has.
const MOST_STEPS: usize = 14;

/// More than one portion of chat rooms.
async fn small() -> Old {
    Old::big(30, 150, 600).await
}

/// What an undisturbed run makes.
async fn undisturbed() -> Vec<Vec<Document>> {
    let old = small().await;
    assert_whole(&old.adopt().await.unwrap());
    old.adopted().await
}

/// A run that stops after so many steps, and the steps it made.
fn stopping_after(steps: usize) -> (Options, Arc<Mutex<Vec<Step>>>) {
    let mut options = quick();
    let (stop, made) = (options.stop.clone(), Arc::new(Mutex::new(Vec::new())));
    let (left, seen) = (AtomicUsize::new(steps), Arc::clone(&made));
    options.progress = Arc::new(move |progress| {
        seen.lock().push(progress.step);
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            stop.cancel();
        }
    });
    (options, made)
}

/// Stops runs after their first step, their second and so on, several at once; returns in how
/// many places that was.
#[expect(clippy::future_not_send, reason = "a test awaits it where it is")]
async fn at_every_step(then: impl AsyncFn(Old, usize, Step)) -> usize {
    let stopped = futures::stream::iter(1..=MOST_STEPS).map(async |steps| {
        let old = small().await;
        let (options, made) = stopping_after(steps);
        let first = old.adopt_with(&options).await;
        if first.is_ok() {
            return 0;
        }
        assert!(matches!(first, Err(AdoptError::Interrupted)), "{first:?}");
        let step = *made.lock().last().unwrap();
        then(old, steps, step).await;
        1
    });
    let places: Vec<usize> = stopped.buffer_unordered(4).collect().await;
    assert!(places.contains(&0), "there are more steps");
    places.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_after_any_step_the_next_run_ends_it_the_same() {
    let wanted = undisturbed().await;
    let places = at_every_step(async |old, _, step| {
        old.database.is_refused(&["chatzz adopt"]).await;

        let second = old.adopt().await.unwrap();

        assert_whole(&second);
        assert!(old.adopted().await == wanted, "stopped after {step:?}");
        old.assert_clean().await;
    });
    assert_eq!(places.await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_after_any_step_it_can_be_undone() {
    let pristine = small().await.database.fingerprint().await;
    let places = at_every_step(async |old, steps, step| {
        let (options, _) = stopping_after(1 + steps % 3);
        let first = chatzz::adopt::undo(&old.adoption(None).await, &options).await;
        assert!(matches!(first, Err(AdoptError::Interrupted)), "{first:?}");
        let go_on = old.adopt().await;
        assert!(matches!(go_on, Err(AdoptError::UndoBegun)), "{go_on:?}");

        old.undo().await.unwrap();

        let undone = old.database.fingerprint().await;
        assert_eq!(undone, pristine, "stopped after {step:?}");
    });
    assert_eq!(places.await, 10);
}

/// Where a run is killed: as soon as a collection has so many documents.
const PLACES: [(&str, u64); 10] = [
    ("chatzz_meta", 1),
    ("chatzz_adopting_users", 1),
    ("chatzz_adopting_messages", 1),
    ("chatzz_adopting_messages", 150),
    ("chatzz_adopting_messages", 300),
    ("chatzz_adopting_messages", 450),
    ("chatzz_adopting_rooms", 1),
    ("chatzz_adopted_rest", 40),
    ("chatzz_before_users", 1),
    ("chatzz_before_rooms", 1),
];

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_ten_places_it_goes_on() {
    let wanted = undisturbed().await;
    let killed = PLACES.map(|(collection, many)| {
        let wanted = &wanted;
        async move {
            let old = small().await;
            let mut running = Binary::start(&["adopt"], &old.keys());
            let filled = old.database.collection(collection);
            while filled.estimated_document_count().await.unwrap() < many {
                let log = running.log();
                assert!(running.is_running(), "{collection} {many}: {log}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            running.kill().await;
            // the lock of a run that was killed ends by itself, after a minute
            let meta = old.database.collection("chatzz_meta");
            meta.delete_one(doc! { "_id": "lock" }).await.unwrap();

            old.adopt().await.unwrap();

            let adopted = old.adopted().await;
            assert!(adopted == *wanted, "killed at {collection} {many}");
            old.assert_clean().await;
        }
    });
    futures::future::join_all(killed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_who_interrupts_it_reads_how_to_go_on() {
    let old = small().await;
    let running = Binary::start(&["adopt"], &old.keys());
    let meta = old.database.collection("chatzz_meta");
    while meta.estimated_document_count().await.unwrap() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    let ended = running.terminate().await;

    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(
        ended.err.contains("`chatzz adopt` goes on from here"),
        "{}",
        ended.err
    );
    let undone = old.command(&["adopt", "--undo"]).await;
    assert!(undone.out.contains("as it was before"), "{undone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_1_x_has_written_between_two_runs_everything_is_read_anew() {
    let old = small().await;
    let (options, _) = stopping_after(5);
    let first = old.adopt_with(&options).await;
    assert!(matches!(first, Err(AdoptError::Interrupted)), "{first:?}");
    let messages = old.database.collection("chatmessages");
    let read = doc! { "$set": { "status": "read" } };
    let changed = messages.update_many(doc! {}, read).await.unwrap();
    assert!(changed.modified_count > 0);

    let report = old.adopt().await.unwrap();

    assert_whole(&report);
    assert_eq!(report.became_read, 0, "everything was read");
    old.assert_clean().await;
}
