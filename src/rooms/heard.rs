//! What other servers did in a lane's chat rooms, as it was heard of.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::command::{Advanced, Command, Heard, HeardAdvance, Member, Outlet, ReceiptKind, Stored};
use super::each;
use super::lane::Lane;
use super::receipts::Receipts;
use super::recent::RecentCursors;
use crate::domain::{Delivery, Message, Status};
use crate::id::{ChatRoomId, Seq};
use crate::store::{Error, Store};

/// Pause before chat rooms that could not be read are read again.
const RETRY: Duration = Duration::from_millis(200);
/// Advances that wait at most while the database does not answer; then the oldest are
/// left out: the next login shows them.
const MAX_WAITING: usize = 50_000;

impl Lane {
    /// Announces the messages that others stored, and then lets the receipts follow.
    ///
    /// | the position is | what happens |
    /// |---|---|
    /// | up to the last known message | nothing: it was announced |
    /// | the next one, and the message came along | it is announced |
    /// | beyond it | what is stored is read and announced |
    /// | in a chat room that is new here | the same, once it is read in the log, and with it what is before |
    pub(super) async fn hear(&mut self, heard: Vec<Heard>) {
        let mut rooms: HashMap<ChatRoomId, [Member; 2]> = HashMap::new();
        for one in &heard {
            let newest = one.advances.iter().map(|advance| advance.newest);
            let newest = newest.chain(one.stored.map(|(_, last)| last)).max();
            let Some(newest) = newest else { continue };
            match self.rooms.numbered(one.room).and_then(|room| room.head) {
                Some(last) if last.seq >= newest => continue,
                Some(last) if self.rooms.is_known(one.room) => {
                    let next = one.messages.iter().skip_while(|one| one.seq <= last.seq);
                    let next = next.zip(last.seq + 1..);
                    let next = next.take_while(|(message, seq)| message.seq == *seq);
                    let next: Vec<Message> = next.map(|(message, _)| message.clone()).collect();
                    let reached = next.last().map_or(last.seq, |last| last.seq);
                    self.announce_next(next, &one.members).await;
                    if reached >= newest {
                        continue;
                    }
                    self.rooms.doubt(one.room);
                }
                Some(_) => self.rooms.doubt(one.room),
                None => {
                    let Some((first, _)) = one.stored else {
                        continue;
                    };
                    if first > 1 && !one.messages.is_empty() {
                        // what is before it may not have been announced here: the log
                        // tells of both
                        continue;
                    }
                    let heard = self.heard.entry(one.room).or_insert(first);
                    *heard = first.min(*heard);
                }
            }
            rooms.insert(one.room, one.members.clone());
        }
        if !rooms.is_empty() {
            let learned = self.learn(rooms.clone(), &mut ()).await;
            if !matches!(learned, Some(Ok(()))) {
                // the chat rooms are taken up later, with the same positions
                for (room, members) in rooms {
                    self.rooms.doubt(room);
                    self.follow_ups.look_again(room, members);
                }
            }
        }
        for one in heard {
            if one.advances.is_empty() {
                continue;
            }
            if let Err(full) = self.receipts.try_send(Command::Heard(one)) {
                let receipts = self.receipts.clone();
                tokio::spawn(async move { receipts.send(full.into_inner()).await });
            }
        }
    }
}

impl Lane {
    /// Announces messages that follow the last known one of their chat room.
    async fn announce_next(&mut self, messages: Vec<Message>, members: &[Member; 2]) {
        if messages.is_empty() {
            return;
        }
        let stored = messages.into_iter().map(|message| {
            let delivery = message.born();
            Stored::between(message, delivery, members)
        });
        let mut stored: Vec<Stored> = stored.collect();
        self.announce(&mut stored).await;
        self.mark_sent(&stored, members);
    }
}

/// Where, whose, and what.
type Waiting = (ChatRoomId, [Member; 2], HeardAdvance);

/// What got further through other servers and is not announced yet.
#[derive(Default)]
pub(super) struct HeardAdvances {
    waiting: Vec<Waiting>,
    retry: Option<Instant>,
}

