//! A batch of messages on their way into the database.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bson::DateTime;
use tokio::time::Instant;

use super::command::{Answer, Append, Caller, LaneError, Member, Outlet, Stored};
use super::inbox::{Overdue, answer_once};
use crate::domain::{Content, Delivery, Head, Members, Message};
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};

/// One message of the batch and what hangs on it.
pub(super) struct Item {
    pub(super) id: MessageId,
    pub(super) append: PendingSend,
    /// Same room, sender and client id, later in the same batch: answered alike.
    pub(super) repeats: Vec<PendingSend>,
    /// Whether an attempt whose outcome is unknown included the message.
    pub(super) attempted: bool,
}

/// What was asked, as long as it matters.
pub(super) struct PendingSend {
    pub(super) room: ChatRoomId,
    pub(super) from: Member,
    pub(super) to: Member,
    pub(super) content: Content,
    pub(super) replacement: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) via: Option<String>,
    pub(super) asked: Option<String>,
    pub(super) withheld: bool,
    pub(super) caller: Option<Caller>,
    pub(super) deadline: Instant,
}

impl PendingSend {
    /// Whether a message stored under the same client id is what this asks to
    /// store. The chat room tells the receiver, whom a withheld one does not name.
    fn is_same_as(&self, message: &Message) -> bool {
        // sent twice at once, a hook may have decided differently
        let was_same = self.asked.is_some() && self.asked == message.asked;
        let says = message.says(&self.content) || message.says(&self.stored_content());
        self.room == message.chat_room && (says || was_same)
    }

    /// What is stored of it.
    fn stored_content(&self) -> Content {
        let mut content = self.content.clone();
        if let Some(text) = &self.replacement {
            content.text.clone_from(text);
        }
        content
    }
}

/// The messages of one insert that are not settled yet, in order.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    pub(super) rooms: Vec<ChatRoomId>,
    /// Chat rooms of which another process has taken a number, until its message is seen.
    pub(super) taken: HashMap<ChatRoomId, Taken>,
    /// Whether an attempt is under way at this moment.
    pub(super) in_flight: bool,
}

/// A number that was refused, because another process has used it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) seq: Seq,
    /// How often its message was looked for.
    pub(super) looks: u32,
}

impl Batch {
    /// Gathers sends; a repeat within the batch joins the first of its kind.
    pub(super) fn of(appends: Vec<Append>) -> Self {
        let mut batch = Self::default();
        let mut seen: HashMap<(ChatRoomId, ChatUserId, String), usize> = HashMap::new();
        for append in appends {
            let room = append.room;
            let sent = PendingSend {
                room,
                from: append.from,
                to: append.to,
                content: append.content,
                replacement: append.replacement,
                client_id: append.client_id,
                via: append.via,
                asked: append.asked,
                withheld: append.withheld,
                caller: Some(append.caller),
                deadline: append.deadline,
            };
            if let Some(client_id) = &sent.client_id {
                match seen.entry((room, sent.from.id, client_id.clone())) {
                    Entry::Occupied(first) => {
                        if let Some(item) = batch.items.get_mut(*first.get()) {
                            item.repeats.push(sent);
                        }
                        continue;
                    }
                    Entry::Vacant(free) => {
                        free.insert(batch.items.len());
                    }
                }
            }
            batch.items.push(Item {
                id: MessageId::generate(),
                append: sent,
                repeats: Vec::new(),
                attempted: false,
            });
            batch.rooms.push(room);
        }
        batch
    }

    /// The chat rooms of what is left, each with its two people.
    pub(super) fn members(&self) -> HashMap<ChatRoomId, [Member; 2]> {
        self.members_of(|_| true)
    }

    /// The chat rooms of what may come to be stored after all.
    pub(super) fn open_members(&self) -> HashMap<ChatRoomId, [Member; 2]> {
        self.members_of(|item| item.attempted || self.in_flight)
    }

