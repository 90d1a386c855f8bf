//! Counts what an adoption would do, by the same rules, and writes nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use bson::RawDocumentBuf;

use super::conversation::OldMessage;
use super::pairs::BYTES_AT_ONCE;
use super::run::Run;
use super::{AdoptError, Outcome, Report};
use crate::domain::Members;
use crate::id::{ChatRoomId, ChatUserId};
use crate::store::adopt::{Kind, OldRoom, OldUser, Pair, Reason, SetAside, Twins, Which};

/// Documents looked at together.
const PORTION: usize = 1_000;

/// What was counted so far.
#[derive(Default)]
struct Tally {
    twins: Twins,
    /// Chat users who cannot be taken over.
    unusable: HashSet<ChatUserId>,
    aside: BTreeMap<(Kind, Reason), u64>,
}

impl Tally {
    fn add(&mut self, kind: Kind, reason: Reason, count: u64) {
        *self.aside.entry((kind, reason)).or_default() += count;
    }
}

impl Run<'_> {
    /// Counts everything.
    pub(super) async fn survey(&mut self) -> Result<Report, AdoptError> {
        let before = self.adoption.look().await?;
        let found = before.totals();
        self.all = found.messages;
        let mut tally = Tally {
            twins: self.adoption.list_twins().await?,
            ..Tally::default()
        };
        self.survey_people(&mut tally).await?;
        self.survey_rooms(&mut tally).await?;
        self.survey_messages(&mut tally).await?;
        let mut report = self.report(Outcome::Planned);
        report.found = found;
        report.users_gone = self.count_gone().await?;
        report.writing = self.adoption.look().await?.changed_since(&before).is_some();
        let aside = tally.aside.into_iter().filter(|(_, count)| *count > 0);
        report.set_aside = aside
            .map(|((kind, reason), count)| SetAside {
                kind,
                reason,
                count,
            })
            .collect();
        for kind in Kind::ALL {
            *report.kept.of_mut(kind) = found.of(kind).saturating_sub(report.aside(kind));
        }
        Ok(report)
    }

    async fn survey_people(&self, tally: &mut Tally) -> Result<(), AdoptError> {
        let count = self.adoption.count_old(Kind::ChatUsers, Which::WithoutId);
        tally.add(Kind::ChatUsers, Reason::Malformed, count.await?);
        let mut users = self.adoption.scan_users(None);
        while let Some(old) = users.next().await? {
            let Some(id) = old.id else { continue };
            if let Err(reason) = self.judge(&old, id, &tally.twins) {
                tally.unusable.insert(id);
                tally.add(Kind::ChatUsers, reason, 1);
            }
        }
        self.heed_stop()
    }

    /// Counts the chat users, of those that are taken over, whose user is gone.
    pub(super) async fn count_gone(&self) -> Result<u64, AdoptError> {
        let twins = self.adoption.list_twins().await?;
        let mut users = self.adoption.scan_users(None);
        let (mut portion, mut gone) = (HashSet::new(), 0);
        loop {
            let next = users.next().await?;
            let ended = next.is_none();
            let judged = |old: OldUser| self.judge(&old, old.id?, &twins).ok();
            portion.extend(next.and_then(judged));
            if portion.len() < PORTION && !ended {
                continue;
            }
            let known = portion.iter().cloned().collect();
            let existing = self.adoption.store.users.list_existing(known).await?;
            gone += portion.len().saturating_sub(existing.len());
            portion.clear();
            self.heed_stop()?;
            if ended {
                return Ok(u64::try_from(gone).unwrap_or(u64::MAX));
            }
        }
    }

    async fn survey_rooms(&self, tally: &mut Tally) -> Result<(), AdoptError> {
        for (which, reason) in [
            (Which::WithOneself(&tally.twins), Reason::ToOneself),
            (Which::WithoutMembers(&tally.twins), Reason::Malformed),
        ] {
            let count = self.adoption.count_old(Kind::ChatRooms, which).await?;
            *tally.aside.entry((Kind::ChatRooms, reason)).or_default() += count;
        }
        let of_twins = self.adoption.list_twin_rooms(&tally.twins).await?;
        for (ids, reason) in [
            (of_twins.with_oneself, Reason::ToOneself),
            (of_twins.malformed, Reason::Malformed),
        ] {
            let count = u64::try_from(ids.len()).unwrap_or(u64::MAX);
            tally.add(Kind::ChatRooms, reason, count);
        }
        for some in of_twins.pairs.chunks(PORTION) {
            self.survey_pairs(some, tally).await?;
        }
        let mut pairs = self.adoption.scan_pairs(&tally.twins);
        let mut portion: Vec<Pair> = Vec::with_capacity(PORTION);
        loop {
            let next = pairs.next().await?.transpose()?;
            let ended = next.is_none();
            portion.extend(next);
            if portion.len() < PORTION && !ended {
                continue;
            }
            self.survey_pairs(&portion, tally).await?;
            portion.clear();
            if ended {
                return Ok(());
            }
        }
    }

    async fn survey_pairs(&self, pairs: &[Pair], tally: &mut Tally) -> Result<(), AdoptError> {
        let members = pairs.iter().map(|pair| pair.members);
        let people = self.existing(members, tally).await?;
        for Pair { members, rooms, .. } in pairs {
            let rooms = u64::try_from(rooms.len()).unwrap_or(u64::MAX);
            if are_all(*members, &people) {
                tally.add(Kind::ChatRooms, Reason::Merged, rooms.saturating_sub(1));
            } else {
                tally.add(Kind::ChatRooms, Reason::MemberMissing, rooms);
            }
        }
        self.heed_stop()
    }

    async fn survey_messages(&mut self, tally: &mut Tally) -> Result<(), AdoptError> {
        let mut messages = self.adoption.scan_all_messages();
        let mut portion: Vec<RawDocumentBuf> = Vec::with_capacity(PORTION);
        let mut bytes = 0;
        loop {
            let next = messages.next().await?;
            let ended = next.is_none();
            bytes += next.as_ref().map_or(0, |next| next.as_bytes().len());
            portion.extend(next);
            // chatzz 1.x stores messages of 2 MB
            if portion.len() < PORTION && bytes < BYTES_AT_ONCE && !ended {
                continue;
            }
            bytes = 0;
            let rooms: HashSet<ChatRoomId> = portion.iter().filter_map(room_of).collect();
            let rooms = rooms.into_iter().collect();
            let rooms = self.adoption.list_old_rooms(rooms, &tally.twins).await?;
            let members = rooms.iter().filter_map(|room| room.members);
            let people = self.existing(members, tally).await?;
            let rooms = rooms.into_iter().map(|room| (room.id, room));
            let rooms: HashMap<ChatRoomId, OldRoom> = rooms.collect();
            for message in portion.drain(..) {
                let room = room_of(&message).and_then(|room| rooms.get(&room));
                if let Err(reason) = judge(&message, room, &people, &tally.twins) {
                    tally.add(Kind::Messages, reason, 1);
                }
                self.messages += 1;
            }
            self.done(super::Step::Rooms)?;
            if ended {
                return Ok(());
            }
        }
    }

    /// The members who would be taken over.
    async fn existing(
        &self,
        members: impl Iterator<Item = Members>,
        tally: &Tally,
    ) -> Result<HashSet<ChatUserId>, AdoptError> {
        let people: HashSet<ChatUserId> = members.flat_map(|members| members.ids()).collect();
        let mut existing = self
            .adoption
            .list_old_users(people.into_iter().collect())
            .await?;
        existing.retain(|who| !tally.unusable.contains(who));
        Ok(existing)
    }
}

fn are_all(members: Members, people: &HashSet<ChatUserId>) -> bool {
    members.ids().iter().all(|one| people.contains(one))
}

fn room_of(message: &RawDocumentBuf) -> Option<ChatRoomId> {
    ChatRoomId::from_raw(message.get("chatRoom").ok()??)
}

/// Why a message would not be taken over.
fn judge(
    message: &RawDocumentBuf,
    room: Option<&OldRoom>,
    people: &HashSet<ChatUserId>,
    twins: &Twins,
) -> Result<(), Reason> {
    let room = room.ok_or(Reason::WithoutRoom)?;
    let members = room.members.filter(|members| are_all(*members, people));
    let members = members.ok_or(Reason::RoomSetAside)?;
    OldMessage::read(message, members, twins).map(drop)
}
