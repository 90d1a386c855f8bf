//! A slow disk: the journal's flusher pauses.

use std::net::SocketAddr;
use std::time::Duration;

use bson::doc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::node::run;

/// How long the flusher works between two pauses.
///
/// A held thread looks every 100 ms whether it may go on; with a gap of 20 ms it missed two of three.
const GAP: Duration = Duration::from_millis(150);

/// A mongod whose journal reaches the disk in long intervals only.
///
/// The failpoint `pauseJournalFlusherBeforeFlush` of `MongoDB` 6.0 holds the thread through which
/// every `j: true` write, and every majority, waits for the disk. (`fsyncLock` would block the
/// writes themselves, which a slow disk does not.) End it with [`SlowJournal::end`]; dropped, it
/// ends in the background.
pub(crate) struct SlowJournal {
    end: oneshot::Sender<()>,
    task: JoinHandle<mongodb::error::Result<()>>,
}

impl SlowJournal {
    /// Holds the flusher for `pause`, lets it work for 150 ms, and so on.
    pub(super) async fn start(address: SocketAddr, pause: Duration) -> Self {
        hold(address, true).await.unwrap();
        let (end, mut ended) = oneshot::channel();
        let task = tokio::spawn(async move {
            loop {
                let over = timeout(pause, &mut ended).await.is_ok();
                hold(address, false).await?;
                if over || timeout(GAP, &mut ended).await.is_ok() {
                    return Ok(());
                }
                hold(address, true).await?;
            }
        });
        Self { end, task }
    }

    /// Lets the flusher go. A mongod that died meanwhile has no failpoints any more: no error.
    pub(crate) async fn end(self) {
        drop(self.end);
        let _ = self.task.await.unwrap();
    }
}

async fn hold(address: SocketAddr, hold: bool) -> mongodb::error::Result<()> {
    let mode = if hold { "alwaysOn" } else { "off" };
    let command = doc! { "configureFailPoint": "pauseJournalFlusherBeforeFlush", "mode": mode };
    run(address, command).await.map(drop)
}
