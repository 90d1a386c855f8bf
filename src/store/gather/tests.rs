use futures::FutureExt as _;
use tokio::sync::{Semaphore, mpsc};

use super::*;

/// Look-ups of even numbers, each query of which waits for a permit and is reported.
fn evens() -> (
    Gather<u32, String>,
    Arc<Semaphore>,
    mpsc::UnboundedReceiver<Vec<u32>>,
) {
    let permits = Arc::new(Semaphore::new(0));
    let (asked, queries) = mpsc::unbounded_channel();
    let gather = Gather::new({
        let permits = Arc::clone(&permits);
        move |keys: Vec<u32>| {
            let (permits, asked) = (Arc::clone(&permits), asked.clone());
            async move {
                asked.send(keys.clone()).unwrap();
                permits.acquire().await.unwrap().forget();
                if keys.contains(&13) {
                    return Err(Error::Abandoned);
                }
                if keys.contains(&17) {
                    let refused = mongodb::error::Error::custom("no");
                    return Err(Error::Refused(refused));
                }
                let even = keys.into_iter().filter(|key| key % 2 == 0);
                Ok(even.map(|key| (key, key.to_string())).collect())
            }
            .boxed()
        }
    });
    (gather, permits, queries)
}

#[tokio::test]
async fn what_is_asked_while_queries_are_under_way_shares_the_next() {
    let (gather, permits, mut queries) = evens();
    let find = |keys: Vec<u32>| {
        let gather = gather.clone();
        tokio::spawn(async move { gather.find(keys).await.unwrap() })
    };
    let first = find(vec![2]);
    assert_eq!(queries.recv().await.unwrap(), [2]);
    let second = find(vec![4]);
    assert_eq!(queries.recv().await.unwrap(), [4]);
    let shared = [
        find(vec![6]),
        find(vec![7, 8]),
        find(vec![6]),
        find(vec![9]),
    ];
    tokio::task::yield_now().await;
    assert!(queries.is_empty(), "two queries at once are enough");
    permits.add_permits(3);
    assert_eq!(first.await.unwrap(), [(2, "2".to_owned())]);
    assert_eq!(second.await.unwrap(), [(4, "4".to_owned())]);
    let mut found = Vec::new();
    for one in shared {
        found.push(one.await.unwrap());
    }
    let (six, eight) = ((6, "6".to_owned()), (8, "8".to_owned()));
    assert_eq!(found, [vec![six.clone()], vec![eight], vec![six], vec![]]);
    assert_eq!(queries.recv().await.unwrap(), [6, 7, 8, 6, 9]);
    assert!(queries.is_empty());
}

#[tokio::test]
async fn a_temporary_failure_reaches_all_who_share_it() {
    let (gather, permits, mut queries) = evens();
    permits.add_permits(2);
    let keys = [vec![2], vec![13], vec![6]];
    let all = futures::future::join_all(keys.map(|keys| gather.find(keys))).await;
    let fine: Vec<bool> = all.iter().map(Result::is_ok).collect();
    // the first task takes all that are waiting by the time it runs
    assert_eq!(fine, [false; 3]);
    assert!(gather.find(vec![2]).await.is_ok(), "the next is asked anew");
    assert_eq!(queries.recv().await.unwrap(), [2, 13, 6]);
}

#[tokio::test]
async fn what_one_is_refused_the_others_get() {
    let (gather, permits, _queries) = evens();
    permits.add_permits(4);
    let keys = [vec![2], vec![17], vec![6]];
    let all = futures::future::join_all(keys.map(|keys| gather.find(keys))).await;
    let fine: Vec<bool> = all.iter().map(Result::is_ok).collect();
    assert_eq!(fine, [true, false, true]);
}

#[tokio::test]
async fn who_waits_no_more_stops_nobody_and_is_not_asked_for() {
    let (gather, permits, mut queries) = evens();
    for _ in 0..2 {
        let gone = gather.find(vec![2]);
        assert!(gone.now_or_never().is_none());
    }
    let waits = gather.find(vec![10]);
    permits.add_permits(1);
    assert_eq!(waits.await.unwrap(), [(10, "10".to_owned())]);
    assert_eq!(queries.recv().await.unwrap(), [10]);
}

#[tokio::test]
async fn a_task_that_breaks_down_makes_room_for_another() {
    let gather: Gather<u32, ()> = Gather::new(|keys| {
        async move {
            assert_ne!(keys, [13], "a bug");
            Ok(Vec::new())
        }
        .boxed()
    });
    for _ in 0..2 * QUERIES_AT_ONCE {
        assert!(gather.find(vec![13]).await.is_err());
    }
    assert!(gather.find(vec![1]).await.is_ok());
}

#[test]
fn many_keys_are_asked_for_in_portions() {
    let (wanted, _answers): (VecDeque<_>, Vec<_>) = [200, 300, 1, 900, 5]
        .map(|count| {
            let (found, answer) = oneshot::channel::<Result<Vec<(u32, ())>, Error>>();
            let keys = (0..count).collect();
            (Wanted { keys, found }, answer)
        })
        .into_iter()
        .unzip();
    let mut queue = Queue {
        waiting: wanted,
        under_way: 0,
    };
    let mut portions = || {
        queue
            .next()
            .iter()
            .map(|one| one.keys.len())
            .collect::<Vec<_>>()
    };
    let portions = [portions(), portions(), portions(), portions(), portions()];
    assert_eq!(
        portions,
        [vec![200, 300], vec![1], vec![900], vec![5], vec![]]
    );
}