    fn members_of(&self, wanted: impl Fn(&Item) -> bool) -> HashMap<ChatRoomId, [Member; 2]> {
        let both = |item: &Item| [item.append.from.clone(), item.append.to.clone()];
        let mut members = HashMap::new();
        for (item, room) in self.items.iter().zip(&self.rooms) {
            if wanted(item) {
                members.entry(*room).or_insert_with(|| both(item));
            }
        }
        members
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Puts what waits for another process's message to be seen behind the rest, and
    /// returns how many messages do not wait. The order within each chat room stays.
    pub(super) fn set_aside(&mut self) -> usize {
        if self.taken.is_empty() {
            return self.items.len();
        }
        let items = std::mem::take(&mut self.items).into_iter();
        let pairs = items.zip(std::mem::take(&mut self.rooms));
        let (ready, aside): (Vec<_>, Vec<_>) =
            pairs.partition(|(_, room)| !self.taken.contains_key(room));
        let count = ready.len();
        (self.items, self.rooms) = ready.into_iter().chain(aside).unzip();
        count
    }

    /// Takes the first `count` messages out.
    pub(super) fn take_first(&mut self, count: usize) -> Vec<Item> {
        let count = count.min(self.items.len());
        self.rooms.drain(..count);
        self.items.drain(..count).collect()
    }

    /// Takes the message with this id out, wherever it stands.
    pub(super) fn take(&mut self, id: MessageId) -> Option<Item> {
        let index = self.items.iter().position(|item| item.id == id)?;
        self.rooms.remove(index);
        Some(self.items.remove(index))
    }

    /// The client ids that a sender uses in a chat room, that of the first message first.
    pub(super) fn client_ids(&self, room: ChatRoomId, from: ChatUserId) -> Vec<String> {
        let items = self.items.iter().zip(&self.rooms);
        let of_both = items.filter(|(item, of)| **of == room && item.append.from.id == from);
        let ids = of_both.filter_map(|(item, _)| item.append.client_id.clone());
        ids.collect()
    }

    /// Whether this message is in the batch.
    pub(super) fn has(&self, id: MessageId) -> bool {
        self.items.iter().any(|item| item.id == id)
    }

    /// Takes out the message that repeats one that is stored.
    pub(super) fn take_repeated(&mut self, stored: &Message) -> Option<Item> {
        let mut items = self.items.iter().zip(&self.rooms);
        let index = items.position(|(item, room)| {
            *room == stored.chat_room
                && item.append.from.id == stored.from
                && item.append.client_id == stored.client_id
        })?;
        self.rooms.remove(index);
        Some(self.items.remove(index))
    }

    /// Drops messages that were never tried and whose senders have all been answered so:
    /// they must not be stored any more. A repeat that still waits goes on.
    pub(super) fn drop_abandoned(&mut self) {
        let items = std::mem::take(&mut self.items);
        let rooms = std::mem::take(&mut self.rooms);
        for (mut item, room) in items.into_iter().zip(rooms) {
            if item.may_go_on() {
                self.items.push(item);
                self.rooms.push(room);
            }
        }
    }

    /// Notes that the outcome of an attempt is unknown.
    pub(super) fn mark_attempted(&mut self) {
        for item in &mut self.items {
            item.attempted = true;
        }
    }

    /// Answers everything with `error`, or with "unknown" what was attempted.
    pub(super) fn refuse(&mut self, error: LaneError, outlet: &dyn Outlet) {
        for item in &mut self.items {
            item.refuse(error, outlet);
        }
    }
}

impl Item {
    /// Whether the message may still be stored.
    fn may_go_on(&mut self) -> bool {
        if self.attempted || self.append.caller.is_some() {
            return true;
        }
        let waiting = self.repeats.iter().position(|sent| sent.caller.is_some());
        match waiting {
            Some(index) => {
                self.append = self.repeats.remove(index);
                true
            }
            None => false,
        }
    }

    pub(super) fn refuse(&mut self, error: LaneError, outlet: &dyn Outlet) {
        let error = if self.attempted && error == LaneError::Unavailable {
            LaneError::UnknownOutcome
        } else {
            error
        };
        answer_once(&mut self.append.caller, Err(error), outlet);
        for repeat in &mut self.repeats {
            answer_once(&mut repeat.caller, Err(error), outlet);
        }
    }

    /// The message that follows `head`. Told of at birth is what a socket waits for, and,
    /// as far as its sender sees, what is withheld. `None` if the sender is no member.
    pub(super) fn numbered(
        &self,
        members: Members,
        head: Head,
        now: DateTime,
        outlet: &dyn Outlet,
    ) -> Option<Message> {
        let sent = &self.append;
        let position = members.position(sent.from.id)?;
        // never before the one before it
        let at = now.max(head.at);
        let content = sent.stored_content();
        let is_born_sent = sent.withheld || outlet.is_online(sent.to.id);
        Some(Message {
            id: self.id,
            chat_room: sent.room,
            seq: head.seq + 1,
            from: sent.from.id,
            to: if sent.withheld {
                ChatUserId::NOBODY
            } else {
                sent.to.id
            },
            message: content.text,
            kind: content.kind,
            data: content.data,
            created_at: at,
            counts: head.counts.after(position, sent.withheld),
            client_id: sent.client_id.clone(),
            sent_at: is_born_sent.then_some(at),
            read_at: None,
            rev: None,
            redacted: false,
            via: sent.via.clone(),
            asked: sent.asked.clone().filter(|_| sent.replacement.is_some()),
        })
    }

