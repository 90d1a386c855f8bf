//! One lane: takes batches, keeps each chat room's order, does the work.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

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
use crate::store::{ChatRoom, Error};

/// First pause after a failed attempt; doubled up to [`MAX_PAUSE`].
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(10);
pub(super) const MAX_PAUSE: Duration = Duration::from_millis(200);
/// How often a cursor before a gap is looked up anew.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Messages read at once that were found stored.
const CATCH_UP_PAGE: i64 = 500;

/// One lane's task.
pub(super) struct Lane {
    pub(super) deps: Deps,
    pub(super) inbox: Inbox,
    pub(super) rooms: Rooms,
    pub(super) follow_ups: FollowUps,
    /// Where receipts of the lane's chat rooms go.
    pub(super) receipts: mpsc::Sender<Command>,
    recent: RecentCursors,
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
        }
    }

    /// Works until every sender of commands is gone and nothing waits.
    pub(super) async fn run(mut self) {
        loop {
            let look = self.follow_ups.next();
            let batch = tokio::select! {
                batch = self.inbox.next_batch() => batch,
                () = until(look) => {
                    self.follow_up().await;
                    continue;
                }
            };
            if batch.is_empty() {
                return;
            }
            let (mut appends, mut confirms) = (Vec::new(), Vec::new());
            for command in batch {
                match command {
                    Command::Append(append) => appends.push(append),
                    Command::Confirm(confirm) => confirms.push(confirm),
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
                store.messages.list_last(&new),
                store.chat_rooms.list(&unknown)
            )
        };
        let (heads, documents) = match self.inbox.wait(asked, waiting).await? {
            Ok(found) => found,
            Err(error) => return Some(Err(error)),
        };
        for document in &documents {
            self.note_cursors(document);
        }
        let heads: HashMap<ChatRoomId, Head> = heads
            .iter()
            .map(|head| (head.chat_room, head.head()))
            .collect();
        let (new, doubtful): (Vec<ChatRoom>, Vec<ChatRoom>) = documents
            .into_iter()
            .partition(|document| new.contains(&document.id));
        if let Err(error) = self.open(new, &heads, &rooms, waiting).await? {
            return Some(Err(error));
        }
        for document in &doubtful {
            let Some(members) = rooms.get(&document.id) else {
                continue;
            };
            if let Err(error) = self.resolve(document, members, waiting).await? {
                return Some(Err(error));
            }
        }
        Some(Ok(()))
    }

    /// Takes up chat rooms that were read for the first time.
    async fn open(
        &mut self,
        documents: Vec<ChatRoom>,
        heads: &HashMap<ChatRoomId, Head>,
        people: &HashMap<ChatRoomId, [Member; 2]>,
        waiting: &mut (impl Overdue + Send),
    ) -> Option<Result<(), Error>> {
        if documents.is_empty() {
            return Some(Ok(()));
        }
        let heads = documents.iter().map(|document| {
            let head = heads.get(&document.id);
            (document.id, head.copied().unwrap_or(Head::EMPTY))
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

    /// Announces what is stored after the last known message of a chat room: our own
    /// messages whose answers were lost, and other processes'.
    async fn resolve(
        &mut self,
        document: &ChatRoom,
        members: &[Member; 2],
        waiting: &mut (impl Overdue + Send),
    ) -> Option<Result<(), Error>> {
        let id = document.id;
        loop {
            let Some(head) = self.rooms.get(id).and_then(|room| room.head) else {
                return Some(Ok(()));
            };
            let page = Page {
                after: head.seq,
                before: Seq::MAX,
                ascending: true,
                limit: CATCH_UP_PAGE,
                viewer: None,
            };
            let store = self.deps.store.clone();
            let listed = async { store.messages.list_page(id, page).await };
            let messages = match self.inbox.wait(listed, waiting).await? {
                Ok(messages) => messages,
                Err(error) => return Some(Err(error)),
            };
            let is_last = i64::try_from(messages.len()).is_ok_and(|found| found < CATCH_UP_PAGE);
            let outlet = Arc::clone(&self.deps.outlet);
            let found = messages.into_iter().map(|message| {
                // another node's receipts are not announced here
                let delivery = message.delivery(&document.cursors(message.to), &[]);
                let own = waiting.claim(&message, delivery, outlet.as_ref());
                own.unwrap_or_else(|| Stored::between(message, delivery, members))
            });
            let mut found: Vec<Stored> = found.collect();
            self.announce(&mut found).await;
            self.mark_sent(&found, members);
            if is_last {
                break;
            }
        }
        if let Some(room) = self.rooms.get(id) {
            room.doubtful = false;
        }
        Some(Ok(()))
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

/// Waits for a moment, or for ever.
pub(super) async fn until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
