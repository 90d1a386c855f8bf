//! Missed messages: those behind the delivered cursor, which never jumps.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::StreamExt as _;

use super::{Contact, Conversation, Error, Me, Messenger};
use crate::bugs::{self, Bug};
use crate::id::{ChatRoomId, ChatUserId, Seq, UserId};
use crate::lanes::{Confirm, Member, Stored};
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
        let per_room = i64::from(self.paging.missed_per_contact);
        let mut found = self
            .store
            .messages
            .list_missed(me.id, looked_into, per_room + 1)
            .await
            .map_err(|error| Error::of_read(&error))?;
        if bugs::active(Bug::MissedByStatus) {
            found.retain(|message| message.status == Status::NotSent);
        }
        let total = usize::try_from(self.paging.missed_total).unwrap_or(usize::MAX);
        let per_room = usize::try_from(per_room).unwrap_or(usize::MAX);
        let (mut kept, mut cut) = select(found, per_room, total);
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
    mut found: Vec<Message>,
    per_room: usize,
    total: usize,
) -> (HashMap<ChatRoomId, Vec<Message>>, HashSet<ChatRoomId>) {
    found.sort_by_key(|message| Reverse((message.created_at, message.seq)));
    let mut kept: HashMap<ChatRoomId, Vec<Message>> = HashMap::new();
    let mut cut = HashSet::new();
    let mut count = 0;
    for message in found {
        let room = kept.entry(message.chat_room).or_default();
        if count < total && room.len() < per_room {
            count += 1;
            room.push(message);
        } else {
            cut.insert(message.chat_room);
        }
    }
    for messages in kept.values_mut() {
        messages.reverse();
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
