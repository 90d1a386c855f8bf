//! Head and cursors of a chat room.

use super::{Look, Looker};
use crate::domain::{Counts, Cursors, Head, ReadCursor};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::Error;
use crate::store::chat_rooms::{ScannedHead, ScannedRoom};
use crate::verify::suspect::Tail;
use crate::verify::{Check, Finding};

/// What is wrong with a chat room.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::verify) enum Fault {
    /// The head, and what it should be.
    Head(ScannedHead),
    /// A delivered cursor beyond the last message.
    Delivered { member: String, seq: Seq },
    /// A sent cursor beyond the last message.
    Sent { member: String, seq: Seq },
    /// A read cursor beyond the last message or with a wrong count; and the correct values.
    Read {
        member: String,
        read: ReadCursor,
        to: (Seq, i64),
    },
}

/// Compares a chat room with its messages: it must contain at least what was seen at
/// `first`, and at most what exists `now`. `counts_at` gives the counts of the message at
/// a position, if known.
pub(in crate::verify) fn faults(
    room: &ScannedRoom,
    first: &Tail,
    now: &Tail,
    counts_at: impl Fn(Seq) -> Option<Counts>,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    let ScannedHead { seq, at, counts } = room.head;
    let seq_fits = (first.seq..=now.seq).contains(&seq);
    let at_fits = (first.at..=now.latest).contains(&at);
    let known = [first, now].into_iter().find(|tail| tail.seq == seq);
    let counts_fit = known.is_none_or(|tail| counts == Some(tail.counts));
    if !seq_fits || !at_fits || !counts_fit {
        faults.push(Fault::Head(ScannedHead {
            seq: now.seq,
            at: now.latest,
            counts: Some(now.counts),
        }));
    }
    for (member, cursors) in &room.cursors {
        let member = member.clone();
        let Cursors {
            delivered,
            sent,
            read,
        } = *cursors;
        if delivered > now.seq {
            let (member, seq) = (member.clone(), delivered);
            faults.push(Fault::Delivered { member, seq });
        }
        if sent.seq > now.seq {
            let (member, seq) = (member.clone(), sent.seq);
            faults.push(Fault::Sent { member, seq });
        }
        let counts = if read.seq > now.seq {
            Some((now.seq, now.counts))
        } else {
            counts_at(read.seq).map(|counts| (read.seq, counts))
        };
        let Some((seq, count)) =
            counts.and_then(|(seq, counts)| Some((seq, count_for(room, &member, counts)?)))
        else {
            continue;
        };
        if (read.seq, read.count) != (seq, count) {
            let to = (seq, count);
            faults.push(Fault::Read { member, read, to });
        }
    }
    faults
}

/// How many messages a member has received by these counts: those of the other.
fn count_for(room: &ScannedRoom, member: &str, counts: Counts) -> Option<i64> {
    let reader = room.members?.position(ChatUserId::parse(member)?)?;
    Some(*counts.of(reader.other()))
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
        let mut known = vec![(0, Counts::default())];
        for (_, cursors) in &room.cursors {
            let seq = cursors.read.seq;
            let message = self.store.messages.find_scanned_at(id, seq).await?;
            known.extend(message.and_then(|message| Some((seq, message.counts?))));
        }
        let counts_at = |seq| {
            let found = known.iter().find(|(at, _)| *at == seq);
            found.map(|(_, counts)| *counts)
        };
        let faults = faults(&room, first, &now, counts_at);
        if faults.is_empty() {
            return Ok(Look::Fine);
        }
        let mut findings = Vec::with_capacity(faults.len());
        for fault in faults {
            let mut finding = finding(&room, &fault, &now);
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
            counts: last.counts.unwrap_or(first.counts),
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
            Fault::Delivered { member, seq } => {
                rooms.mend_delivered(id, member, *seq, now.seq).await
            }
            Fault::Sent { member, seq } => rooms.mend_sent(id, member, *seq, now.seq).await,
            Fault::Read { member, read, to } => rooms.mend_read(id, member, *read, *to).await,
            Fault::Head(head) => {
                let mended = rooms.mend_head(id, room.head, *head).await?;
                // a head too far ahead has hidden messages stored in the meantime
                let newer = self.tail(id, now).await?;
                if let (true, Some(at)) = (newer.seq > head.seq, newer.latest) {
                    let (seq, counts) = (newer.seq, newer.counts);
                    rooms.move_head(id, Head { seq, at, counts }).await?;
                }
                Ok(mended)
            }
        }
    }
}

fn finding(room: &ScannedRoom, fault: &Fault, now: &Tail) -> Finding {
    let beyond = |what: &str, seq: Seq| format!("{what} up to {seq}, but the last is {}", now.seq);
    let (member, detail) = match fault {
        Fault::Head(_) => return Finding::new(Check::Head, head_detail(room, now)),
        Fault::Delivered { member, seq } => (member, beyond("delivered", *seq)),
        Fault::Sent { member, seq } => (member, beyond("sent", *seq)),
        Fault::Read { member, read, to } if read.seq == to.0 => {
            let ReadCursor { seq, count, .. } = read;
            let detail = format!("{count} messages read up to {seq}, but there are {}", to.1);
            (member, detail)
        }
        Fault::Read { member, read, .. } => (member, beyond("read", read.seq)),
    };
    Finding::new(Check::Cursor, detail).of("chatUser", member)
}

fn head_detail(room: &ScannedRoom, now: &Tail) -> String {
    if room.head.seq != now.seq {
        return format!(
            "`lastSeq` is {}, but the last is {}",
            room.head.seq, now.seq
        );
    }
    if room.head.counts == Some(now.counts) {
        "`lastMessageAt` is not the time of the last message".to_owned()
    } else {
        "`lastCounts` is not what the last message says".to_owned()
    }
}
