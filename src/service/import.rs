//! Messages that people wrote elsewhere, before there was chatzz.
//!
//! They come first in their chat rooms: once something was sent in one, nothing more can be
//! imported into it. Nobody hears of them, neither people nor the application, and they are
//! no missed messages unless they are unread.
//!
//! The unique indexes decide between an import and a send at the same moment: whoever takes
//! a number has it, and the import looks again at what there is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bson::DateTime;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::sleep;

use super::{Content, Draft, Error, IdInput, KnownRoom, Messenger};
use crate::domain::{Head, IMPORTED, Members, Message};
use crate::id::{ChatRoomId, ChatUserId, MessageId, UserId};
use crate::store::chat_rooms::ImportedUpTo;
use crate::store::messages::Appended;

/// People and chat rooms looked up at the same time.
const AT_ONCE: usize = 32;
/// How often somebody else may be first with a number.
const ATTEMPTS: u32 = 100;
/// Pause between two of them.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// The longest that storing some messages is waited for.
const STORED_WITHIN: Duration = Duration::from_secs(30);

/// A message that is to be imported.
#[derive(Clone, Debug)]
pub struct ToImport {
    /// Who sent it.
    pub from: IdInput,
    /// Who received it.
    pub to: IdInput,
    /// What it says.
    pub content: Content,
    /// When it was sent.
    pub created_at: DateTime,
    /// The application's key of it.
    pub key: String,
    /// Whether the receiver has not read it yet.
    pub is_unread: bool,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// It is stored.
    Stored,
    /// It was stored before under this key.
    Duplicate,
    /// Something was sent in this chat room before, and nothing can come before that.
    Conflict,
    /// It is older than the one before it in its chat room.
    TooOld,
    /// It cannot be stored as it is; the field, and why.
    Refused(Option<&'static str>, Error),
}

/// A message whose people and chat room are there.
struct Ready {
    /// Its position among those that came.
    index: usize,
    room: KnownRoom,
    from: ChatUserId,
    to: ChatUserId,
    content: Content,
    created_at: DateTime,
    client_id: String,
    is_unread: bool,
}

/// A message, and the people of it.
struct Checked {
    index: usize,
    from: UserId,
    to: UserId,
    draft: Draft,
    created_at: DateTime,
    is_unread: bool,
}

/// What is known of the chat rooms.
#[derive(Default)]
struct Known {
    heads: HashMap<ChatRoomId, Head>,
    /// Those in which something was sent.
    live: HashSet<ChatRoomId>,
    /// What is stored under these keys.
    stored: HashMap<SendKey, Message>,
    /// What is about to be.
    given: HashSet<SendKey>,
}

type SendKey = (ChatRoomId, ChatUserId, String);

/// What is to become of a message.
enum Next {
    /// It is to be stored so.
    Store(Message),
    /// It is stored.
    Stored(Message),
    /// It repeats one that is about to be stored.
    Wait,
    /// It is not stored.
    Over(Imported),
}

impl Messenger {
    /// Brings messages in, in the order given; what became of each.
    ///
    /// # Errors
    /// Failures, after which the same can be done again.
    #[tracing::instrument(name = "messenger.import", level = "debug", skip_all)]
    pub async fn import(&self, messages: Vec<ToImport>) -> Result<Vec<Imported>, Error> {
        let mut outcomes = vec![Imported::Stored; messages.len()];
        let mut set = |index: usize, outcome| {
            if let Some(place) = outcomes.get_mut(index) {
                *place = outcome;
            }
        };
        let people = self.people_of_import(&messages).await?;
        let mut checked = Vec::with_capacity(messages.len());
        for (index, message) in messages.into_iter().enumerate() {
            match self.check_import(&people, index, message) {
                Ok(message) => checked.push(message),
                Err(refused) => set(index, refused),
            }
        }
        let mut pending = self.open_for_import(checked).await?;
        let mut progress: HashMap<ChatRoomId, ImportedUpTo> = HashMap::new();
        for _ in 0..ATTEMPTS {
            if pending.is_empty() {
                break;
            }
            let mut known = self.known_to_import(&pending).await?;
            let (mut batch, mut later) = (Vec::new(), Vec::new());
            for ready in pending {
                match known.next(&ready) {
                    Next::Store(message) => batch.push((ready, message)),
                    Next::Stored(message) => {
                        // how far people got with what was sent since is their own
                        if message.is_imported() {
                            note(&mut progress, &ready, &message);
                        }
                        set(ready.index, Imported::Duplicate);
                    }
                    Next::Wait => later.push(ready),
                    Next::Over(outcome) => set(ready.index, outcome),
                }
            }
            let numbered: Arc<[Message]> = batch.iter().map(|(_, one)| one.clone()).collect();
            let stored = self.append_imported(numbered).await?;
            if stored < batch.len() {
                // a majority read may not show yet who was first
                sleep(LOOK_AGAIN).await;
            }
            let open = batch.split_off(stored);
            for (ready, message) in batch {
                note(&mut progress, &ready, &message);
            }
            pending = open.into_iter().map(|(ready, _)| ready).collect();
            pending.extend(later);
            // as they came: those of a chat room stay in their order
            pending.sort_by_key(|ready| ready.index);
        }
        let all: Vec<ImportedUpTo> = progress.into_values().collect();
        let moved = self.store.chat_rooms.move_imported(&all).await;
        moved.map_err(|_| Error::UnknownOutcome)?;
        if pending.is_empty() {
            Ok(outcomes)
        } else {
            // somebody else was first again and again
            Err(Error::UnknownOutcome)
        }
    }

