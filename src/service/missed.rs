//! Missed messages: those behind the delivered cursor, which never jumps.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::StreamExt as _;

use super::mark_sent::Extent;
use super::{Contact, Conversation, Error, Me, Messenger, People};
use crate::config::PagingConfig;
use crate::domain::{Counts, Message, Status};
use crate::id::{ChatRoomId, ChatUserId, Seq, UserId};
use crate::rooms::{Confirm, Member, Stored};
use crate::store::User;
use crate::store::messages::MissedPosition;

/// Chat rooms looked into at one login; of more, the newest.
const MAX_ROOMS: usize = 1_000;
/// Bytes of missed messages in one login, unless it is one alone: at 200 kbit/s ten seconds,
/// between two pings. The rest is counted, and fetched page by page.
const MAX_MISSED_BYTES: i64 = 256 * 1024;
/// Bytes of a message in an envelope, about, beside its text and its people.
const MESSAGE_BYTES: i64 = 300;
/// Messages that are read whole although some may be left out.
const READ_WHOLE: i64 = 100;
/// Chat rooms whose hand-over is recorded at the same time.
const ROOMS_AT_ONCE: usize = 64;

/// A range of a chat room that a socket was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentRange {
    /// The chat room.
    pub room: ChatRoomId,
    /// First position, included.
    pub first: Seq,
    /// Last position, included.
    pub last: Seq,
}

impl SentRange {
    /// That its receiver has it.
    pub fn confirmed_by(self, member: ChatUserId) -> Confirm {
        Confirm {
            room: self.room,
            member,
            first: self.first,
            last: self.last,
        }
    }
}

/// What a person missed.
pub(super) struct Missed {
    pub(super) messages: Vec<(UserId, Vec<Stored>)>,
    pub(super) sent_ranges: Vec<SentRange>,
}

impl Messenger {
    /// Lists what `me` missed, marks it handed over, and notes on the contacts
    /// what had to be left out.
    pub(super) async fn missed(
        &self,
        me: &Me,
        user: &Arc<User>,
        contacts: &mut [Contact],
        people: People,
    ) -> Result<Missed, Error> {
        // contacts come newest conversation first
        let behind: Vec<(ChatRoomId, Seq)> = contacts
            .iter()
            .filter(|contact| contact.last_seq() > contact.cursors.delivered)
            .map(|contact| (contact.room, contact.cursors.delivered))
            .collect();
        let bounds = Bounds::of(&self.paging, user, contacts, people);
        let looked_into = behind.get(..MAX_ROOMS).unwrap_or(&behind);
        let most = contacts
            .iter()
            .map(|contact| contact.last_seq() - contact.cursors.delivered)
            .map(|behind| behind.clamp(0, i64::from(self.paging.missed_per_contact) + 1))
            .sum();
        let (found, mut cut) = self.newest_missed(me, looked_into, most, &bounds).await?;
        let skipped = behind.get(MAX_ROOMS..).unwrap_or_default();
        cut.extend(skipped.iter().map(|(room, _)| *room));
        self.note_cut(contacts, &cut).await?;
        for contact in contacts.iter_mut() {
            // of some it was not known whether all were found
            let found = found.get(&contact.room).map_or(0, Vec::len);
            let is_whole = |(missed, _)| usize::try_from(missed).is_ok_and(|all| all == found);
            contact.cut = contact.cut.filter(|cut| !is_whole(*cut));
        }
        let mut kept = self.record(me, user, contacts, found).await?;

        let mut missed = Missed {
            messages: Vec::with_capacity(kept.len()),
            sent_ranges: Vec::new(),
        };
        for contact in contacts.iter() {
            let messages = kept.remove(&contact.room).unwrap_or_default();
            let newest = messages.last().map_or(0, |stored| stored.message.seq);
            let last = contact.last_seq().max(newest);
            // from the first: the lane may know an older cursor than the database
            let whole = 1;
            match messages.first() {
                // without a gap everything behind the cursor is here or mine
                Some(oldest) => missed.sent_ranges.push(SentRange {
                    room: contact.room,
                    first: if contact.cut.is_some() {
                        oldest.message.seq
                    } else {
                        whole
                    },
                    last,
                }),
                None if contact.cut.is_none() && last > contact.cursors.delivered => {
                    self.confirm(Confirm {
                        room: contact.room,
                        member: me.id,
                        first: whole,
                        last,
                    });
                }
                None => {}
            }
            if messages.is_empty() {
                continue;
            }
            missed.messages.push((contact.user.id.clone(), messages));
        }
        Ok(missed)
    }

