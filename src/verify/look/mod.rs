//! The second look at a suspect, and the repair of confirmed ones.

mod head;
mod presence;

use bson::{Bson, DateTime};

pub(super) use head::faults;

use super::suspect::Suspect;
use super::{Check, Finding, Options};
use crate::domain::Counts;
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::{Error, Store, shown};

/// Attempts at one repair, each on the state at that time.
const MAX_REPAIRS: usize = 5;

/// The result of a look.
pub(super) enum Look {
    /// Nothing is wrong, or not any more.
    Fine,
    /// It is still wrong.
    Stands(Vec<Finding>),
}

/// Looks again; repairs at the last look if asked to.
#[derive(Clone)]
pub(super) struct Looker {
    store: Store,
    repair: bool,
    now: DateTime,
}

impl Looker {
    pub(super) fn new(store: Store, options: &Options) -> Self {
        Self {
            store,
            repair: options.repair,
            now: options.clock.now(),
        }
    }

    /// Looks at one suspect; `last` marks the look after which it is reported.
    ///
    /// A repair that finds a newer state is tried again on that state.
    pub(super) async fn look(&self, suspect: &Suspect, last: bool) -> Result<Look, Error> {
        let mend = last && self.repair;
        let mut findings = Vec::new();
        let mut refused = Vec::new();
        for _ in 0..MAX_REPAIRS {
            let found = match self.look_once(suspect, mend).await? {
                Look::Stands(found) => found,
                // what was refused before has been corrected by somebody else
                _ if !findings.is_empty() => return Ok(Look::Stands(findings)),
                Look::Fine => return Ok(Look::Fine),
            };
            let split = found.into_iter().partition(|f| f.repaired == Some(false));
            let (not_mended, others): (Vec<Finding>, Vec<Finding>) = split;
            findings.extend(others);
            refused = not_mended;
            if refused.is_empty() {
                break;
            }
        }
        findings.extend(refused);
        Ok(Look::Stands(findings))
    }

    async fn look_once(&self, suspect: &Suspect, mend: bool) -> Result<Look, Error> {
        match suspect {
            Suspect::Sure(finding) => Ok(Look::Stands(vec![finding.clone()])),
            Suspect::Gap { room, first, last } => self.gap(*room, *first, *last).await,
            Suspect::Counts { id, room, counts } => self.counts(id, *room, *counts, mend).await,
            Suspect::ReadAt { id, room } => self.read_at(id, *room, mend).await,
            Suspect::Changes { room } => self.changes(*room, mend).await,
            Suspect::Room { id, tail } => self.head(*id, tail, mend).await,
            Suspect::Orphans { room, first, count } => self.orphans(*room, first, *count).await,
            Suspect::Member { room, user } => self.member(*room, *user).await,
            Suspect::Presence { user } => self.presence(*user, mend).await,
        }
    }

    async fn gap(&self, room: ChatRoomId, first: Seq, last: Seq) -> Result<Look, Error> {
        if self.store.messages.count_between(room, first, last).await? > 0 {
            return Ok(Look::Fine);
        }
        let detail = match (first, last) {
            (1, last) => format!("it begins with `seq` {}", last + 1),
            (first, last) if first == last => format!("`seq` {first} is missing"),
            (first, last) => format!("`seq` {first} to {last} are missing"),
        };
        Ok(found(
            Finding::new(Check::SeqGap, detail).of("chatRoom", room),
        ))
    }

    async fn counts(
        &self,
        id: &Bson,
        room: ChatRoomId,
        counts: Counts,
        mend: bool,
    ) -> Result<Look, Error> {
        let messages = &self.store.messages;
        let Some(message) = messages.find_scanned(id).await? else {
            return Ok(Look::Fine);
        };
        if message.counts == Some(counts) {
            return Ok(Look::Fine);
        }
        let detail = match message.counts {
            None => "`counts` is missing or no pair of numbers",
            Some(_) => "`counts` is not what the messages before it add up to",
        };
        let mut finding = Finding::new(Check::Counts, detail)
            .of("chatRoom", room)
            .of("message", shown(id));
        if mend {
            let mended = messages.mend_counts(&message, counts);
            finding.repaired = Some(mended.await?);
        }
        Ok(found(finding))
    }

    async fn read_at(&self, id: &Bson, room: ChatRoomId, mend: bool) -> Result<Look, Error> {
        let message = self.store.messages.find_scanned(id).await?;
        let document = self.store.chat_rooms.find_scanned(room).await?;
        let (Some(message), Some(document)) = (message, document) else {
            return Ok(Look::Fine);
        };
        let (Some(seq), Some(to)) = (message.seq, message.to) else {
            return Ok(Look::Fine);
        };
        let (member, read) = (to.to_hex(), document.read(to));
        if !message.read || read.seq >= seq {
            return Ok(Look::Fine);
        }
        let detail = "`readAt` is set, but its receiver has not read so far";
        let mut finding = Finding::new(Check::Status, detail)
            .of("chatRoom", room)
            .of("message", shown(id));
        let sender = document.members.and_then(|members| {
            let sender = members.position(members.other(to))?;
            Some(*message.counts?.of(sender))
        });
        if let (true, Some(count)) = (mend, sender) {
            let rooms = &self.store.chat_rooms;
            let mended = rooms.mend_read(room, &member, read, (seq, count));
            finding.repaired = Some(mended.await?);
        }
        Ok(found(finding))
    }

    async fn changes(&self, room: ChatRoomId, mend: bool) -> Result<Look, Error> {
        // the chat room is raised first
        let last = self.store.messages.find_last_rev(room).await?;
        let Some(document) = self.store.chat_rooms.find_scanned(room).await? else {
            return Ok(Look::Fine);
        };
        if document.rev >= last {
            return Ok(Look::Fine);
        }
        let known = document.rev;
        let detail = format!("its `rev` is {known}, but a message was changed by `rev` {last}");
        let mut finding = Finding::new(Check::Changes, detail).of("chatRoom", room);
        if mend {
            self.store.chat_rooms.raise_rev(room, last).await?;
            finding.repaired = Some(true);
        }
        Ok(found(finding))
    }

    async fn orphans(&self, room: ChatRoomId, first: &str, count: u64) -> Result<Look, Error> {
        if self.store.chat_rooms.find_scanned(room).await?.is_some() {
            return Ok(Look::Fine);
        }
        let detail = format!("{count} messages of a chat room that does not exist");
        let finding = Finding::new(Check::Orphan, detail);
        Ok(found(finding.of("chatRoom", room).of("message", first)))
    }

    async fn member(&self, room: ChatRoomId, user: ChatUserId) -> Result<Look, Error> {
        if self.store.chat_users.find_scanned(user).await?.is_some() {
            return Ok(Look::Fine);
        }
        let finding = Finding::new(Check::MemberMissing, "a member has no chat user");
        Ok(found(finding.of("chatRoom", room).of("chatUser", user)))
    }
}

fn found(finding: Finding) -> Look {
    Look::Stands(vec![finding])
}