    /// The people who are named, by their names; `None` for whom there is not.
    async fn people_of_import(
        &self,
        messages: &[ToImport],
    ) -> Result<HashMap<IdInput, Result<UserId, Error>>, Error> {
        let named = messages.iter().flat_map(|one| [&one.from, &one.to]);
        let named: HashSet<IdInput> = named.cloned().collect();
        let found = stream::iter(named).map(async |named| {
            let found = self.user_or_deleted(&named).await;
            match found.map(|user| user.id.clone()) {
                Err(error @ (Error::UserNotFound | Error::BadRequest(_))) => {
                    Ok((named, Err(error)))
                }
                found => Ok((named, Ok(found?))),
            }
        });
        found.buffer_unordered(AT_ONCE).try_collect().await
    }

    fn check_import(
        &self,
        people: &HashMap<IdInput, Result<UserId, Error>>,
        index: usize,
        message: ToImport,
    ) -> Result<Checked, Imported> {
        let refused = |field, error| Imported::Refused(field, error);
        let user = |field, named| match people.get(named) {
            Some(Ok(user)) if !user.is_erased() => Ok(user.clone()),
            Some(Err(error)) => Err(refused(Some(field), error.clone())),
            Some(Ok(_)) | None => Err(refused(Some(field), Error::UserNotFound)),
        };
        let (from, to) = (user("from", &message.from)?, user("to", &message.to)?);
        if from == to {
            return Err(refused(Some("to"), Error::CannotAddSelf));
        }
        if message.created_at > self.clock.now() {
            let detail = "createdAt: lies in the future";
            return Err(refused(None, Error::BadRequest(detail.into())));
        }
        let (content, key) = (message.content, &message.key);
        let draft = Draft::of_server(message.to, content, key, String::new(), &self.content_rules);
        Ok(Checked {
            index,
            from,
            to,
            draft: draft.map_err(|error| refused(None, error))?,
            created_at: message.created_at,
            is_unread: message.is_unread,
        })
    }

    /// Opens the chat rooms of these messages, unannounced.
    async fn open_for_import(&self, checked: Vec<Checked>) -> Result<Vec<Ready>, Error> {
        let of_write = |error| Error::of_write(&error);
        let people = checked.iter().flat_map(|one| [&one.from, &one.to]);
        let people: HashSet<UserId> = people.cloned().collect();
        let found = stream::iter(people).map(async |user| {
            if let Some(id) = self.chat_user(&user).await? {
                return Ok::<_, Error>((user, id));
            }
            let made = self.store.chat_users.get_or_create(&user).await;
            let id = made.map_err(of_write)?.id;
            Ok((user, id))
        });
        let found: HashMap<UserId, ChatUserId> =
            found.buffer_unordered(AT_ONCE).try_collect().await?;
        let id_of = |user: &UserId| found.get(user).copied().ok_or(Error::Internal);
        let mut pairs: HashMap<(ChatUserId, ChatUserId), DateTime> = HashMap::new();
        for one in &checked {
            let (from, to) = (id_of(&one.from)?, id_of(&one.to)?);
            if !pairs.contains_key(&(to, from)) {
                pairs.entry((from, to)).or_insert(one.created_at);
            }
        }
        let rooms = stream::iter(pairs).map(async |((from, to), since)| {
            let members = Members::new(from, to).ok_or(Error::Internal)?;
            if let Some(known) = self.room(members).await? {
                return Ok::<_, Error>([((from, to), known), ((to, from), known)]);
            }
            let opened = self.store.chat_rooms.get_or_create(members, since).await;
            let room = opened.map_err(of_write)?.room;
            let known = KnownRoom {
                id: room.id,
                members: room.members,
            };
            self.presence.add_contacts(from, [to]);
            self.presence.add_contacts(to, [from]);
            Ok([((from, to), known), ((to, from), known)])
        });
        let rooms: Vec<_> = rooms.buffer_unordered(AT_ONCE).try_collect().await?;
        let rooms: HashMap<_, _> = rooms.into_iter().flatten().collect();
        let ready = checked.into_iter().map(|one| {
            let (from, to) = (id_of(&one.from)?, id_of(&one.to)?);
            let room = rooms.get(&(from, to)).copied();
            Ok(Ready {
                index: one.index,
                room: room.ok_or(Error::Internal)?,
                from,
                to,
                content: one.draft.content,
                created_at: one.created_at,
                client_id: one.draft.client_id.ok_or(Error::Internal)?,
                is_unread: one.is_unread,
            })
        });
        ready.collect()
    }

