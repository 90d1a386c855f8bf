//! Look-ups by key that share queries while many are requested at the same time.
//!
//! When everybody comes back at once, after a restart, each login looks up the same two
//! things. Look-ups that arrive while queries are in progress wait for the next one and
//! share it, as sends share an insert; a single look-up is a query at once.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::Error;

/// Queries in progress at the same time: two, since the first may be slow.
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

/// Keys that a caller waits for.
struct Wanted<K, V> {
    keys: Vec<K>,
    found: oneshot::Sender<Result<Vec<(K, V)>, Error>>,
}

impl<K, V> Gather<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + 'static,
{
    /// `ask` finds the values of some keys, in one query.
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

    /// Finds the values of some keys, by a query that begins from now on.
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
            // in a task: it continues for the others when this caller stops waiting
            tokio::spawn(self.clone().ask_for_all());
        }
        answer.await.unwrap_or(Err(Error::Abandoned))
    }

    /// Queries until nobody waits.
    async fn ask_for_all(self) {
        let mut under_way = UnderWay(Some(Arc::clone(&self.queue)));
        loop {
            let wanted = {
                let mut queue = self.queue.lock();
                let wanted = queue.next();
                if wanted.is_empty() {
                    queue.under_way -= 1;
                    under_way.0 = None;
                    return;
                }
                wanted
            };
            let keys = wanted.iter().flat_map(|one| one.keys.iter().cloned());
            let found = (self.ask)(keys.collect()).await;
            if wanted.len() > 1 && found.as_ref().is_err_and(|error| !error.is_transient()) {
                // an error of one of them does not concern the others
                for one in wanted {
                    let _ = one.found.send((self.ask)(one.keys).await);
                }
                continue;
            }
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
                // a caller that has stopped waiting needs no answer
                let _ = one.found.send(answer);
            }
        }
    }
}

/// A running query task; if it panics, another may take its place.
struct UnderWay<K, V>(Option<Arc<Mutex<Queue<K, V>>>>);

impl<K, V> Drop for UnderWay<K, V> {
    fn drop(&mut self) {
        if let Some(queue) = &self.0 {
            queue.lock().under_way -= 1;
        }
    }
}

impl<K, V> Queue<K, V> {
    /// Those who share the next query; callers that have stopped waiting are dropped.
    fn next(&mut self) -> Vec<Wanted<K, V>> {
        self.waiting.retain(|one| !one.found.is_closed());
        let mut keys = 0;
        let mut next = Vec::new();
        // a caller that wants more keys than that gets a separate query
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
