//! What other servers did, announced to the sockets here.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::feed::{Done, Hint};
use crate::service::{Error, IdInput, PrivacyChange, ToAnnounce, Watch};
use crate::store::Entry;
use crate::wire::{Notice, PerDialect};

/// Entries taken at once.
const ENTRIES_AT_ONCE: usize = 100;
/// Pause before entries that could not be worked on are tried again.
const RETRY: Duration = Duration::from_millis(200);
/// How often that is written into the server's own log.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// Announces what comes out of the log, and hints of what is not there yet,
/// until cancelled.
pub(crate) async fn hear(
    context: Arc<Context>,
    watch: Arc<Watch>,
    mut entries: mpsc::Receiver<Entry>,
    mut hints: mpsc::Receiver<Hint>,
    cancelled: CancellationToken,
) {
    let mut done = Done::default();
    let mut waiting = Vec::new();
    loop {
        let hint = tokio::select! {
            () = cancelled.cancelled() => return,
            Some(hint) = hints.recv() => Some(hint),
            count = entries.recv_many(&mut waiting, ENTRIES_AT_ONCE) => {
                if count == 0 {
                    return;
                }
                None
            }
        };
        let work = async {
            if let Some(hint) = hint {
                return context.hear_hint(&watch, hint, &mut done).await;
            }
            for entry in &mut waiting {
                done.leave_out(entry);
            }
            context.hear_all(&watch, &waiting).await;
            waiting.clear();
        };
        tokio::select! {
            () = cancelled.cancelled() => return,
            () = work => {}
        }
    }
}

impl Context {
    /// Announces what these entries say, however long the database does not answer.
    async fn hear_all(&self, watch: &Watch, entries: &[Entry]) {
        let mut complained: Option<Instant> = None;
        loop {
            match self.hear(watch, entries).await {
                Ok(()) => return,
                Err(Error::Internal) => break,
                Err(error) => {
                    if complained.is_none_or(|at| at.elapsed() > COMPLAIN_EVERY) {
                        complained = Some(Instant::now());
                        tracing::warn!(%error, "what other servers did waits to be announced");
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
        // something that they name cannot be read: the others are none the worse
        for entry in entries {
            if let Err(error) = self.hear(watch, std::slice::from_ref(entry)).await {
                metrics::counter!("chatzz_event_log_dropped_total").increment(1);
                tracing::error!(%error, entry = entry.id, "what another server did is left out");
            }
        }
    }

    async fn hear(&self, watch: &Watch, entries: &[Entry]) -> Result<(), Error> {
        let is_here = |who| self.hub.is_present(who);
        let to_announce = self.messenger.hear(entries, is_here).await?;
        watch.note(entries.iter().flat_map(|entry| &entry.items));
        self.announce(to_announce).await;
        Ok(())
    }

    /// Announces what another server sent as a hint; after a failure the log
    /// brings it.
    async fn hear_hint(&self, watch: &Watch, mut hint: Hint, done: &mut Done) {
        done.leave_out_of_hint(&mut hint);
        let is_here = |who| self.hub.is_present(who);
        match self.messenger.hear_hint(&mut hint, is_here).await {
            Ok(to_announce) => {
                watch.note(hint.items.iter());
                self.announce(to_announce).await;
                done.note(&hint);
            }
            Err(error) => {
                tracing::debug!(%error, "a hint of another server is left to the log");
                if let Some(bus) = &self.bus {
                    bus.miss();
                }
            }
        }
    }

    async fn announce(&self, to_announce: ToAnnounce) {
        // first: nothing is said in a chat room that one does not know
        for (who, contact) in to_announce.contacts {
            let description = contact.described_to(who);
            let notice = PerDialect::new(Notice::ChatUserAdded(contact));
            self.hub.tell(who, &notice, None);
            self.presence.correct(&description);
        }
        for command in to_announce.commands {
            self.messenger.submit_heard(command).await;
        }
        self.announce_changed(&to_announce.changed);
        for (who, change) in to_announce.privacy {
            let notice = match change {
                PrivacyChange::Blocked(user, blocked) => Notice::BlockChanged(user, blocked),
                PrivacyChange::Settings(settings) => Notice::SettingsChanged(settings),
            };
            self.hub.tell(who, &PerDialect::new(notice), None);
        }
        for sight in &to_announce.sights {
            let of = (sight.of.id, &sight.of.user);
            self.presence
                .show_from_elsewhere(of, sight.to, sight.hidden_since);
        }
        for who in to_announce.erased {
            self.end_chat_user(who);
        }
        for user in to_announce.ended {
            self.end_named(&IdInput::Text(user)).await;
        }
    }
}
