//! Heads and delivered cursors of a chat room.

use super::{Look, Looker};
use crate::id::{ChatRoomId, Seq};
use crate::store::Error;
use crate::store::chat_rooms::{Heads, ScannedRoom};
use crate::verify::suspect::Tail;
use crate::verify::{Check, Finding};

/// What is wrong about a chat room.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::verify) enum Fault {
    /// The head, and what it should be.
    Head(Heads),
    /// A cursor beyond the last message.
    Cursor { member: String, delivered: Seq },
}

/// Compares a chat room with its messages: it must know at least what was seen
/// at `first`, and at most what there is `now`.
pub(in crate::verify) fn faults(room: &ScannedRoom, first: &Tail, now: &Tail) -> Vec<Fault> {
    let mut faults = Vec::new();
    let Heads { seq, at } = room.heads;
    let seq_fits = (first.seq..=now.seq).contains(&seq);
    let at_fits = (first.at..=now.latest).contains(&at);
    if !seq_fits || !at_fits {
        faults.push(Fault::Head(Heads {
            seq: now.seq,
            at: now.latest,
        }));
    }
    let beyond = room.cursors.iter().filter(|(_, seq)| *seq > now.seq);
    faults.extend(beyond.map(|(member, delivered)| Fault::Cursor {
        member: member.clone(),
        delivered: *delivered,
    }));
    faults
}

impl Looker {
    pub(super) async fn head(
        &self,
        id: ChatRoomId,
        first: &Tail,
        mend: bool,
    ) -> Result<Look, Error> {
        // in this order: a head is written after its message
        let Some(room) = self.store.chat_rooms.find_scanned(id).await? else {
            return Ok(Look::Fine);
        };
        let now = self.tail(id, first).await?;
        let faults = faults(&room, first, &now);
        if faults.is_empty() {
            return Ok(Look::Fine);
        }
        let mut findings = Vec::with_capacity(faults.len());
        for fault in faults {
            let mut finding = match &fault {
                Fault::Head(_) => Finding::new(Check::Head, head_detail(&room, &now)),
                Fault::Cursor { member, delivered } => {
                    let detail =
                        format!("delivered up to {delivered}, but the last is {}", now.seq);
                    Finding::new(Check::Cursor, detail).of("chatUser", member)
                }
            };
            if mend {
                finding.repaired = Some(self.mend(id, &room, &fault, &now).await?);
            }
            findings.push(finding.of("chatRoom", id));
        }
        Ok(Look::Stands(findings))
    }

    async fn tail(&self, id: ChatRoomId, first: &Tail) -> Result<Tail, Error> {
        let last = self.store.messages.find_last_numbered(id).await?;
        let Some(last) = last.filter(|last| last.seq > Some(0)) else {
            return Ok(*first);
        };
        Ok(Tail {
            seq: last.seq.unwrap_or_default(),
            at: last.created_at.or(first.at),
            latest: last.created_at.max(first.latest),
        })
    }

    async fn mend(
        &self,
        id: ChatRoomId,
        room: &ScannedRoom,
        fault: &Fault,
        now: &Tail,
    ) -> Result<bool, Error> {
        let rooms = &self.store.chat_rooms;
        match fault {
            Fault::Cursor { member, delivered } => {
                rooms.mend_cursor(id, member, *delivered, now.seq).await
            }
            Fault::Head(head) => {
                let mended = rooms.mend_head(id, room.heads, *head).await?;
                // a head too far on has hidden what was stored meanwhile
                let newer = self.tail(id, now).await?;
                if let (true, Some(at)) = (newer.seq > head.seq, newer.latest) {
                    rooms.move_head(id, newer.seq, at).await?;
                }
                Ok(mended)
            }
        }
    }
}

fn head_detail(room: &ScannedRoom, now: &Tail) -> String {
    if room.heads.seq == now.seq {
        "`lastMessageAt` is not the time of the last message".to_owned()
    } else {
        format!(
            "`lastSeq` is {}, but the last is {}",
            room.heads.seq, now.seq
        )
    }
}
