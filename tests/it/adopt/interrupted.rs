//! Killed or stopped at any place, and run again: the same as an undisturbed run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bson::{Document, doc};
use chatzz::adopt::{AdoptError, Options, Step};
use parking_lot::Mutex;

use super::old::{Old, assert_whole, quick};
use crate::support::binary::Binary;

async fn small() -> Old {
    Old::big(20, 250, 1_500).await
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

#[tokio::test(flavor = "multi_thread")]
async fn stopped_after_any_step_the_next_run_ends_it_the_same() {
    let wanted = undisturbed().await;
    let mut places = 0;
    for steps in 1.. {
        let old = small().await;
        let (options, made) = stopping_after(steps);
        let first = old.adopt_with(&options).await;
        if first.is_ok() {
            break;
        }
        assert!(matches!(first, Err(AdoptError::Interrupted)), "{first:?}");
        let step = *made.lock().last().unwrap();
        old.database.is_refused(&["chatzz adopt"]).await;

        let second = old.adopt().await.unwrap();

        assert_whole(&second);
        assert!(old.adopted().await == wanted, "stopped after {step:?}");
        old.assert_clean().await;
        places += 1;
    }
    assert!(places >= 10, "{places}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_after_any_step_it_can_be_undone() {
    for steps in 1.. {
        let old = small().await;
        let before = old.database.fingerprint().await;
        let (options, made) = stopping_after(steps);
        if old.adopt_with(&options).await.is_ok() {
            break;
        }
        let step = *made.lock().last().unwrap();
        let (options, _) = stopping_after(1 + steps % 3);
        let first = chatzz::adopt::undo(&old.adoption(None).await, &options).await;
        assert!(matches!(first, Err(AdoptError::Interrupted)), "{first:?}");
        let go_on = old.adopt().await;
        assert!(matches!(go_on, Err(AdoptError::UndoBegun)), "{go_on:?}");

        old.undo().await.unwrap();

        assert_eq!(
            old.database.fingerprint().await,
            before,
            "stopped after {step:?}"
        );
    }
}

/// Where a run is killed: as soon as a collection has so many documents.
const PLACES: [(&str, u64); 10] = [
    ("chatzz_meta", 1),
    ("chatzz_adopting_users", 1),
    ("chatzz_adopting_messages", 1),
    ("chatzz_adopting_messages", 400),
    ("chatzz_adopting_messages", 800),
    ("chatzz_adopting_messages", 1_200),
    ("chatzz_adopting_rooms", 1),
    ("chatzz_adopted_rest", 100),
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
