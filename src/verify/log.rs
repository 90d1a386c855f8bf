//! The log of events: no position is missing, the messages of a chat room are in their
//! order, and each of them is stored.

use std::collections::HashMap;

use super::run::Run;
use super::{Check, Finding, VerifyError};
use crate::id::{ChatRoomId, MessageId, Seq};
use crate::store::Entry;
use crate::store::messages::Made;

/// Entries read at once.
const ENTRIES_AT_ONCE: i64 = 100;

impl Run<'_> {
    /// Reads the log from its oldest entry to the newest. What is written is never changed,
    /// so that nothing is to be looked at again.
    pub(super) async fn log(&mut self) -> Result<(), VerifyError> {
        let mut last: Option<i64> = None;
        // the last message of each chat room so far
        let mut rooms: HashMap<ChatRoomId, Seq> = HashMap::new();
        loop {
            let from = last.map_or(1, |last| last + 1);
            let entries = self.store.events.list_from(from, ENTRIES_AT_ONCE).await?;
            if entries.is_empty() {
                return Ok(());
            }
            for entry in &entries {
                if let Some(before) = last.filter(|before| before + 1 != entry.id) {
                    let detail = format!("after entry {before} comes entry {}", entry.id);
                    self.report_finding(Finding::new(Check::Log, detail).of("entry", entry.id));
                }
                last = Some(entry.id);
                self.order(entry, &mut rooms);
                self.stored(entry).await?;
            }
            self.midway().await?;
        }
    }

    /// What was written before may come once more, but none is left out.
    fn order(&mut self, entry: &Entry, rooms: &mut HashMap<ChatRoomId, Seq>) {
        for message in &entry.messages {
            let last = rooms.entry(message.room).or_insert(message.seq);
            if message.seq > *last + 1 {
                let detail = format!("message {} follows message {last}", message.seq);
                let finding = Finding::new(Check::Log, detail).of("entry", entry.id);
                self.report_finding(finding.of("chatRoom", message.room));
            }
            *last = message.seq.max(*last);
        }
    }

    async fn stored(&mut self, entry: &Entry) -> Result<(), VerifyError> {
        let ids = entry.messages.iter().map(|message| message.id).collect();
        let stored = self.store.messages.list_made(ids).await?;
        let stored: HashMap<MessageId, Made> = stored
            .into_iter()
            .map(|message| (message.id, message))
            .collect();
        for message in &entry.messages {
            let detail = match stored.get(&message.id) {
                Some(stored) if (stored.room, stored.seq) == (message.room, message.seq) => {
                    continue;
                }
                Some(_) => "the log names another position of a message than is stored",
                None => "the log names a message that is not stored",
            };
            let finding = Finding::new(Check::Log, detail).of("entry", entry.id);
            self.report_finding(finding.of("message", message.id));
        }
        Ok(())
    }
}
