//! Everything that is stored of a user, a few hundred KiB at a time.
//!
//! In an order that stays the same: the user, what they set, and then one chat room after
//! the other, each with its messages as the user sees them. So whoever was cut off can go on
//! behind the last thing that they have.

use std::collections::VecDeque;
use std::sync::Arc;

use bson::DateTime;

use super::{Conversation, Error, IdInput, Messenger};
use crate::domain::{ByMember, Cursors};
use crate::id::{ChatRoomId, ChatUserId, Seq, UserId};
use crate::rooms::Stored;
use crate::service::presence::Shown;
use crate::store::chat_rooms::Receipts;
use crate::store::messages::Page;
use crate::store::{ChatRoom, Privacy, User};

/// Chat rooms read at once.
const ROOMS_AT_ONCE: i64 = 200;
/// Messages read at first: of long ones few fit.
const MESSAGES_AT_FIRST: i64 = 20;
/// Most messages read at once: the next ones may all be long.
const MESSAGES_AT_MOST: i64 = 64;
/// Bytes of messages wanted at once.
const BYTES_AT_ONCE: usize = 256 * 1_024;
/// Bytes of a message beside what it says.
const OVERHEAD: usize = 400;

/// The chat room before all others, where the user's own things stand.
const NO_ROOM: [u8; 12] = [0; 12];
/// Where the user stands there, and what they set.
const USER: Seq = 0;
const PRIVACY: Seq = 1;

/// Where a thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportPlace {
    room: ChatRoomId,
    /// The position of the message; 0 for the chat room itself.
    seq: Seq,
}

impl ExportPlace {
    /// The text that is handed out.
    pub fn to_text(self) -> String {
        format!("{}-{}", self.room, self.seq)
    }

    /// Reads such a text.
    pub fn parse(text: &str) -> Option<Self> {
        let (room, seq) = text.split_once('-')?;
        let place = Self {
            room: ChatRoomId::parse(room)?,
            seq: seq.parse().ok().filter(|seq| *seq >= 0)?,
        };
        (place.to_text() == text).then_some(place)
    }

    fn of_user(seq: Seq) -> Self {
        let room = ChatRoomId::from_bytes(NO_ROOM);
        Self { room, seq }
    }

    fn is_of_user(self) -> bool {
        self.room.bytes() == NO_ROOM
    }
}

/// Something that is stored of a user.
#[derive(Clone, Debug)]
pub enum Exported {
    /// The user; their presence, if they ever took part.
    User(UserId, Option<Shown>),
    /// Whom they blocked, and who may write to them.
    Privacy(Privacy),
    /// A chat room.
    ChatRoom(RoomExported),
    /// A message that they sent or received.
    Message(Box<Stored>),
}

/// A chat room, as far as it is the user's.
#[derive(Clone, Debug)]
pub struct RoomExported {
    /// Its id.
    pub id: ChatRoomId,
    /// The other user.
    pub with: UserId,
    /// Who opened it.
    pub added_by: UserId,
    /// When.
    pub added_at: DateTime,
    /// How far the user got.
    pub cursors: Cursors,
    /// How far the other one got.
    pub of_other: Cursors,
}

/// How far the reading is.
#[derive(Debug)]
pub struct Export {
    user: Arc<User>,
    id: Option<ChatUserId>,
    /// What was read of the user's own things; -1 for nothing.
    own: Seq,
    /// Where an earlier reading was cut off.
    resumed: Option<ExportPlace>,
    /// Where the next chat rooms begin, and whether with this very one.
    from: (ChatRoomId, bool),
    rooms: VecDeque<ChatRoom>,
    /// Whether all chat rooms were listed.
    has_all: bool,
    open: Option<Open>,
}

/// The chat room whose messages are read.
#[derive(Debug)]
struct Open {
    conversation: Conversation,
    receipts: ByMember<Receipts>,
    after: Seq,
    limit: i64,
}

impl Messenger {
    /// Begins to read everything that is stored of a user, behind a place.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], or failures.
    #[tracing::instrument(name = "messenger.export", level = "debug", skip_all)]
    pub async fn export(&self, who: &IdInput, after: Option<ExportPlace>) -> Result<Export, Error> {
        let user = self.user_or_deleted(who).await?;
        let id = self.chat_user(&user.id).await?;
        let resumed = after.filter(|after| !after.is_of_user());
        Ok(Export {
            user,
            id,
            own: after.map_or(-1, |after| {
                if resumed.is_some() {
                    PRIVACY
                } else {
                    after.seq
                }
            }),
            from: resumed.map_or((ChatRoomId::from_bytes(NO_ROOM), false), |at| {
                (at.room, true)
            }),
            resumed,
            rooms: VecDeque::new(),
            has_all: false,
            open: None,
        })
    }

