//! An interrupted run resumes where it was.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bson::oid::ObjectId;
use bson::{DateTime, doc};
use chatzz::verify::{Checked, Options, Report, VerifyError};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{World, quick, run};

/// Chat rooms added to those of the world; every tenth has a gap.
const ROOMS: u64 = 200;

impl World {
    async fn with_rooms() -> Self {
        let world = Self::healthy().await;
        let mut rooms = Vec::new();
        let mut people = Vec::new();
        let mut users = Vec::new();
        let mut messages = Vec::new();
        let now = DateTime::from_millis(1_700_000_000_000);
        for number in 0..ROOMS {
            let (room, person, user) = (ObjectId::new(), ObjectId::new(), ObjectId::new());
            users.push(doc! { "_id": user });
            people.push(doc! {
                "_id": person, "user": user, "status": "offline", "lastOnline": null, "nodes": [],
            });
            rooms.push(doc! {
                "_id": room, "chatUsers": [world.alice, person],
                "pair": format!("{}:{person}", world.alice), "createdAt": now,
                "addedBy": world.alice, "lastSeq": 3_i64, "lastMessageAt": now,
                "lastCounts": [3_i64, 0_i64], "cursors": {},
            });
            for seq in 1..=3_i64 {
                if number % 10 == 0 && seq == 2 {
                    continue;
                }
                messages.push(doc! {
                    "_id": ObjectId::new(), "chatRoom": room, "from": world.alice, "to": person,
                    "message": "text", "createdAt": now, "seq": seq, "counts": [seq, 0_i64],
                });
            }
        }
        for (name, documents) in [
            ("users", users),
            ("chatusers", people),
            ("chatrooms", rooms),
            ("chatmessages", messages),
        ] {
            let collection = world.database.collection(name);
            collection.insert_many(documents).await.unwrap();
        }
        world
    }

    fn state_file(&self) -> PathBuf {
        let name = format!("verify-{}.json", self.database.name());
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
    }
}

/// Stops when `when` says so; reports every step as well.
fn stopping(
    state: &Path,
    when: impl Fn(Checked) -> bool + Send + Sync + 'static,
) -> (Options, Arc<Mutex<Vec<Checked>>>) {
    let stop = CancellationToken::new();
    let steps = Arc::new(Mutex::new(Vec::new()));
    let (seen, stopper) = (Arc::clone(&steps), stop.clone());
    let options = Options {
        state: Some(state.to_owned()),
        save_every: Duration::ZERO,
        stop,
        progress: Arc::new(move |progress| {
            seen.lock().push(progress.checked);
            if when(progress.checked) {
                stopper.cancel();
            }
        }),
        ..quick()
    };
    (options, steps)
}

/// A report without what differs from run to run.
fn timeless(report: Report) -> Report {
    Report {
        started_at: String::new(),
        took: 0.0,
        ..report
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_interrupted_twice_and_continued_equals_one_run() {
    let world = World::with_rooms().await;
    let whole = run(&world.store, &quick()).await;
    assert_eq!(whole.findings.len() as u64, ROOMS / 10, "{whole}");
    let file = world.state_file();

    let (in_the_people, _) = stopping(&file, |checked| checked.chat_users > 0);
    let (in_the_rooms, _) = stopping(&file, |checked| checked.rooms >= ROOMS / 2);
    for options in [in_the_people, in_the_rooms] {
        let interrupted = chatzz::verify::run(&world.store, &options).await;
        let error = interrupted.expect_err("it was told to stop");
        let resumable = matches!(error, VerifyError::Interrupted { resumable: true });
        assert!(resumable, "{error}");
        assert!(file.exists());
    }
    let (to_the_end, steps) = stopping(&file, |_| false);
    let continued = run(&world.store, &to_the_end).await;

    assert_eq!(timeless(continued), timeless(whole));
    let first = *steps.lock().first().unwrap();
    assert!(first.rooms >= ROOMS / 2, "it did not begin anew: {first:?}");
    assert!(!file.exists(), "a run that ended leaves no state");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_another_run_is_refused() {
    let world = World::healthy().await;
    let file = world.state_file();
    let (options, _) = stopping(&file, |_| true);
    chatzz::verify::run(&world.store, &options)
        .await
        .expect_err("it was told to stop");

    let repair = Options {
        repair: true,
        state: Some(file.clone()),
        ..quick()
    };
    let refused = chatzz::verify::run(&world.store, &repair).await;

    let error = refused.expect_err("the other run only looked");
    assert!(error.to_string().contains("--repair differs"), "{error}");
    std::fs::write(&file, "not a state").unwrap();
    let refused = chatzz::verify::run(&world.store, &repair).await;
    assert!(matches!(refused, Err(VerifyError::State { .. })));
    std::fs::remove_file(&file).unwrap();
}