    /// What there is in the chat rooms of these messages, and under their keys.
    async fn known_to_import(&self, pending: &[Ready]) -> Result<Known, Error> {
        let of_read = |error| Error::of_read(&error);
        let rooms: HashSet<ChatRoomId> = pending.iter().map(|one| one.room.id).collect();
        let rooms: Vec<ChatRoomId> = rooms.into_iter().collect();
        let messages = &self.store.messages;
        let last = messages.list_last(&rooms).await.map_err(of_read)?;
        let mut known = Known::default();
        for message in last {
            known.heads.insert(message.chat_room, message.head());
            if !message.is_imported() {
                known.live.insert(message.chat_room);
            }
        }
        let mut keys: HashMap<(ChatRoomId, ChatUserId), Vec<String>> = HashMap::new();
        // where there is nothing, nothing is repeated
        let repeats = pending.iter();
        let repeats = repeats.filter(|one| known.heads.contains_key(&one.room.id));
        for one in repeats {
            let keys = keys.entry((one.room.id, one.from)).or_default();
            keys.push(one.client_id.clone());
        }
        let stored = messages.list_by_keys(keys).await.map_err(of_read)?;
        for message in stored {
            let Some(client_id) = message.client_id.clone() else {
                continue;
            };
            let key = (message.chat_room, message.from, client_id);
            known.stored.insert(key, message);
        }
        Ok(known)
    }

    /// Stores these; how many of them, from the first on.
    async fn append_imported(&self, messages: Arc<[Message]>) -> Result<usize, Error> {
        if messages.is_empty() {
            return Ok(0);
        }
        let count = messages.len();
        let appended = self.store.messages.append(messages, STORED_WITHIN).await;
        match appended.map_err(|_| Error::UnknownOutcome)? {
            Appended::All => Ok(count),
            Appended::StoppedAt { index, .. } => Ok(index),
        }
    }
}

impl Known {
    /// What is to become of a message.
    fn next(&mut self, ready: &Ready) -> Next {
        let room = ready.room.id;
        let key = (room, ready.from, ready.client_id.clone());
        if let Some(stored) = self.stored.get(&key) {
            return if stored.says(&ready.content) {
                Next::Stored(stored.clone())
            } else {
                Next::Over(Imported::Refused(None, Error::ClientIdConflict))
            };
        }
        if self.live.contains(&room) {
            return Next::Over(Imported::Conflict);
        }
        if self.given.contains(&key) {
            return Next::Wait;
        }
        let head = self.heads.get(&room).copied().unwrap_or(Head::EMPTY);
        if ready.created_at < head.at {
            return Next::Over(Imported::TooOld);
        }
        let Some(position) = ready.room.members.position(ready.from) else {
            return Next::Over(Imported::Refused(None, Error::Internal));
        };
        let content = ready.content.clone();
        let message = Message {
            id: MessageId::generate(),
            chat_room: room,
            seq: head.seq + 1,
            from: ready.from,
            to: ready.to,
            message: content.text,
            kind: content.kind,
            data: content.data,
            created_at: ready.created_at,
            counts: head.counts.after(position, false),
            client_id: Some(ready.client_id.clone()),
            via: Some(IMPORTED.to_owned()),
            asked: None,
            sent_at: None,
            rev: None,
            redacted: false,
            read_at: None,
        };
        self.heads.insert(room, message.head());
        self.given.insert(key);
        Next::Store(message)
    }
}

/// Notes how far a chat room, and both people of a message that is stored, got by it.
fn note(progress: &mut HashMap<ChatRoomId, ImportedUpTo>, ready: &Ready, message: &Message) {
    let members = ready.room.members;
    let new = || ImportedUpTo::new(ready.room.id, members);
    let room = progress.entry(ready.room.id).or_insert_with(new);
    room.head = room.head.later(message.head());
    let (Some(reader), Some(sender)) = (members.position(ready.to), members.position(ready.from))
    else {
        return;
    };
    // nobody has to confirm their own messages
    room.got.of_mut(sender).extend(message.seq);
    if ready.is_unread {
        return;
    }
    room.got.of_mut(reader).jump(message.seq);
    let read = room.read.of_mut(reader);
    let count = *message.counts.of(sender);
    *read = (*read).max((message.seq, count));
}
