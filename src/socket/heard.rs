//! What other servers did, announced to the sockets here.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::service::{IdInput, PrivacyChange, Tidings};
use crate::store::Entry;
use crate::wire::{Notice, PerDialect};

/// Entries taken at once.
const ENTRIES_AT_ONCE: usize = 100;
/// Pause before entries that could not be worked on are tried again.
const RETRY: Duration = Duration::from_millis(200);

/// Announces what comes out of the log, until cancelled.
pub(crate) async fn hear(
    context: Arc<Context>,
    mut entries: mpsc::Receiver<Entry>,
    cancelled: CancellationToken,
) {
    let mut waiting = Vec::new();
    loop {
        tokio::select! {
            () = cancelled.cancelled() => return,
            count = entries.recv_many(&mut waiting, ENTRIES_AT_ONCE) => if count == 0 { return },
        }
        loop {
            let is_here = |who| context.hub.is_present(who);
            match context.messenger.hear(&waiting, is_here).await {
                Ok(tidings) => {
                    context.announce(tidings).await;
                    break;
                }
                Err(error) => {
                    tracing::debug!(%error, "what other servers did waits");
                    tokio::select! {
                        () = cancelled.cancelled() => return,
                        () = tokio::time::sleep(RETRY) => {}
                    }
                }
            }
        }
        waiting.clear();
    }
}

impl Context {
    async fn announce(&self, tidings: Tidings) {
        // first: nothing is said in a chat room that one does not know
        for (who, contact) in tidings.contacts {
            let description = contact.described_to(who);
            let notice = PerDialect::new(Notice::ChatUserAdded(contact));
            self.hub.tell(who, &notice, None);
            self.presence.correct(&description);
        }
        for command in tidings.commands {
            self.messenger.submit_heard(command).await;
        }
        for (who, change) in tidings.privacy {
            let notice = match change {
                PrivacyChange::Blocked(user, blocked) => Notice::BlockChanged(user, blocked),
                PrivacyChange::Settings(settings) => Notice::SettingsChanged(settings),
            };
            self.hub.tell(who, &PerDialect::new(notice), None);
        }
        for user in tidings.ended {
            self.end_named(&IdInput::Text(user)).await;
        }
    }
}
