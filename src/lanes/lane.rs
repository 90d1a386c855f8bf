//! One lane: takes batches, keeps each chat room's order, does the work.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::command::{Advance, Append, Command, Confirm, Stored};
use super::follow_up::FollowUps;
use super::inbox::{Inbox, Overdue};
use super::room::{Room, Rooms};
use super::{Equipment, Outlet};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::messages::Page;
use crate::store::{Error, Message};

/// First pause after a failed attempt; doubled up to [`LONGEST_PAUSE`].
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(10);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// Messages told about before the sockets' writers get their turn.
const TOLD_AT_ONCE: usize = 32;
/// How often a cursor before a gap is looked up anew.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Messages found at once that this node has not told about.
const CATCH_UP_PAGE: i64 = 500;

/// One lane's task.
pub(super) struct Lane {
    pub(super) with: Equipment,
    pub(super) inbox: Inbox,
    pub(super) rooms: Rooms,
    pub(super) follow_ups: FollowUps,
}

impl Lane {
    pub(super) fn new(
        with: Equipment,
        commands: mpsc::Receiver<Command>,
        bound: usize,
        index: usize,
    ) -> Self {
        let inbox = Inbox::new(commands, bound, Arc::clone(&with.outlet), index);
        Self {
            with,
            inbox,
            rooms: Rooms::default(),
            follow_ups: FollowUps::default(),
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
            let stage = Stage::of(batch);
            // what has to wait for the stage is answered in time while it waits
            self.inbox.put_back(stage.later);
            match stage.now {
                // on the heap: it is large, and a batch is many messages
                Now::Appends(appends) => Box::pin(self.append(appends)).await,
                Now::Advances(advances) => self.advance(advances).await,
            }
            if !stage.confirms.is_empty() {
                self.confirm(stage.confirms).await;
            }
        }
    }

    pub(super) fn outlet(&self) -> &dyn Outlet {
        self.with.outlet.as_ref()
    }

    /// Makes sure the numbering of these chat rooms is known.
    ///
    /// What other processes stored meanwhile is left for the caller to tell:
    /// `told` of a room then lies behind `last`.
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
        let store = self.with.store.clone();
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
        let brought = match self.brought(&documents, &heads, waiting).await? {
            Ok(brought) => brought,
            Err(error) => return Some(Err(error)),
        };
        for id in &unknown {
            let head = heads.get(id);
            let last = head.map_or(0, |head| head.seq);
            let last_at = head.map_or(bson::DateTime::MIN, |head| head.created_at);
            if let Some(room) = self.rooms.get(*id) {
                room.last = last.max(room.told);
                room.last_at = room.last_at.max(last_at);
                room.doubtful = false;
            } else {
                new.insert(*id);
                self.rooms.insert(*id, Room::new(last, last_at));
            }
        }
        for document in documents {
            let Some(room) = self.rooms.get(document.id) else {
                continue;
            };
            room.learned = Instant::now();
            for member in document.chat_users {
                let behind = self.with.behind.known_delivered(document.id, member);
                let delivered = document.delivered(member).max(behind);
                // another node may have moved it
                let cursor = room.cursors.entry(member).or_default();
                cursor.confirm(1, delivered);
                // what another node stored since a login here is still to be told
                if new.contains(&document.id)
                    && let Some(brought) = brought.get(&(document.id, member))
                {
                    room.told = room.told.min((*brought).max(cursor.delivered()));
                }
            }
        }
        Some(Ok(()))
    }

    /// Lists stored messages of a room that this node has not told about.
    pub(super) async fn untold(
        &mut self,
        id: ChatRoomId,
        waiting: &mut (impl Overdue + Send),
    ) -> Option<Result<Vec<Message>, Error>> {
        let Some((told, last)) = self.rooms.get(id).map(|room| (room.told, room.last)) else {
            return Some(Ok(Vec::new()));
        };
        if told >= last {
            return Some(Ok(Vec::new()));
        }
        let store = self.with.store.clone();
        let page = Page {
            after: told,
            before: Seq::MAX,
            ascending: true,
            limit: CATCH_UP_PAGE,
            viewer: None,
        };
        let listed = async { store.messages.list_page(id, page).await };
        self.inbox.wait(listed, waiting).await
    }

    /// Tells about stored messages, in order, and notes what follows from them.
    pub(super) async fn tell(&mut self, batch: &[Stored]) {
        for portion in batch.chunks(TOLD_AT_ONCE) {
            self.with.outlet.stored(portion);
            for stored in portion {
                self.note_told(&stored.message);
            }
            // let the sockets' writers take it before there is more
            tokio::task::yield_now().await;
        }
    }

    fn note_told(&mut self, message: &Message) {
        let id = message.chat_room;
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        room.told = room.told.max(message.seq);
        room.last = room.last.max(message.seq);
        room.last_at = room.last_at.max(message.created_at);
        let withheld = message.is_withheld().then(|| room.members());
        self.with.behind.head(id, message.seq, message.created_at);
        // nobody has to confirm what he sent himself, nor what is withheld from him
        self.move_cursor(id, message.from, message.seq, message.seq);
        for member in withheld.into_iter().flatten() {
            self.move_cursor(id, member, message.seq, message.seq);
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
        let last = last.min(room.last);
        let cursor = room.cursors.entry(member).or_default();
        if cursor.confirm(first, last) {
            self.with.behind.delivered(id, member, cursor.delivered());
        } else if !cursor.is_settled() && room.learned.elapsed() > ASK_AGAIN {
            // what is missing below may have been confirmed at another node
            room.doubtful = true;
        }
    }

    pub(super) async fn confirm(&mut self, confirms: Vec<Confirm>) {
        let rooms: Vec<ChatRoomId> = confirms.iter().map(|confirm| confirm.room).collect();
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

/// What of a batch is done now: commands of one kind, so that they share their
/// round trips, none of which comes before an earlier one of its room.
struct Stage {
    now: Now,
    confirms: Vec<Confirm>,
    later: Vec<Command>,
}

enum Now {
    Appends(Vec<Append>),
    Advances(Vec<Advance>),
}

impl Stage {
    /// The oldest command decides the kind, so none waits for ever.
    fn of(batch: Vec<Command>) -> Self {
        let mut stage = Self {
            now: Now::Appends(Vec::new()),
            confirms: Vec::new(),
            later: Vec::new(),
        };
        let first = batch
            .iter()
            .find(|command| !matches!(command, Command::Confirm(_)));
        if let Some(Command::Advance(_)) = first {
            stage.now = Now::Advances(Vec::new());
        }
        let mut waiting: HashSet<ChatRoomId> = HashSet::new();
        for command in batch {
            let room = command.room();
            match (command, &mut stage.now) {
                (Command::Confirm(confirm), _) => stage.confirms.push(confirm),
                (command, _) if waiting.contains(&room) => stage.later.push(command),
                (Command::Append(append), Now::Appends(now)) => now.push(append),
                (Command::Advance(advance), Now::Advances(now)) => now.push(advance),
                (command, _) => {
                    waiting.insert(room);
                    stage.later.push(command);
                }
            }
        }
        stage
    }
}

async fn until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
