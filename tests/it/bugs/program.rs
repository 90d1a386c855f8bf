//! Which programs have bugs, and how one is chosen.

use std::collections::BTreeSet;

use super::Scene;
use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::seeded::{self, Bug, VARIABLE};

#[test]
fn every_bug_has_a_name_of_its_own_and_tells_what_it_breaks() {
    let names: BTreeSet<&str> = Bug::ALL.iter().map(|bug| bug.name()).collect();
    assert_eq!(names.len(), Bug::ALL.len());
    assert!(names.len() >= 16, "{names:?}");
    for bug in Bug::ALL {
        let words = bug.name().split('-');
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_lower_or_digit);
        assert!(words.clone().count() > 1 && words.clone().all(is_word));
        assert_eq!(bug.name().parse(), Ok(*bug));
        assert!(bug.description().ends_with('.'), "{bug}");
        assert!(!bug.breaks().is_empty(), "{bug}");
        for invariant in bug.breaks() {
            let (kind, number) = invariant.split_at(1);
            let most = match kind {
                "I" => 18,
                "E" => 4,
                "H" => 1,
                other => panic!("{other} of {bug}"),
            };
            assert!((1..=most).contains(&number.parse().unwrap()), "{invariant}");
        }
    }
    assert!("no-such-bug".parse::<Bug>().is_err());
}

fn is_lower_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_itself_has_no_bug_to_choose_and_says_so() {
    let database = TestDatabase::shared().await;
    let mut keys = database.keys().to_vec();
    keys.push((VARIABLE, Bug::SeqFromClock.name()));
    let server = Binary::serve(&keys).await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let (alice, _) = server.login(&alice).await;
    alice.add(&bob).await.unwrap();
    assert_eq!(alice.send(&bob, "first").await.unwrap()["seq"], 1);
    let log = server.log();
    assert!(log.contains(&format!("{VARIABLE} is not a key")), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_seeded_says_loudly_which_bug_it_has() {
    let scene = Scene::set(Some(Bug::SeqFromClock)).await;
    let log = scene.server.log();
    assert!(
        log.contains("BROKEN ON PURPOSE by `seq-from-clock`"),
        "{log}"
    );
    assert!(!log.contains("is not a key"), "{log}");

    let scene = Scene::set(None).await;
    let log = scene.server.log();
    assert!(log.contains("no bug is chosen"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_seeded_refuses_a_bug_it_does_not_know() {
    let keys = [(VARIABLE, "no-such-bug")];
    let ended = Binary::run_by(seeded::program().await, &["serve"], &keys).await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.err.contains("ack-before-insert"), "{}", ended.err);
}
