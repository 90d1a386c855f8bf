//! One lane: takes batches, keeps each chat room's order, does the work.

use std::collections::HashMap;
use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::command::{Command, Confirm, LaneError, Stored};
use super::follow_up::FollowUps;
use super::inbox::{Inbox, Overdue, refuse};
use super::recent::RecentCursors;
use super::room::{Room, Rooms};
use super::{Deps, Outlet};
use crate::domain::{Delivery, Head, Message};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::Error;
use crate::store::messages::Page;

/// First pause after a failed attempt; doubled up to [`MAX_PAUSE`].
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(10);
pub(super) const MAX_PAUSE: Duration = Duration::from_millis(200);
/// Messages announced before the sockets' writers get their turn.
const ANNOUNCED_AT_ONCE: usize = 32;
/// How often a cursor before a gap is looked up anew.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Messages found at once that this node has not announced.
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

    /// Makes sure the numbering of these chat rooms is known.
    ///
    /// What other processes stored meanwhile is left for the caller to announce:
    /// `announced` of a room then lies behind its head.
    pub(super) async fn learn(
        &mut self,
        rooms: &[ChatRoomId],
        waiting: &mut (impl Overdue + Send),
    ) -> Option<Result<(), Error>> {
        let unknown: HashSet<ChatRoomId> = rooms
            .iter()
            .copied()
            .filter(|room| !self.rooms.is_known(*room))
            .collect();
        if unknown.is_empty() {
            return Some(Ok(()));
        }
        let unknown: Vec<ChatRoomId> = unknown.into_iter().collect();
        let store = self.deps.store.clone();
        let asked = async {
            futures::try_join!(
                store.messages.list_last(&unknown),
                store.chat_rooms.list(&unknown)
            )
        };
        let (heads, documents) = match self.inbox.wait(asked, waiting).await? {
            Ok(found) => found,
            Err(error) => return Some(Err(error)),
        };
        let mut new: HashSet<ChatRoomId> = HashSet::new();
        let heads: HashMap<ChatRoomId, &Message> =
            heads.iter().map(|head| (head.chat_room, head)).collect();
        // before anything is noted: whoever waits for this may stop to
        let baseline = match self.login_baseline(&documents, &heads, waiting).await? {
            Ok(baseline) => baseline,
            Err(error) => return Some(Err(error)),
        };
        for document in &documents {
            let head = heads.get(&document.id);
            let head = head.map_or(Head::EMPTY, |head| head.head());
            if let Some(room) = self.rooms.get(document.id) {
                room.head = room.head.later(head);
                room.doubtful = false;
            } else {
                new.insert(document.id);
                let room = Room::new(document.members, head);
                self.rooms.insert(document.id, room);
            }
        }
        for document in documents {
            let Some(room) = self.rooms.get(document.id) else {
                continue;
            };
            room.learned = Instant::now();
            for member in document.members.ids() {
                let behind = self.deps.write_behind.known_delivered(document.id, member);
                let delivered = document.cursors(member).delivered.max(behind);
                // another node may have moved it
                let cursor = room.cursors.entry(member).or_default();
                cursor.confirm(1, delivered);
                // what another node stored since a login here is still to be announced
                if new.contains(&document.id)
                    && let Some(baseline) = baseline.get(&(document.id, member))
                {
                    room.announced = room.announced.min((*baseline).max(cursor.delivered()));
                }
            }
        }
        Some(Ok(()))
    }

    /// Lists stored messages of a room that this node has not announced, and how far
    /// each got.
    pub(super) async fn unannounced(
        &mut self,
        id: ChatRoomId,
        waiting: &mut (impl Overdue + Send),
    ) -> Option<Result<Vec<(Message, Delivery)>, Error>> {
        let Some((announced, last)) = self
            .rooms
            .get(id)
            .map(|room| (room.announced, room.head.seq))
        else {
            return Some(Ok(Vec::new()));
        };
        if announced >= last {
            return Some(Ok(Vec::new()));
        }
        let store = self.deps.store.clone();
        let page = Page {
            after: announced,
            before: Seq::MAX,
            ascending: true,
            limit: CATCH_UP_PAGE,
            viewer: None,
        };
        let ids = [id];
        let listed = async {
            let (messages, rooms) = futures::try_join!(
                store.messages.list_page(id, page),
                // another node's receipts are not announced here
                store.chat_rooms.list(&ids)
            )?;
            let room = rooms.first();
            let with_delivery = |message: Message| {
                let cursors = room.map(|room| room.cursors(message.to));
                let cursors = cursors.unwrap_or_default();
                let delivery = message.delivery(&cursors, &[]);
                (message, delivery)
            };
            Ok(messages.into_iter().map(with_delivery).collect())
        };
        self.inbox.wait(listed, waiting).await
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
                self.note_announced(&stored.message);
            }
            // let the sockets' writers take it before there is more
            tokio::task::yield_now().await;
        }
    }

    fn note_announced(&mut self, message: &Message) {
        let id = message.chat_room;
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        room.announced = room.announced.max(message.seq);
        room.head = room.head.later(message.head());
        let members = room.members;
        self.deps.write_behind.head(id, members, message.head());
        // nobody has to confirm their own messages, nor what is withheld from them
        self.move_cursor(id, message.from, message.seq, message.seq);
        if message.is_withheld() {
            let other = members.other(message.from);
            self.move_cursor(id, other, message.seq, message.seq);
        }
    }

    pub(super) fn move_cursor(
        &mut self,
        id: ChatRoomId,
        member: ChatUserId,
        first: Seq,
        last: Seq,
    ) {
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        let last = last.min(room.head.seq);
        let cursor = room.cursors.entry(member).or_default();
        if cursor.confirm(first, last) {
            let delivered = cursor.delivered();
            let behind = &self.deps.write_behind;
            behind.delivered(id, room.members, member, delivered);
        } else if !cursor.is_settled() && room.learned.elapsed() > ASK_AGAIN {
            // what is missing below may have been confirmed at another node
            room.doubtful = true;
        }
    }

    pub(super) async fn confirm(&mut self, confirms: Vec<Confirm>) {
        let rooms: Vec<ChatRoomId> = confirms.iter().map(|confirm| confirm.room).collect();
        for confirm in &confirms {
            // another node may have stored what is confirmed here
            let is_behind = |room: &mut Room| room.head.seq < confirm.last;
            if self.rooms.get(confirm.room).is_some_and(is_behind) {
                self.rooms.doubt(confirm.room);
            }
        }
        if let Some(Err(error)) = self.learn(&rooms, &mut ()).await {
            // unconfirmed messages are only delivered once more
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "confirmations lost"
            );
            return;
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