    /// The newest messages of each of these chat rooms and of all together, as many
    /// as one login may bring, and the chat rooms of which some may have been left out.
    async fn newest_missed(
        &self,
        me: &Me,
        rooms: &[(ChatRoomId, Seq)],
        most: i64,
        bounds: &Bounds,
    ) -> Result<(HashMap<ChatRoomId, Vec<Message>>, HashSet<ChatRoomId>), Error> {
        let of_read = |error| Error::of_read(&error);
        let messages = &self.store.messages;
        let limit = i64::from(bounds.per_room) + 1;
        let (mut found, selected) = if most <= READ_WHOLE {
            let found = messages.list_missed(me.id, rooms, limit).await;
            let found = found.map_err(of_read)?;
            let places = found.iter().map(MissedPosition::of).collect();
            (found, bounds.select(places))
        } else {
            let most = bounds.most() + 1;
            let places = messages.list_missed_places(me.id, rooms, limit, most);
            let places = places.await.map_err(of_read)?;
            let are_all = i64::try_from(places.len()).is_ok_and(|found| found < most);
            let mut selected = bounds.select(places);
            if !are_all {
                selected.1.extend(rooms.iter().map(|(room, _)| *room));
            }
            let places: Vec<(ChatRoomId, Seq)> = selected.0.iter().copied().collect();
            (messages.list_at(&places).await.map_err(of_read)?, selected)
        };
        let (places, cut) = selected;
        found.sort_by_key(|message| message.seq);
        let mut kept: HashMap<ChatRoomId, Vec<Message>> = HashMap::new();
        for message in found
            .into_iter()
            .filter(|message| places.contains(&(message.chat_room, message.seq)))
        {
            kept.entry(message.chat_room).or_default().push(message);
        }
        Ok((kept, cut))
    }

    /// Notes how much was left out, and from where to go on: by the counts of the last
    /// message and of the last confirmed one.
    pub(super) async fn note_cut(
        &self,
        contacts: &mut [Contact],
        cut: &HashSet<ChatRoomId>,
    ) -> Result<(), Error> {
        let places = contacts
            .iter()
            .filter(|contact| cut.contains(&contact.room) && contact.cursors.delivered > 0)
            .map(|contact| (contact.room, contact.cursors.delivered));
        let places: Vec<_> = places.collect();
        let confirmed = self.store.messages.list_at(&places).await;
        let confirmed = confirmed.map_err(|error| Error::of_read(&error))?;
        let confirmed: HashMap<ChatRoomId, Counts> = confirmed
            .into_iter()
            .map(|m| (m.chat_room, m.counts))
            .collect();
        for contact in contacts.iter_mut().filter(|one| cut.contains(&one.room)) {
            let last = contact.last_message.as_ref();
            let (Some(last), Some(other)) = (last, contact.members.position(contact.id)) else {
                continue;
            };
            let confirmed = confirmed.get(&contact.room);
            let confirmed = confirmed.map_or(0, |counts| *counts.of(other));
            let missed = last.message.counts.of(other) - confirmed;
            if missed > 0 {
                contact.cut = Some((missed, contact.cursors.delivered + 1));
            }
        }
        Ok(())
    }