    /// Reads the next things, each with its place, a few hundred KiB; nothing after the last.
    ///
    /// # Errors
    /// When the database cannot answer; it can be asked again.
    #[tracing::instrument(name = "messenger.export_next", level = "debug", skip_all)]
    pub async fn export_next(
        &self,
        export: &mut Export,
    ) -> Result<Vec<(ExportPlace, Exported)>, Error> {
        if export.own < PRIVACY {
            let own = self.export_own(export).await?;
            export.own = PRIVACY;
            if !own.is_empty() {
                return Ok(own);
            }
        }
        let Some(me) = export.id else {
            return Ok(Vec::new());
        };
        loop {
            if let Some(open) = &mut export.open {
                let messages = self.export_messages(me, open).await?;
                if !messages.is_empty() {
                    return Ok(messages);
                }
                export.open = None;
            }
            let Some(id) = self.next_exported(me, export).await? else {
                return Ok(Vec::new());
            };
            let (document, conversation) = self.conversation_in(id).await?;
            let receipts = self.store.chat_rooms.find_receipts(document.members).await;
            let receipts = receipts.map_err(|error| Error::of_read(&error))?;
            let resumed = export.resumed.take().filter(|at| at.room == id);
            let exported = room_exported(&export.user.id, me, &document, &conversation);
            export.rooms.pop_front();
            export.open = Some(Open {
                conversation,
                receipts,
                after: resumed.map_or(0, |at| at.seq),
                limit: MESSAGES_AT_FIRST,
            });
            if resumed.is_none() {
                let place = ExportPlace { room: id, seq: 0 };
                return Ok(vec![(place, Exported::ChatRoom(exported))]);
            }
        }
    }

    async fn export_own(&self, export: &Export) -> Result<Vec<(ExportPlace, Exported)>, Error> {
        let of_read = |error| Error::of_read(&error);
        let mut own = Vec::new();
        if export.own < USER {
            let found = self.store.chat_users.find_by_user(&export.user.id).await;
            let shown = found.map_err(of_read)?;
            let shown = shown.map(|found| self.presence.shown(&found));
            let user = Exported::User(export.user.id.clone(), shown);
            own.push((ExportPlace::of_user(USER), user));
        }
        if let Some(id) = export.id {
            let found = self.store.privacies.find(id).await.map_err(of_read)?;
            let privacy = found.unwrap_or_else(|| Privacy::none(id));
            own.push((ExportPlace::of_user(PRIVACY), Exported::Privacy(privacy)));
        }
        Ok(own)
    }

    /// The chat room that comes next; it stays the first of those that are left.
    async fn next_exported(
        &self,
        me: ChatUserId,
        export: &mut Export,
    ) -> Result<Option<ChatRoomId>, Error> {
        if export.rooms.is_empty() && !export.has_all {
            let rooms = &self.store.chat_rooms;
            let listed = rooms.list_of_from(me, export.from, ROOMS_AT_ONCE).await;
            let listed = listed.map_err(|error| Error::of_read(&error))?;
            export.has_all = i64::try_from(listed.len()).is_ok_and(|all| all < ROOMS_AT_ONCE);
            if let Some(last) = listed.last() {
                export.from = (last.id, false);
            }
            export.rooms = listed.into();
        }
        Ok(export.rooms.front().map(|room| room.id))
    }

    async fn export_messages(
        &self,
        me: ChatUserId,
        open: &mut Open,
    ) -> Result<Vec<(ExportPlace, Exported)>, Error> {
        let room = open.conversation.room;
        let page = Page {
            after: open.after,
            before: Seq::MAX,
            ascending: true,
            limit: open.limit,
            viewer: Some(me),
        };
        let messages = self.store.messages.list_page(room, page).await;
        let messages = messages.map_err(|error| Error::of_read(&error))?;
        let Some(last) = messages.last() else {
            return Ok(Vec::new());
        };
        open.after = last.seq;
        // as many as fit if they are like these
        let bytes: usize = messages
            .iter()
            .map(|one| one.content_bytes() + OVERHEAD)
            .sum();
        let fitting = BYTES_AT_ONCE * messages.len() / bytes.max(1);
        let fitting = i64::try_from(fitting).unwrap_or(i64::MAX);
        open.limit = fitting.clamp(MESSAGES_AT_FIRST, MESSAGES_AT_MOST);
        let exported = messages.into_iter().map(|message| {
            let place = ExportPlace {
                room,
                seq: message.seq,
            };
            let stored = self.as_got(&open.conversation, &open.receipts, message);
            (place, Exported::Message(Box::new(stored)))
        });
        Ok(exported.collect())
    }
}

fn room_exported(
    user: &UserId,
    me: ChatUserId,
    document: &ChatRoom,
    conversation: &Conversation,
) -> RoomExported {
    let Conversation { me: one, other, .. } = conversation;
    let other = if one.id == me { other } else { one };
    let added_by = if document.added_by == me {
        user
    } else {
        &other.user.id
    };
    RoomExported {
        id: document.id,
        with: other.user.id.clone(),
        added_by: added_by.clone(),
        added_at: document.created_at,
        cursors: document.cursors(me),
        of_other: document.cursors(other.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_and_nothing_else_is_one() {
        let room = ChatRoomId::generate();
        for place in [
            ExportPlace::of_user(USER),
            ExportPlace::of_user(PRIVACY),
            ExportPlace { room, seq: 0 },
            ExportPlace { room, seq: 100_000 },
        ] {
            assert_eq!(ExportPlace::parse(&place.to_text()), Some(place));
        }
        for wrong in [
            "",
            "x",
            "0-1",
            &format!("{room}"),
            &format!("{room}--1"),
            &format!("{room}-01"),
        ] {
            assert_eq!(ExportPlace::parse(wrong), None, "{wrong}");
        }
    }
}
