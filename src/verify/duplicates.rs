//! Duplicates that a unique index would refuse, searched for where that index is missing.

use super::run::Run;
use super::suspect::Suspect;
use super::{Check, Finding, VerifyError};
use crate::store::{chat_rooms, messages, shown};

/// Documents between two checks of the bounds.
const STRIDE: usize = 1_000;

impl Run<'_> {
    /// Searches for several rooms of one pair, and several messages of one send.
    pub(super) async fn duplicates(&mut self) -> Result<(), VerifyError> {
        if !self.is_sound(chat_rooms::PAIR) {
            self.duplicate_rooms().await?;
        }
        if !self.is_sound(messages::CLIENT_ID) {
            self.duplicate_sends().await?;
        }
        Ok(())
    }

    /// Whether an index exists as declared.
    pub(super) fn is_sound(&self, index: &str) -> bool {
        self.sound.iter().any(|name| name == index)
    }

    async fn duplicate_rooms(&mut self) -> Result<(), VerifyError> {
        let mut rooms = self.store.chat_rooms.scan_by_pair();
        let mut first = rooms.next().await?;
        for number in 1.. {
            let (Some(known), Some(room)) = (&first, rooms.next().await?) else {
                break;
            };
            if room.pair != known.pair {
                first = Some(room);
            } else if let (Some(known), Some(id)) = (known.id, room.id) {
                let detail = format!("the pair also has the chat room {known}");
                let finding = Finding::new(Check::DuplicateRoom, detail).of("chatRoom", id);
                self.suspects.push(Suspect::Sure(finding));
            }
            if number % STRIDE == 0 {
                self.midway().await?;
            }
        }
        Ok(())
    }

    async fn duplicate_sends(&mut self) -> Result<(), VerifyError> {
        let mut keys = self.store.messages.scan_send_keys();
        let mut first = keys.next().await?;
        for number in 1.. {
            let (Some(known), Some(key)) = (&first, keys.next().await?) else {
                break;
            };
            if (&key.room, &key.from, &key.client_id)
                == (&known.room, &known.from, &known.client_id)
            {
                let known = shown(&known.id);
                let detail = format!("message {known} has the same sender and client id");
                let finding = Finding::new(Check::DuplicateClientId, detail);
                let finding = finding.of("message", shown(&key.id));
                self.suspects.push(Suspect::Sure(finding));
            } else {
                first = Some(key);
            }
            if number % STRIDE == 0 {
                self.midway().await?;
            }
        }
        Ok(())
    }
}
