//! Missed messages: those behind the delivered cursor, which never jumps.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::StreamExt as _;

use super::{Contact, Conversation, Error, Me, Messenger};
use crate::bugs::{self, Bug};
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq, UserId};
use crate::lanes::{Confirm, Member, Stored};
use crate::store::messages::Place;
use crate::store::{Message, Status, User};

/// Chat rooms looked into at one login; of more, the newest.
const MOST_ROOMS: usize = 1_000;
/// Chat rooms whose hand-over is recorded at the same time.
const ROOMS_AT_ONCE: usize = 64;

/// A range of a chat room that a socket was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandedOver {
    /// The chat room.
    pub room: ChatRoomId,
    /// First position, included.
    pub first: Seq,
    /// Last position, included.
    pub last: Seq,
}

impl HandedOver {
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
    pub(super) handed_over: Vec<HandedOver>,
}

impl Messenger {
    /// Lists what `me` missed, marks it handed over, and notes on the contacts
    /// what had to be left out.
    pub(super) async fn missed(
        &self,
        me: &Me,
        user: &Arc<User>,
        contacts: &mut [Contact],
    ) -> Result<Missed, Error> {
        // contacts come newest conversation first
        let behind: Vec<(ChatRoomId, Seq)> = contacts
            .iter()
            .filter(|contact| contact.last_seq() > contact.delivered)
            .map(|contact| (contact.room, contact.delivered))
            .collect();
        let looked_into = behind.get(..MOST_ROOMS).unwrap_or(&behind);
        let most = contacts
            .iter()
            .map(|contact| contact.last_seq() - contact.delivered)
            .map(|behind| behind.clamp(0, i64::from(self.paging.missed_per_contact) + 1))
            .sum();
        let (mut kept, mut cut) = self.newest_missed(me, looked_into, most).await?;
        let skipped = behind.get(MOST_ROOMS..).unwrap_or_default();
        cut.extend(skipped.iter().map(|(room, _)| *room));
        count_redelivered(&kept);
        self.note_cut(me, contacts, &cut).await?;
        self.record(me, user, contacts, &mut kept).await?;

        let mut missed = Missed {
            messages: Vec::with_capacity(kept.len()),
            handed_over: Vec::new(),
        };
        for contact in contacts.iter() {
            let messages = kept.remove(&contact.room).unwrap_or_default();
            let newest = messages.last().map_or(0, |message| message.seq);
            let last = contact.last_seq().max(newest);
            // from the first: the lane may know an older cursor than the database
            let whole = 1;
            match messages.first() {
                // without a gap everything behind the cursor is here or mine
                Some(oldest) => missed.handed_over.push(HandedOver {
                    room: contact.room,
                    first: if contact.cut.is_some() {
                        oldest.seq
                    } else {
                        whole
                    },
                    last,
                }),
                None if contact.cut.is_none() && last > contact.delivered => {
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
            let messages = messages.into_iter().map(|message| Stored {
                message,
                from: Arc::clone(&contact.user),
                to: Arc::clone(user),
                origin: None,
            });
            missed
                .messages
                .push((contact.user.id.clone(), messages.collect()));
        }
        Ok(missed)
    }

    /// The newest messages of each of these chat rooms and of all together, as many
    /// as one login may bring, and the chat rooms of which some were left out.
    async fn newest_missed(
        &self,
        me: &Me,
        rooms: &[(ChatRoomId, Seq)],
        most: i64,
    ) -> Result<(HashMap<ChatRoomId, Vec<Message>>, HashSet<ChatRoomId>), Error> {
        let of_read = |error| Error::of_read(&error);
        let messages = &self.store.messages;
        let (per_room, total) = (self.paging.missed_per_contact, self.paging.missed_total);
        let limit = i64::from(per_room) + 1;
        // nearly all are kept, or the most of them would be read for nothing
        let (mut found, select) = if most <= 2 * i64::from(total) {
            let found = messages.list_missed(me.id, rooms, limit).await;
            let found = found.map_err(of_read)?;
            let places = found.iter().map(Place::of).collect();
            (found, select(places, per_room, total))
        } else {
            let places = messages.list_missed_places(me.id, rooms, limit).await;
            let select = select(places.map_err(of_read)?, per_room, total);
            let ids: Vec<MessageId> = select.0.iter().copied().collect();
            (messages.list(&ids).await.map_err(of_read)?, select)
        };
        let (ids, cut) = select;
        if bugs::active(Bug::MissedByStatus) {
            found.retain(|message| message.status == Status::NotSent);
        }
        found.sort_by_key(|message| message.seq);
        let mut kept: HashMap<ChatRoomId, Vec<Message>> = HashMap::new();
        for message in found
            .into_iter()
            .filter(|message| ids.contains(&message.id))
        {
            kept.entry(message.chat_room).or_default().push(message);
        }
        Ok((kept, cut))
    }

    /// Notes how much was left out, and from where to go on.
    async fn note_cut(
        &self,
        me: &Me,
        contacts: &mut [Contact],
        cut: &HashSet<ChatRoomId>,
    ) -> Result<(), Error> {
        if cut.is_empty() {
            return Ok(());
        }
        let positions: Vec<(ChatRoomId, Seq)> = contacts
            .iter()
            .filter(|contact| cut.contains(&contact.room))
            .map(|contact| (contact.room, contact.delivered))
            .collect();
        let counts = self
            .store
            .messages
            .count_after(me.id, &positions)
            .await
            .map_err(|error| Error::of_read(&error))?;
        for contact in contacts {
            if let Some(count) = counts.get(&contact.room) {
                contact.cut = Some((*count, contact.delivered + 1));
            }
        }
        Ok(())
    }

    /// Marks what is about to be told as handed over: one range a room.
    async fn record(
        &self,
        me: &Me,
        user: &Arc<User>,
        contacts: &[Contact],
        kept: &mut HashMap<ChatRoomId, Vec<Message>>,
    ) -> Result<(), Error> {
        let taken = contacts.iter().filter_map(|contact| {
            let messages = kept.remove(&contact.room)?;
            let conversation = Conversation {
                room: contact.room,
                me: Member {
                    id: me.id,
                    user: Arc::clone(user),
                },
                other: Member {
                    id: contact.id,
                    user: Arc::clone(&contact.user),
                },
            };
            Some((conversation, messages))
        });
        let taken: Vec<(Conversation, Vec<Message>)> = taken.collect();
        let mut recorded = futures::stream::iter(taken)
            .map(|(conversation, mut messages)| async move {
                self.hand_over(&conversation, &mut messages).await?;
                Ok::<_, Error>((conversation.room, messages))
            })
            .buffer_unordered(ROOMS_AT_ONCE);
        while let Some(done) = recorded.next().await {
            let (room, messages) = done?;
            kept.insert(room, messages);
        }
        Ok(())
    }
}

/// Counts what was handed over before and is handed over again.
fn count_redelivered(kept: &HashMap<ChatRoomId, Vec<Message>>) {
    let again = kept
        .values()
        .flatten()
        .filter(|m| m.status != Status::NotSent);
    let again = u64::try_from(again.count()).unwrap_or(u64::MAX);
    metrics::counter!("chatzz_redeliveries_total").increment(again);
}

/// Keeps the newest `per_room` of each chat room and the newest `total` of all;
/// tells which rooms lost some.
fn select(
    mut places: Vec<Place>,
    per_room: u32,
    total: u32,
) -> (HashSet<MessageId>, HashSet<ChatRoomId>) {
    places.sort_by_key(|place| Reverse((place.created_at, place.seq)));
    let mut kept = HashSet::new();
    let mut counts: HashMap<ChatRoomId, u32> = HashMap::new();
    let mut cut = HashSet::new();
    let mut all = 0;
    for place in places {
        let count = counts.entry(place.chat_room).or_default();
        if all < total && *count < per_room {
            all += 1;
            *count += 1;
            kept.insert(place.id);
        } else {
            cut.insert(place.chat_room);
        }
    }
    (kept, cut)
}

impl Contact {
    pub(super) fn last_seq(&self) -> Seq {
        self.last_message
            .as_ref()
            .map_or(0, |last| last.message.seq)
    }
}
