//! The order of what one socket asks about: asked at the same time, done in the order it
//! came.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Questions of one socket at the same time.
const MAX_ASKED: usize = 16;

/// The turns of one socket.
#[derive(Debug)]
pub(crate) struct Turns {
    places: Arc<Semaphore>,
    order: Mutex<Order>,
}

#[derive(Debug, Default)]
struct Order {
    /// The end of the latest turn.
    last: Option<CancellationToken>,
    /// The end of the latest turn that others must not begin before.
    last_add: Option<CancellationToken>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MAX_ASKED)),
            order: Mutex::default(),
        }
    }
}

impl Turns {
    /// The turn of a send, which may be asked about once the chat rooms added before it are
    /// there.
    pub(crate) fn of_send(&self) -> Turn {
        self.next(|_, _| {})
    }

    /// The turn of an add.
    pub(crate) fn of_add(&self) -> Turn {
        self.next(|order, end| order.last_add = Some(end))
    }

    fn next(&self, note: impl FnOnce(&mut Order, CancellationToken)) -> Turn {
        let end = CancellationToken::new();
        let mut order = self.order.lock();
        let turn = Turn(Arc::new(Place {
            places: Arc::clone(&self.places),
            add: order.last_add.clone().filter(|add| !add.is_cancelled()),
            before: order.last.replace(end.clone()),
            _end: end.clone().drop_guard(),
        }));
        note(&mut order, end);
        turn
    }
}

/// The turn of an event, over when its last clone is dropped. On the heap: every send has room
/// for one, and few have one.
#[derive(Clone, Debug)]
pub(crate) struct Turn(Arc<Place>);

#[derive(Debug)]
struct Place {
    places: Arc<Semaphore>,
    add: Option<CancellationToken>,
    before: Option<CancellationToken>,
    _end: DropGuard,
}

impl Turn {
    /// Waits until the chat rooms are there that were added before.
    pub(crate) async fn begin(&self) {
        if let Some(add) = &self.0.add {
            add.cancelled().await;
        }
    }

    /// Waits for a place to ask in; `None` never comes.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.places).acquire_owned().await.ok()
    }

    /// Waits until everything that came before is done.
    pub(crate) async fn come(&self) {
        if let Some(before) = &self.0.before {
            before.cancelled().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_send_comes_when_what_was_before_is_over_and_is_asked_about_after_adds() {
        let turns = Turns::default();
        let (first, add, last) = (turns.of_send(), turns.of_add(), turns.of_send());
        assert!(first.begin().now_or_never().is_some());
        assert!(first.come().now_or_never().is_some());
        assert!(add.come().now_or_never().is_none());
        assert!(last.begin().now_or_never().is_none());

        drop(first);
        add.come().await;
        drop(add);

        last.begin().await;
        last.come().await;
    }

    #[tokio::test]
    async fn sixteen_are_asked_about_at_a_time() {
        let turns = Turns::default();
        let turn = turns.of_send();
        let mut places = Vec::new();
        for _ in 0..16 {
            places.push(turn.place().await);
        }
        assert!(turn.place().now_or_never().is_none());
        places.pop();
        assert!(turn.place().await.is_some());
    }
}
