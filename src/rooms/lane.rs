//! One lane: takes batches, keeps each chat room's order, does the work.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::command::{Command, Confirm, LaneError, Member, Opening, Stored};
use super::cursor::Cursor;
use super::follow_up::FollowUps;
use super::inbox::{Inbox, Overdue, refuse};
use super::recent::RecentCursors;
use super::room::Rooms;
use super::{ANNOUNCED_AT_ONCE, Deps, Outlet};
use crate::domain::{Head, Message};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::messages::Page;
use crate::store::{ChatRoom, Error, Store};

/// First pause after a failed attempt; doubled up to [`MAX_PAUSE`].
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(2);
pub(super) const MAX_PAUSE: Duration = Duration::from_millis(200);
/// How often a cursor before a gap is looked up anew.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Messages read at once that were found stored.
const CATCH_UP_PAGE: i64 = 500;

/// Chat rooms whose pages are read at the same time.
const PAGES_AT_ONCE: usize = 8;

/// A chat room that may have messages after its last known one.
struct Doubt {
    document: ChatRoom,
    members: [Member; 2],
    /// The last message, as it was read.
    last: Option<Message>,
}

/// One lane's task.
pub(super) struct Lane {
    pub(super) deps: Deps,
    pub(super) inbox: Inbox,
    pub(super) rooms: Rooms,
    pub(super) follow_ups: FollowUps,
    /// Where receipts of the lane's chat rooms go.
    pub(super) receipts: mpsc::Sender<Command>,
    recent: RecentCursors,
    /// Of chat rooms that are taken up since another server stored something there, the
    /// first position of that.
    pub(super) heard: HashMap<ChatRoomId, Seq>,
}

impl Lane {
    pub(super) fn new(
        deps: Deps,
        inbox: Inbox,
        receipts: mpsc::Sender<Command>,
        recent: RecentCursors,
    ) -> Self {
        Self {
            deps,
            inbox,
            rooms: Rooms::default(),
            follow_ups: FollowUps::default(),
            receipts,
            recent,
            heard: HashMap::new(),
        }
    }

    /// Works until every sender of commands is gone and nothing waits.
    pub(super) async fn run(mut self) {
        loop {
            let look = self.follow_ups.next();
            let mut batch = tokio::select! {
                batch = self.inbox.next_batch() => batch,
                () = until(look) => {
                    self.follow_up().await;
                    continue;
                }
            };
            if batch.is_empty() {
                return;
            }
            self.inbox.gather(&mut batch).await;
            let (mut appends, mut confirms, mut heard) = (Vec::new(), Vec::new(), Vec::new());
            for command in batch {
                match command {
                    Command::Append(append) => appends.push(append),
                    Command::Confirm(confirm) => confirms.push(confirm),
                    Command::Heard(one) => heard.push(one),
                    // receipts have a queue of their own
                    other @ Command::Advance(_) => {
                        refuse(other, LaneError::Internal, self.outlet());
                    }
                }
            }
            if !appends.is_empty() {
                // on the heap: it is large, and a batch is many messages
                Box::pin(self.append(appends)).await;
            }
            if !confirms.is_empty() {
                self.confirm(confirms).await;
            }
            if !heard.is_empty() {
                Box::pin(self.hear(heard)).await;
            }
        }
    }

    pub(super) fn outlet(&self) -> &dyn Outlet {
        self.deps.outlet.as_ref()
    }

    /// Makes sure the numbering of these chat rooms is known, and announces what came to
    /// be stored in them unseen.
    ///
    /// | the chat room | what happens |
    /// |---|---|
    /// | is known | nothing |
    /// | is new to the lane | its last message is read; the feed announces what is stored up to there and is news to somebody here |
    /// | is doubtful: an attempt's outcome is open, or another process took a number | what is stored after its last known message is read and announced |
    pub(super) async fn learn(
        &mut self,
        rooms: HashMap<ChatRoomId, [Member; 2]>,
        waiting: &mut (impl Overdue + Send),
    ) -> Option<Result<(), Error>> {
        let unknown = rooms.keys().copied();
        let unknown: Vec<ChatRoomId> = unknown.filter(|id| !self.rooms.is_known(*id)).collect();
        if unknown.is_empty() {
            return Some(Ok(()));
        }
        for forgotten in self.rooms.forget_idle() {
            self.outlet().close(forgotten);
        }
        let new = unknown.iter().copied();
        let new: Vec<ChatRoomId> = new
            .filter(|id| self.rooms.numbered(*id).is_none())
            .collect();
        let store = self.deps.store.clone();
        let asked = async {
            futures::try_join!(
                store.messages.list_last(&unknown),
                store.chat_rooms.list(&unknown)
            )
        };
        let (last, documents) = match self.inbox.wait(asked, waiting).await? {
            Ok(found) => found,
            Err(error) => return Some(Err(error)),
        };
        for document in &documents {
            self.note_cursors(document);
        }
        let mut last: HashMap<ChatRoomId, Message> =
            last.into_iter().map(|m| (m.chat_room, m)).collect();
        let (new, doubtful): (Vec<ChatRoom>, Vec<ChatRoom>) = documents
            .into_iter()
            .partition(|document| new.contains(&document.id));
        if let Err(error) = self.open(new, &last, &rooms, waiting).await? {
            return Some(Err(error));
        }
        let doubtful = doubtful.into_iter().filter_map(|document| {
            let (id, last) = (document.id, last.remove(&document.id));
            let members = rooms.get(&id)?.clone();
            Some((
                id,
                Doubt {
                    document,
                    members,
                    last,
                },
            ))
        });
        self.resolve(doubtful.collect(), waiting).await
    }