    /// The message is stored as `message`: what to announce. A call is answered so.
    pub(super) fn stored(&mut self, message: Message, delivery: Delivery) -> Stored {
        let mut stored = Stored {
            message,
            delivery,
            from: Arc::clone(&self.append.from.user),
            to: Arc::clone(&self.append.to.user),
            receiver: self.append.to.id,
            origin: None,
        };
        match self.append.caller.take() {
            // answered as it is announced: behind its sender's sockets
            Some(Caller::Socket(origin)) => stored.origin = Some(origin),
            Some(Caller::Call(call)) => drop(call.send(Ok(Answer::Message(stored.clone())))),
            Some(Caller::Task) | None => {}
        }
        stored
    }

    /// Answers the repeats: as duplicates of `message`, or as conflicts.
    pub(super) fn answer_repeats(
        &mut self,
        message: &Message,
        delivery: Delivery,
        outlet: &dyn Outlet,
    ) {
        for repeat in &mut self.repeats {
            answer_repeat(repeat, message, delivery, outlet);
        }
    }

    /// The client id was stored before, as `message`: answers all that use it.
    pub(super) fn answer_as_repeated(
        &mut self,
        message: &Message,
        delivery: Delivery,
        outlet: &dyn Outlet,
    ) {
        answer_repeat(&mut self.append, message, delivery, outlet);
        self.answer_repeats(message, delivery, outlet);
    }
}

fn answer_repeat(
    sent: &mut PendingSend,
    message: &Message,
    delivery: Delivery,
    outlet: &dyn Outlet,
) {
    let answer = if sent.is_same_as(message) {
        Ok(Answer::Duplicate(Stored {
            message: message.clone(),
            delivery,
            from: Arc::clone(&sent.from.user),
            to: Arc::clone(&sent.to.user),
            receiver: sent.to.id,
            origin: None,
        }))
    } else {
        Err(LaneError::ClientIdConflict)
    };
    answer_once(&mut sent.caller, answer, outlet);
}

impl Overdue for Batch {
    fn next_deadline(&self) -> Option<Instant> {
        self.sends()
            .filter(|sent| sent.caller.is_some())
            .map(|sent| sent.deadline)
            .min()
    }

    fn expire(&mut self, now: Instant, outlet: &dyn Outlet) -> bool {
        for item in &mut self.items {
            let error = if item.attempted || self.in_flight {
                LaneError::UnknownOutcome
            } else {
                LaneError::Unavailable
            };
            for sent in std::iter::once(&mut item.append).chain(&mut item.repeats) {
                if sent.deadline <= now {
                    answer_once(&mut sent.caller, Err(error), outlet);
                }
            }
        }
        self.sends().any(|sent| sent.caller.is_some())
    }

    fn claim(
        &mut self,
        message: &Message,
        delivery: Delivery,
        outlet: &dyn Outlet,
    ) -> Option<Stored> {
        let mut item = self.take(message.id)?;
        item.answer_repeats(message, delivery, outlet);
        Some(item.stored(message.clone(), delivery))
    }
}

impl Batch {
    fn sends(&self) -> impl Iterator<Item = &PendingSend> {
        self.items
            .iter()
            .flat_map(|item| std::iter::once(&item.append).chain(&item.repeats))
    }
}

#[cfg(test)]
mod tests {
    use bson::{doc, oid::ObjectId};

    use super::*;
    use crate::id::UserId;
    use crate::store::User;

    fn append(room: ChatRoomId, text: &str) -> Append {
        let member = || Member {
            id: ChatUserId::generate(),
            user: Arc::new(User::present(UserId::ObjectId(ObjectId::new()), doc! {})),
        };
        Append {
            room,
            from: member(),
            to: member(),
            content: Content::of_text(text),
            replacement: None,
            client_id: None,
            via: None,
            asked: None,
            withheld: false,
            caller: Caller::Task,
            deadline: Instant::now(),
        }
    }

    #[test]
    fn what_waits_for_another_process_goes_behind_the_rest_in_its_order() {
        let [taken, free] = [(); 2].map(|()| ChatRoomId::generate());
        let sends = [(taken, "a1"), (free, "b1"), (taken, "a2"), (free, "b2")];
        let mut batch = Batch::of(sends.map(|(room, text)| append(room, text)).into());
        assert_eq!(batch.set_aside(), 4);

        batch.taken.insert(taken, Taken { seq: 1, looks: 0 });
        assert_eq!(batch.set_aside(), 2);

        let texts = batch
            .items
            .iter()
            .map(|item| item.append.content.text.as_str());
        assert_eq!(texts.collect::<Vec<_>>(), ["b1", "b2", "a1", "a2"]);
        assert_eq!(batch.rooms, [free, free, taken, taken]);
    }
}