impl HeardAdvances {
    pub(super) fn add(&mut self, heard: Heard) {
        let Heard {
            room,
            members,
            advances,
            ..
        } = heard;
        let advances = advances.into_iter();
        let added = advances.map(|advance| (room, members.clone(), advance));
        self.waiting.extend(added);
        let excess = self.waiting.len().saturating_sub(MAX_WAITING);
        self.waiting.drain(..excess);
        self.retry.get_or_insert_with(Instant::now);
    }

    /// When they are to be announced.
    pub(super) fn retry(&self) -> Option<Instant> {
        self.retry
    }
}

impl Receipts {
    /// Announces what got further through other servers: with the cursors as they are
    /// stored by now, so that nothing that is announced later shows less.
    pub(super) async fn announce_heard(&mut self) {
        if self.heard.retry.is_none_or(|at| at > Instant::now()) {
            return;
        }
        let outlet = Arc::clone(&self.deps.outlet);
        let waiting = self.heard.waiting.clone();
        let read = read(&self.deps.store, &self.recent, outlet.as_ref(), waiting);
        // whoever waits for an answer gets it in time meanwhile
        let Some(read) = self.inbox.wait(read, &mut self.pending).await else {
            return;
        };
        match read {
            Ok((messages, mut others)) => {
                self.heard.retry = None;
                for (room, members, advance) in std::mem::take(&mut self.heard.waiting) {
                    if let Some(message) = messages.get(&(room, advance.newest)) {
                        let range = (room, advance.newest, advance.oldest);
                        let advanced = Advanced {
                            others: others.remove(&range).unwrap_or_default(),
                            room: self.recent.outline(room),
                            ..advanced(message, &members, advance)
                        };
                        self.deps.outlet.heard(&advanced);
                    }
                }
            }
            Err(error) if error.is_transient() => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "receipts of other servers wait");
                self.heard.retry = Some(Instant::now() + RETRY);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "receipts of other servers are left out");
                self.heard = HeardAdvances::default();
            }
        }
    }
}

/// The newest messages of advances.
type Newest = HashMap<(ChatRoomId, Seq), Message>;
/// The others of those that are announced one by one.
type Others = HashMap<(ChatRoomId, Seq, Option<Seq>), Vec<Message>>;

/// Takes in the cursors of the chat rooms; the messages of the advances.
async fn read(
    store: &Store,
    recent: &RecentCursors,
    outlet: &dyn Outlet,
    waiting: Vec<Waiting>,
) -> Result<(Newest, Others), Error> {
    let rooms: HashSet<ChatRoomId> = waiting.iter().map(|(room, ..)| *room).collect();
    let rooms: Vec<ChatRoomId> = rooms.into_iter().collect();
    for room in store.chat_rooms.list(&rooms).await? {
        recent.learn(&room);
    }
    let places = waiting
        .iter()
        .map(|(room, _, advance)| (*room, advance.newest));
    let places: HashSet<(ChatRoomId, Seq)> = places.collect();
    let mut messages = HashMap::new();
    let mut unknown = Vec::new();
    for place in places {
        match recent.message_at(place.0, place.1) {
            Some(message) => {
                messages.insert(place, (*message).clone());
            }
            None => unknown.push(place),
        }
    }
    let read = store.messages.list_at(&unknown).await?;
    messages.extend(read.into_iter().map(|message| {
        let place = (message.chat_room, message.seq);
        (place, message)
    }));
    let mut others = HashMap::new();
    for (room, _, HeardAdvance { newest, oldest, .. }) in waiting {
        if let Some(message) = messages.get(&(room, newest)) {
            let read = each::others(store, outlet, message, oldest).await;
            others.insert((room, newest, oldest), read);
        }
    }
    Ok((messages, others))
}

fn advanced(message: &Message, members: &[Member; 2], advance: HeardAdvance) -> Advanced {
    let delivery = match advance.kind {
        ReceiptKind::Sent => Delivery {
            status: Status::Sent,
            sent_at: message.sent_at.or(Some(advance.at)),
            read_at: None,
        },
        ReceiptKind::Read => Delivery {
            status: Status::Read,
            sent_at: message.sent_at,
            read_at: Some(advance.at),
        },
    };
    Advanced {
        newest: Stored::between(message.clone(), delivery, members),
        oldest: advance.oldest,
        others: Vec::new(),
        room: None,
        kind: advance.kind,
        origin: None,
    }
}
