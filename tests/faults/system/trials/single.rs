//! One node: killed, frozen, behind a proxy.

use std::path::Path;
use std::time::Duration;

use libtest_mimic::Trial;
use tokio::time::{Instant, timeout};

use super::super::Single;
use super::{database, insert, stored};
use crate::proxy::Proxy;
use crate::trial::trial;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("a_killed_single_keeps_its_data_and_port", killed),
        trial("a_frozen_single_answers_once_it_goes_on", frozen),
        trial("a_dropped_single_is_gone_with_its_data", dropped),
    ]
}

async fn killed() {
    let mut single = Single::start("killed").await;
    let proxy = Proxy::to_mongod(single.address(), 1).unwrap();
    let beside = database(&single.uri(None)).await;
    let through = database(&single.uri(Some(&proxy))).await;
    insert(&through, 1).await.unwrap();
    insert(&beside, 2).await.unwrap();
    let address = single.address();

    single.kill().await;
    let began = Instant::now();
    single.restart().await;
    eprintln!("single: writable {:?} after its start", began.elapsed());

    assert_eq!(single.address(), address);
    // A fresh client: the old one may have to find out first.
    let through = database(&single.uri(Some(&proxy))).await;
    assert_eq!(stored(&through).await, [1, 2]);
    insert(&through, 3).await.unwrap();
}

async fn frozen() {
    let mut single = Single::start("frozen").await;
    let things = database(&single.uri(None)).await;
    insert(&things, 1).await.unwrap();

    single.stop();
    let mut waiting = tokio::spawn({
        let things = things.clone();
        async move { insert(&things, 2).await }
    });
    let answer = timeout(Duration::from_millis(500), &mut waiting).await;
    assert!(answer.is_err(), "{answer:?}");
    single.cont();

    waiting.await.unwrap().unwrap();
    assert_eq!(stored(&things).await, [1, 2]);
}

async fn dropped() {
    let mut single = Single::start("dropped").await;
    let (pid, folder) = single.traces();
    assert!(folder.is_dir());
    single.stop();
    drop(single);
    assert!(!folder.exists());
    let process = format!("/proc/{pid}");
    crate::support::poll::eventually("mongod is gone", async || {
        (!Path::new(&process).exists()).then_some(())
    })
    .await;
}