    /// Takes up chat rooms that were read for the first time.
    async fn open(
        &mut self,
        documents: Vec<ChatRoom>,
        last: &HashMap<ChatRoomId, Message>,
        people: &HashMap<ChatRoomId, [Member; 2]>,
        waiting: &mut (impl Overdue + Send),
    ) -> Option<Result<(), Error>> {
        if documents.is_empty() {
            return Some(Ok(()));
        }
        let heads = documents.iter().map(|document| {
            let last = last.get(&document.id);
            (document.id, last.map_or(Head::EMPTY, Message::head))
        });
        let heads: Vec<(ChatRoomId, Head)> = heads.collect();
        let openings = documents
            .into_iter()
            .zip(&heads)
            .filter_map(|(document, head)| {
                let room = self.rooms.get(document.id)?;
                let delivered = |member| {
                    let cursor = room.cursors.get(&member);
                    (member, cursor.map_or(0, Cursor::delivered))
                };
                Some(Opening {
                    members: people.get(&document.id)?.clone(),
                    head: head.1,
                    delivered: document.members.ids().map(delivered),
                    heard: self.heard.get(&document.id).copied(),
                    document,
                })
            });
        let openings: Vec<Opening> = openings.collect();
        let outlet = Arc::clone(&self.deps.outlet);
        let found = match self.inbox.wait(outlet.open(openings), waiting).await? {
            Ok(found) => found,
            Err(error) => return Some(Err(error)),
        };
        for (id, head) in heads {
            if let Some(room) = self.rooms.get(id) {
                room.head = Some(head);
                room.doubtful = false;
            }
            self.heard.remove(&id);
        }
        for stored in &found {
            self.note_stored(&stored.message);
        }
        for stored in &found {
            if let Some(members) = people.get(&stored.message.chat_room) {
                self.mark_sent(std::slice::from_ref(stored), members);
            }
        }
        Some(Ok(()))
    }

    /// Announces what is stored after the last known messages of chat rooms: our own
    /// messages whose answers were lost, and other processes'.
    async fn resolve(
        &mut self,
        mut doubtful: HashMap<ChatRoomId, Doubt>,
        waiting: &mut (impl Overdue + Send),
    ) -> Option<Result<(), Error>> {
        loop {
            doubtful.retain(|id, doubt| {
                let Some(room) = self.rooms.numbered(*id) else {
                    return false;
                };
                let head = room.head.map_or(0, |head| head.seq);
                let is_open = doubt.last.as_ref().is_some_and(|last| last.seq > head);
                room.doubtful = is_open;
                is_open
            });
            if doubtful.is_empty() {
                return Some(Ok(()));
            }
            let mut after = Vec::new();
            for id in doubtful.keys() {
                let head = self.rooms.get(*id).and_then(|room| room.head);
                after.push((*id, head.map_or(0, |head| head.seq)));
            }
            let (next, further): (Vec<_>, Vec<_>) = after.into_iter().partition(|(id, head)| {
                let last = doubtful.get(id).and_then(|doubt| doubt.last.as_ref());
                last.is_some_and(|last| last.seq == head + 1)
            });
            let store = self.deps.store.clone();
            let mut pages = match self.inbox.wait(pages(&store, further), waiting).await? {
                Ok(pages) => pages,
                Err(error) => return Some(Err(error)),
            };
            for (id, _) in next {
                let last = doubtful.get(&id).and_then(|doubt| doubt.last.clone());
                pages.push((id, last.into_iter().collect()));
            }
            for (id, messages) in pages {
                if let Some(doubt) = doubtful.get_mut(&id) {
                    if messages.is_empty() {
                        doubt.last = None;
                    }
                    self.catch_up(doubt, messages, waiting).await;
                }
            }
        }
    }