    /// Marks what a device is about to get as `sent`: one range a room.
    async fn record(
        &self,
        me: &Me,
        user: &Arc<User>,
        contacts: &[Contact],
        mut found: HashMap<ChatRoomId, Vec<Message>>,
    ) -> Result<HashMap<ChatRoomId, Vec<Stored>>, Error> {
        let taken = contacts.iter().filter_map(|contact| {
            let messages = found.remove(&contact.room);
            if messages.is_none() && contact.cut.is_none() {
                return None;
            }
            let messages = messages.unwrap_or_default().into_iter();
            let messages = messages.map(|message| Stored {
                delivery: message.delivery(&contact.cursors, &[]),
                message,
                from: Arc::clone(&contact.user),
                to: Arc::clone(user),
                receiver: me.id,
                origin: None,
            });
            let messages: Vec<Stored> = messages.collect();
            let extent = Extent::UpTo {
                last: contact.last_seq(),
                in_full: contact.cut.is_none(),
            };
            Some((contact.conversation(me, user), messages, extent))
        });
        let taken: Vec<_> = taken.collect();
        count_redelivered(taken.iter().flat_map(|(_, messages, _)| messages));
        let mut recorded = futures::stream::iter(taken)
            .map(|(conversation, mut messages, extent)| async move {
                self.mark_sent(&conversation, &mut messages, extent).await?;
                Ok::<_, Error>((conversation.room, messages))
            })
            .buffer_unordered(ROOMS_AT_ONCE);
        let mut kept = HashMap::new();
        while let Some(done) = recorded.next().await {
            let (room, messages) = done?;
            kept.insert(room, messages);
        }
        Ok(kept)
    }
}

/// Counts what was handed over before and is handed over again.
fn count_redelivered<'a>(kept: impl Iterator<Item = &'a Stored>) {
    let again = kept.filter(|stored| stored.delivery.status != Status::NotSent);
    let again = u64::try_from(again.count()).unwrap_or(u64::MAX);
    metrics::counter!("chatzz_redeliveries_total").increment(again);
}

/// What one login may contain of missed messages.
struct Bounds {
    per_room: u32,
    total: u32,
    /// Bytes of the two people in each message of a chat room.
    people: HashMap<ChatRoomId, i64>,
}

impl Bounds {
    fn of(paging: &PagingConfig, user: &User, contacts: &[Contact], people: People) -> Self {
        let people = contacts.iter().map(|contact| {
            let bytes = people.bytes([user, &contact.user]);
            (contact.room, i64::try_from(bytes).unwrap_or(i64::MAX))
        });
        Self {
            per_room: paging.missed_per_contact,
            total: paging.missed_total,
            people: people.collect(),
        }
    }

    /// No more messages fit, however short they are.
    fn most(&self) -> i64 {
        i64::from(self.total).min(MAX_MISSED_BYTES / MESSAGE_BYTES)
    }

    /// Keeps the newest of each chat room and of all, as far as they fit; tells which rooms
    /// lost some. What is kept of a room has no gap.
    fn select(
        &self,
        mut places: Vec<MissedPosition>,
    ) -> (HashSet<(ChatRoomId, Seq)>, HashSet<ChatRoomId>) {
        places.sort_by_key(|place| Reverse((place.created_at, place.seq)));
        let mut kept = HashSet::new();
        let mut counts: HashMap<ChatRoomId, u32> = HashMap::new();
        let mut cut = HashSet::new();
        let (mut all, mut bytes) = (0, 0_i64);
        for place in places {
            let room = place.chat_room;
            let count = counts.entry(room).or_default();
            let people = self.people.get(&room).copied().unwrap_or_default();
            let size = place
                .size
                .saturating_add(people)
                .saturating_add(MESSAGE_BYTES);
            let fits = all == 0 || bytes.saturating_add(size) <= MAX_MISSED_BYTES;
            if fits && all < self.total && *count < self.per_room && !cut.contains(&room) {
                all += 1;
                bytes = bytes.saturating_add(size);
                *count += 1;
                kept.insert((room, place.seq));
            } else {
                cut.insert(room);
            }
        }
        (kept, cut)
    }
}

impl Contact {
    fn conversation(&self, me: &Me, user: &Arc<User>) -> Conversation {
        Conversation {
            room: self.room,
            members: self.members,
            me: Member {
                id: me.id,
                user: Arc::clone(user),
            },
            other: Member {
                id: self.id,
                user: Arc::clone(&self.user),
            },
        }
    }

    pub(super) fn last_seq(&self) -> Seq {
        self.last_message
            .as_ref()
            .map_or(0, |last| last.message.seq)
    }
}
