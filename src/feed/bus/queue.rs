//! What waits to be sent. Putting something in never waits, and what waited too long or
//! is too much is dropped: whoever misses it finds it in MongoDB.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Dropped;
use super::frame::FULL_FRAME_BYTES;

/// Bytes that may wait, 8 MiB.
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;
/// How long something may wait, 1 s.
pub(super) const MAX_AGE: Duration = Duration::from_secs(1);
/// What an item costs beside its bytes: its place in the queue.
const ITEM_BYTES: usize = 64;

/// Items by the boot id of their receiver.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Default)]
struct Waiting {
    lines: HashMap<Arc<str>, Line>,
    bytes: usize,
}

/// What waits for one receiver.
#[derive(Default)]
struct Line {
    items: Vec<(Instant, Bytes)>,
    /// Items dropped since the last frame.
    lost: u64,
}

/// The content of one frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// The boot id of the receiver.
    pub(super) to: Arc<str>,
    /// Items that were dropped before these.
    pub(super) lost: u64,
    /// One item after the other.
    pub(super) bytes: Vec<u8>,
    /// How many items these are.
    pub(super) items: u64,
}

impl Queue {
    /// Adds an item for a receiver; `false` when it is dropped since too much waits.
    pub(super) fn push(&self, to: &Arc<str>, item: &Bytes) -> bool {
        let mut waiting = self.waiting.lock();
        let cost = item.len() + ITEM_BYTES;
        let fits = waiting.bytes + cost <= MAX_BYTES;
        if fits {
            waiting.bytes += cost;
        }
        let line = waiting.lines.entry(Arc::clone(to)).or_default();
        if fits {
            line.items.push((Instant::now(), item.clone()));
        } else {
            line.lost += 1;
        }
        drop(waiting);
        if fits {
            self.filled.notify_one();
        } else {
            Dropped::Full.count(1);
        }
        fits
    }

    /// Notes that something for a receiver was not even put in.
    pub(super) fn lose(&self, to: &Arc<str>, dropped: Dropped) {
        self.waiting
            .lock()
            .lines
            .entry(Arc::clone(to))
            .or_default()
            .lost += 1;
        dropped.count(1);
    }

    /// Waits until there is something.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes all that waits, in frames; what is too old is dropped.
    pub(super) fn take(&self) -> Vec<Content> {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> Vec<Content> {
        let mut contents = Vec::new();
        let mut waiting = self.waiting.lock();
        waiting.bytes = 0;
        for (to, line) in &mut waiting.lines {
            let mut late = 0;
            let mut content = Content::after(to, line.lost);
            for (since, item) in line.items.drain(..) {
                if now.duration_since(since) > MAX_AGE {
                    late += 1;
                    content.lost += 1;
                    continue;
                }
                let is_full = content.bytes.len() + item.len() > FULL_FRAME_BYTES;
                if is_full && !content.bytes.is_empty() {
                    contents.push(std::mem::replace(&mut content, Content::after(to, 0)));
                }
                content.bytes.extend_from_slice(&item);
                content.items += 1;
            }
            // with no item to say it by, what was lost is said by the next frame
            line.lost = if content.bytes.is_empty() {
                content.lost
            } else {
                0
            };
            if !content.bytes.is_empty() {
                contents.push(content);
            }
            if late > 0 {
                Dropped::Late.count(late);
            }
        }
        contents
    }

    /// Drops what could not be sent; `numbers` of it were not used up by a frame.
    pub(super) fn give_up(&self, content: &Content, numbers: u64) {
        let mut waiting = self.waiting.lock();
        let line = waiting.lines.entry(Arc::clone(&content.to)).or_default();
        line.lost += numbers;
        drop(waiting);
        Dropped::Failed.count(content.items);
    }

    /// Forgets receivers that have ended.
    pub(super) fn retain(&self, is_alive: impl Fn(&str) -> bool) {
        let mut waiting = self.waiting.lock();
        waiting.lines.retain(|to, _| is_alive(to));
        let items = waiting.lines.values().flat_map(|line| &line.items);
        waiting.bytes = items.map(|(_, item)| item.len() + ITEM_BYTES).sum();
    }
}

impl Content {
    fn after(to: &Arc<str>, lost: u64) -> Self {
        Self {
            to: Arc::clone(to),
            lost,
            bytes: Vec::new(),
            items: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(length: usize) -> Bytes {
        vec![1; length].into()
    }

    #[tokio::test]
    async fn items_leave_by_receiver_and_in_order() {
        let queue = Queue::default();
        let (a, b) = (Arc::from("a"), Arc::from("b"));
        for (to, item) in [(&a, "1"), (&b, "2"), (&a, "3")] {
            assert!(queue.push(to, &Bytes::from(item)));
        }
        queue.filled().await;
        let mut contents = queue.take();
        contents.sort_by(|one, other| one.to.cmp(&other.to));
        let left = contents.iter().map(|one| (&*one.to, &one.bytes[..]));
        assert_eq!(left.collect::<Vec<_>>(), [("a", &b"13"[..]), ("b", b"2")]);
        assert_eq!(queue.take(), []);
    }

    #[tokio::test]
    async fn what_is_too_much_is_dropped_and_the_next_frame_says_so() {
        let queue = Queue::default();
        let to = Arc::from("a");
        let item = bytes(FULL_FRAME_BYTES);
        let fit = (0..1_000).take_while(|_| queue.push(&to, &item)).count();
        assert_eq!(fit, MAX_BYTES / (item.len() + ITEM_BYTES));
        assert!(!queue.push(&to, &item));
        let contents = queue.take();
        assert_eq!(contents.len(), fit, "a full frame each");
        assert_eq!(contents[0].lost, 2);
        assert!(contents[1..].iter().all(|content| content.lost == 0));
        assert!(queue.push(&to, &item), "there is room again");
    }

    #[tokio::test]
    async fn what_waited_too_long_is_dropped_and_the_next_frame_says_so() {
        let queue = Queue::default();
        let to = Arc::from("a");
        queue.push(&to, &bytes(1));
        queue.push(&to, &bytes(1));
        let later = Instant::now() + MAX_AGE + Duration::from_millis(1);
        assert_eq!(queue.take_at(later), []);
        queue.push(&to, &bytes(1));
        queue.lose(&to, Dropped::Away);
        assert_eq!(queue.take()[0].lost, 3);
        queue.push(&to, &bytes(1));
        assert_eq!(queue.take()[0].lost, 0);
    }

    #[tokio::test]
    async fn what_waits_for_an_ended_server_is_forgotten() {
        let queue = Queue::default();
        let (a, b) = (Arc::from("a"), Arc::from("b"));
        queue.push(&a, &bytes(100));
        queue.push(&b, &bytes(100));
        queue.retain(|boot| boot == "b");
        assert_eq!(queue.waiting.lock().bytes, 100 + ITEM_BYTES);
        assert_eq!(queue.take().len(), 1);
    }
}