    /// Announces messages of a chat room that were found stored.
    async fn catch_up(
        &mut self,
        doubt: &Doubt,
        messages: Vec<Message>,
        waiting: &mut (impl Overdue + Send),
    ) {
        let (document, members) = (&doubt.document, &doubt.members);
        let outlet = Arc::clone(&self.deps.outlet);
        let found = messages.into_iter().map(|message| {
            // as far as it got by now: a receipt through another node follows, or came before
            let delivery = message.delivery(&document.cursors(message.to), &[]);
            let own = waiting.claim(&message, delivery, outlet.as_ref());
            own.unwrap_or_else(|| Stored::between(message, delivery, members))
        });
        let mut found: Vec<Stored> = found.collect();
        self.announce(&mut found).await;
        self.mark_sent(&found, members);
    }

    /// Takes in a chat room's delivered cursors as they were read.
    fn note_cursors(&mut self, document: &ChatRoom) {
        let room = self.rooms.enter(document.id, document.members);
        room.learned = Instant::now();
        room.outdated = false;
        for member in document.members.ids() {
            let write_behind = &self.deps.write_behind;
            let known = write_behind.known_delivered(document.id, member);
            let delivered = document.cursors(member).delivered.max(known);
            // another node may have moved it
            room.cursors
                .entry(member)
                .or_default()
                .confirm(1, delivered);
        }
    }

    /// Announces stored messages, in order, and notes what follows from them.
    pub(super) async fn announce(&mut self, batch: &mut [Stored]) {
        let mut newest: HashMap<ChatRoomId, &Message> = HashMap::new();
        for stored in batch.iter() {
            newest.insert(stored.message.chat_room, &stored.message);
        }
        // before anybody hears of it, and so can answer with a receipt
        for message in newest.into_values() {
            self.recent.keep_newest(message.clone());
        }
        for portion in batch.chunks_mut(ANNOUNCED_AT_ONCE) {
            self.deps.outlet.stored(portion);
            for stored in portion {
                self.note_stored(&stored.message);
            }
            // let the sockets' writers take it before there is more
            tokio::task::yield_now().await;
        }
    }

    fn note_stored(&mut self, message: &Message) {
        let id = message.chat_room;
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        let head = message.head();
        room.head = Some(room.head.map_or(head, |known| known.later(head)));
        let members = room.members;
        self.deps.write_behind.head(id, members, head);
        // nobody has to confirm their own messages, nor what is withheld from them
        self.move_cursor(id, message.from, message.seq, message.seq);
        if message.is_withheld() {
            let other = members.other(message.from);
            self.move_cursor(id, other, message.seq, message.seq);
        }
    }

    /// Confirms a range, all of which is stored.
    fn move_cursor(&mut self, id: ChatRoomId, member: ChatUserId, first: Seq, last: Seq) {
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        let cursor = room.cursors.entry(member).or_default();
        if cursor.confirm(first, last) {
            let delivered = cursor.delivered();
            let write_behind = &self.deps.write_behind;
            write_behind.delivered(id, room.members, member, delivered);
        } else if !cursor.is_settled() && room.learned.elapsed() > ASK_AGAIN {
            // what is missing below may have been confirmed at another node
            room.outdated = true;
        }
    }

    async fn confirm(&mut self, confirms: Vec<Confirm>) {
        let rooms: HashSet<ChatRoomId> = confirms.iter().map(|confirm| confirm.room).collect();
        let outdated = rooms.into_iter().filter(|id| self.rooms.is_outdated(*id));
        let outdated: Vec<ChatRoomId> = outdated.collect();
        if !outdated.is_empty() {
            let store = self.deps.store.clone();
            let asked = async { store.chat_rooms.list(&outdated).await };
            match self.inbox.wait(asked, &mut ()).await {
                Some(Ok(documents)) => {
                    for document in &documents {
                        self.note_cursors(document);
                    }
                }
                Some(Err(error)) => {
                    // unconfirmed messages are only delivered once more
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "confirmations lost");
                    return;
                }
                None => return,
            }
        }
        for confirm in confirms {
            self.move_cursor(confirm.room, confirm.member, confirm.first, confirm.last);
        }
    }
}

/// The messages after these positions, as many as one page has.
async fn pages(
    store: &Store,
    after: Vec<(ChatRoomId, Seq)>,
) -> Result<Vec<(ChatRoomId, Vec<Message>)>, Error> {
    let pages = futures::stream::iter(after).map(async |(room, after)| {
        let page = Page {
            after,
            before: Seq::MAX,
            ascending: true,
            limit: CATCH_UP_PAGE,
            viewer: None,
        };
        Ok((room, store.messages.list_page(room, page).await?))
    });
    pages.buffer_unordered(PAGES_AT_ONCE).try_collect().await
}

/// Waits for a moment, or for ever.
pub(super) async fn until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
