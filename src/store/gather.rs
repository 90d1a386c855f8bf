//! Look-ups by key that share queries while many are wanted at the same time.
//!
//! When everybody comes back at once, after a restart, each login looks up the same
//! two things. What is asked while queries are under way waits for the next one and
//! shares it, as sends share an insert; alone, a look-up is a query at once.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::Error;

/// Queries under way at the same time: a second, since the first may be slow.
const QUERIES_AT_ONCE: usize = 2;
/// Keys of one query.
const KEYS_PER_QUERY: usize = 500;

type Ask<K, V> = dyn Fn(Vec<K>) -> BoxFuture<'static, Result<Vec<(K, V)>, Error>> + Send + Sync;

/// Look-ups of one kind.
pub(super) struct Gather<K, V> {
    ask: Arc<Ask<K, V>>,
    queue: Arc<Mutex<Queue<K, V>>>,
}

impl<K, V> Clone for Gather<K, V> {
    fn clone(&self) -> Self {
        Self {
            ask: Arc::clone(&self.ask),
            queue: Arc::clone(&self.queue),
        }
    }
}

impl<K, V> fmt::Debug for Gather<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").finish_non_exhaustive()
    }
}

struct Queue<K, V> {
    waiting: VecDeque<Wanted<K, V>>,
    under_way: usize,
}

/// Keys that somebody waits for.
struct Wanted<K, V> {
    keys: Vec<K>,
    found: oneshot::Sender<Result<Vec<(K, V)>, Error>>,
}

impl<K, V> Gather<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + 'static,
{
    /// `ask` finds what there is of some keys, in one query.
    pub(super) fn new(
        ask: impl Fn(Vec<K>) -> BoxFuture<'static, Result<Vec<(K, V)>, Error>> + Send + Sync + 'static,
    ) -> Self {
        let queue = Queue {
            waiting: VecDeque::new(),
            under_way: 0,
        };
        Self {
            ask: Arc::new(ask),
            queue: Arc::new(Mutex::new(queue)),
        }
    }

    /// Finds what there is of some keys, by a query that begins from now on.
    ///
    /// # Errors
    /// Those of the query.
    pub(super) async fn find(&self, keys: Vec<K>) -> Result<Vec<(K, V)>, Error> {
        let (found, answer) = oneshot::channel();
        let begin = {
            let mut queue = self.queue.lock();
            queue.waiting.push_back(Wanted { keys, found });
            let begin = queue.under_way < QUERIES_AT_ONCE;
            queue.under_way += usize::from(begin);
            begin
        };
        if begin {
            // in a task: it goes on for the others when this one waits no more
            tokio::spawn(self.clone().ask_for_all());
        }
        answer.await.unwrap_or(Err(Error::Abandoned))
    }

    /// Asks until nobody waits.
    async fn ask_for_all(self) {
        loop {
            let wanted = {
                let mut queue = self.queue.lock();
                let wanted = queue.next();
                if wanted.is_empty() {
                    queue.under_way -= 1;
                    return;
                }
                wanted
            };
            let keys = wanted.iter().flat_map(|one| one.keys.iter().cloned());
            let found = (self.ask)(keys.collect()).await;
            let found = found.map(|found| found.into_iter().collect::<HashMap<K, V>>());
            for one in wanted {
                let answer = match &found {
                    Ok(found) => {
                        let there = one.keys.iter().filter_map(|key| found.get_key_value(key));
                        Ok(there
                            .map(|(key, value)| (key.clone(), value.clone()))
                            .collect())
                    }
                    Err(error) => Err(error.clone()),
                };
                // whoever waits no more needs no answer
                let _ = one.found.send(answer);
            }
        }
    }
}

impl<K, V> Queue<K, V> {
    /// Those who share the next query.
    fn next(&mut self) -> Vec<Wanted<K, V>> {
        let mut keys = 0;
        let mut next = Vec::new();
        // whoever wants more than that has a query to himself
        while let Some(one) = self
            .waiting
            .pop_front_if(|one| keys == 0 || keys + one.keys.len() <= KEYS_PER_QUERY)
        {
            keys += one.keys.len();
            next.push(one);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::sync::{Semaphore, mpsc};

    use super::*;

    /// Look-ups of even numbers, each query of which waits for a permit and is told of.
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
    async fn a_failure_is_told_to_all_who_share_it_and_to_nobody_else() {
        let (gather, permits, _queries) = evens();
        permits.add_permits(4);
        let keys = [vec![2], vec![4], vec![13], vec![6]];
        let all = futures::future::join_all(keys.map(|keys| gather.find(keys))).await;
        let fine: Vec<bool> = all.iter().map(Result::is_ok).collect();
        // the first task takes all that wait by the time it runs
        assert_eq!(fine, [false; 4]);
        assert!(gather.find(vec![2]).await.is_ok(), "the next is asked anew");
    }

    #[tokio::test]
    async fn one_who_waits_no_more_stops_nobody() {
        let (gather, permits, mut queries) = evens();
        for _ in 0..2 {
            let gone = gather.find(vec![2]);
            assert!(gone.now_or_never().is_none());
        }
        let waits = gather.find(vec![10]);
        permits.add_permits(3);
        assert_eq!(waits.await.unwrap(), [(10, "10".to_owned())]);
        assert!(queries.recv().await.is_some());
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
}
