//! The worst data within the documented limits.

use anyhow::Context as _;
use bson::{DateTime, Document, doc};
use chatzz::domain::{Counts, Members, Message};
use chatzz::id::{ChatRoomId, ChatUserId, MessageId, UserId};
use chatzz::store::chat_rooms::pair;
use chatzz::store::{ChatUser, PresenceStatus};
use mongodb::{Database, IndexModel};

use crate::seed::{insert, open, user_id};

/// A person with large details, whose contacts have them, too.
pub(super) const HEAVY: u32 = 0;
/// A person with many contacts, and with long chat rooms.
pub(super) const BUSY: u32 = 1;
/// The contacts of [`HEAVY`].
pub(super) const LARGE: u32 = 100;
const LARGE_CONTACTS: u32 = 1_000;
/// People with large details who know nobody.
pub(super) const LARGE_STRANGERS: u32 = 2_000;
/// The contacts of [`BUSY`].
pub(super) const SMALL: u32 = 10_000;
/// People whom [`HEAVY`] does not know, and may by the contact rule.
pub(super) const STRANGERS: u32 = 30_000;
/// As many as a list may hold.
pub(super) const LISTED: u32 = 1_000;

/// Details of the largest size that is kept, 8 KiB of JSON for each of the default fields.
const FIELDS: [&str; 7] = [
    "username",
    "name",
    "firstName",
    "lastName",
    "displayName",
    "avatar",
    "picture",
];
const FIELD_BYTES: usize = 8 * 1024 - 2;
/// The longest message: 4,000 characters.
pub(super) const LONG_TEXT: usize = 16_000;
/// Messages of each contact that a login shows: one is confirmed, and the others are one
/// more than a login may contain.
const MESSAGES: u32 = 202;
/// Contacts that have missed messages, more than a login shows.
const WITH_MISSED: u32 = 200;
/// The contact of [`BUSY`] who writes long texts.
pub(super) const LONG_TEXTS: u32 = 300;

/// Where it is stored, and how large it is.
pub(super) struct World {
    pub(super) database: Database,
    pub(super) contacts: u32,
    pub(super) long: u32,
}

/// What a chat room of two people contains: messages of the contact, none of them read.
#[derive(Clone, Copy)]
struct Room {
    person: u32,
    contact: u32,
    messages: u32,
    bytes: usize,
    /// Whether all but the first are withheld.
    withheld: bool,
}

impl World {
    /// The contact with whom [`BUSY`] has the longest chat room, the oldest.
    pub(super) fn long_room(contacts: u32) -> u32 {
        SMALL + contacts - 1
    }

    /// The contact whose messages are withheld from [`BUSY`].
    pub(super) fn withheld_room(contacts: u32) -> u32 {
        SMALL + contacts - 2
    }

    /// Stores it.
    pub(super) async fn store(&self) -> anyhow::Result<()> {
        let large = [
            HEAVY..HEAVY + 1,
            LARGE..LARGE + LARGE_CONTACTS,
            LARGE_STRANGERS..LARGE_STRANGERS + 100,
        ];
        let large = large.into_iter().flatten();
        insert(&self.database, "users", large.map(large_user)).await?;
        let small = [
            BUSY..BUSY + 1,
            SMALL..SMALL + self.contacts,
            STRANGERS..STRANGERS + LISTED,
        ];
        let small = small.into_iter().flatten();
        let small = small.map(|n| doc! { "_id": user_id(n), "username": format!("u{n}") });
        insert(&self.database, "users", small).await?;
        let now = DateTime::now();
        let people = [HEAVY..BUSY + 1, LARGE..LARGE + LARGE_CONTACTS]
            .into_iter()
            .chain([SMALL..SMALL + self.contacts, STRANGERS..STRANGERS + LISTED]);
        let chat_users = people.flatten().filter_map(move |n| {
            Some(ChatUser {
                id: chat_user(n)?,
                user: UserId::ObjectId(user_id(n)),
                status: PresenceStatus::Offline,
                last_online: Some(now),
                nodes: Vec::new(),
                changed_at: None,
                changed_by: None,
            })
        });
        insert(&self.database, "chatusers", chat_users).await?;
        let rooms: Vec<Room> = self.rooms().collect();
        let documents = rooms.clone().into_iter().zip(0_u32..);
        let documents = documents.filter_map(move |(room, age)| room.document(now, age));
        insert(&self.database, "chatrooms", documents).await?;
        let messages = rooms.into_iter().flat_map(move |room| {
            let text = ".".repeat(room.bytes);
            (1..=room.messages).filter_map(move |seq| room.message(seq, &text, now))
        });
        insert(&self.database, "chatmessages", messages).await?;
        self.store_friendships().await
    }

    /// [`HEAVY`] may write to strangers, for the contact rule of some cases.
    async fn store_friendships(&self) -> anyhow::Result<()> {
        let strangers = [
            STRANGERS..STRANGERS + LISTED,
            LARGE_STRANGERS..LARGE_STRANGERS + 100,
        ];
        let friends = strangers.into_iter().flatten();
        let friends = friends.map(|n| doc! { "a": user_id(HEAVY), "b": user_id(n) });
        insert(&self.database, "friendships", friends).await?;
        let index = IndexModel::builder().keys(doc! { "a": 1, "b": 1 }).build();
        let friendships = open::<Document>(&self.database, "friendships");
        friendships.create_index(index).await?;
        Ok(())
    }

    /// Makes everything as it was when it was stored.
    pub(super) async fn reset(&self) -> anyhow::Result<()> {
        let open = |name| open::<Document>(&self.database, name);
        let (first, last) = (room_id(0, 0), room_id(u16::MAX.into(), u16::MAX.into()));
        let made = doc! { "_id": { "$not": { "$gte": first, "$lte": last } } };
        open("chatrooms").delete_many(made).await?;
        let fresh = doc! { "$set": { "cursors": {} }, "$unset": { "steps": "" } };
        open("chatrooms").update_many(doc! {}, fresh).await?;
        let busy = chat_user(BUSY).context("24 hex digits")?;
        let confirmed =
            doc! { "$set": { "cursors": { busy.to_hex().to_string(): { "delivered": 1_i64 } } } };
        open("chatrooms")
            .update_many(doc! { "chatUsers": busy }, confirmed)
            .await?;
        let sent = doc! { "_id": { "$gt": MessageId::parse("64ffffffffffffffffffffff") } };
        open("chatmessages").delete_many(sent).await?;
        let offline = doc! { "$set": { "status": "offline", "nodes": [] } };
        open("chatusers").update_many(doc! {}, offline).await?;
        open("chatprivacy").delete_many(doc! {}).await?;
        let some = (SMALL..SMALL + self.contacts.min(LISTED)).map(|n| privacy(n, STRANGERS));
        let all = std::iter::once(privacy(HEAVY, LARGE + 1)).chain(some);
        insert(&self.database, "chatprivacy", all).await?;
        Ok(())
    }

    fn rooms(&self) -> impl Iterator<Item = Room> + use<> {
        let contacts = self.contacts;
        let long = self.long;
        let heavy = (0..LARGE_CONTACTS).map(|n| Room {
            person: HEAVY,
            contact: LARGE + n,
            messages: match n {
                0 => 600,
                1 => 300,
                _ => 1,
            },
            bytes: if n == 0 { 1 } else { LONG_TEXT },
            withheld: false,
        });
        let busy = (SMALL..SMALL + contacts).map(move |contact| {
            let withheld = contact == World::withheld_room(contacts);
            let is_long = contact == World::long_room(contacts) || withheld;
            Room {
                person: BUSY,
                contact,
                messages: match contact - SMALL {
                    _ if is_long => long,
                    n if n < WITH_MISSED => MESSAGES,
                    LONG_TEXTS => 100,
                    _ => 1,
                },
                bytes: if contact - SMALL == LONG_TEXTS {
                    LONG_TEXT
                } else {
                    1
                },
                withheld,
            }
        });
        heavy.chain(busy)
    }
}

impl Room {
    /// The chat room, in which something happened last so many seconds ago.
    fn document(self, now: DateTime, age: u32) -> Option<Document> {
        let (person, contact) = (chat_user(self.person)?, chat_user(self.contact)?);
        let last = i64::from(self.messages);
        let at = DateTime::from_millis(now.timestamp_millis() - 1_000 * i64::from(age));
        Some(doc! {
            "_id": room_id(self.person, self.contact)?,
            "chatUsers": [person, contact],
            "pair": pair(Members::new(person, contact)?),
            "createdAt": DateTime::from_millis(0),
            "addedBy": contact,
            "lastSeq": last,
            "lastMessageAt": at,
            "lastCounts": [0_i64, self.seen(self.messages)],
            "logged": last,
            "cursors": {},
        })
    }

    /// Of the first messages, those that the person may see.
    fn seen(self, seq: u32) -> i64 {
        i64::from(if self.withheld { seq.min(1) } else { seq })
    }

    fn message(self, seq: u32, text: &str, now: DateTime) -> Option<Message> {
        let (person, contact) = (chat_user(self.person)?, chat_user(self.contact)?);
        let is_withheld = self.withheld && seq > 1;
        let room = self.person << 16 | self.contact;
        let age = i64::from(self.messages - seq);
        Some(Message {
            id: MessageId::parse(&format!("64e0{room:08x}{seq:012x}"))?,
            chat_room: room_id(self.person, self.contact)?,
            from: contact,
            to: if is_withheld {
                ChatUserId::NOBODY
            } else {
                person
            },
            message: text.to_owned(),
            kind: None,
            data: None,
            created_at: DateTime::from_millis(now.timestamp_millis() - 1_000 * age),
            seq: i64::from(seq),
            counts: Counts::new(0, self.seen(seq)),
            client_id: None,
            sent_at: None,
            read_at: None,
            rev: None,
            redacted: false,
            via: None,
            asked: None,
        })
    }
}

/// The id of a message of the contact, as it is on the wire.
pub(super) fn message_id(person: u32, contact: u32, seq: u32) -> String {
    let room = person << 16 | contact;
    format!("64e0{room:08x}{seq:012x}")
}

fn large_user(n: u32) -> Document {
    let fields = FIELDS.map(|name| (name.to_owned(), "x".repeat(FIELD_BYTES).into()));
    let mut user = doc! { "_id": user_id(n) };
    user.extend(fields);
    user
}

/// Lists as long as they may be, but for one more who is blocked.
fn privacy(who: u32, first: u32) -> Document {
    let all = first..first + LISTED - 1;
    let listed: Vec<Document> = all.clone().map(|n| doc! { "user": user_id(n) }).collect();
    let blocked = all.filter_map(|n| {
        let id = ChatUserId::parse(&format!("64c0000000000000{n:08x}"))?;
        Some(doc! { "who": id, "user": user_id(n), "at": DateTime::now() })
    });
    let blocked: Vec<Document> = blocked.collect();
    let id = chat_user(who);
    doc! { "_id": id, "version": 1_i64, "whitelistOnly": false, "whitelist": listed, "blocked": blocked }
}

fn chat_user(n: u32) -> Option<ChatUserId> {
    ChatUserId::parse(&format!("64c0000000000000{n:08x}"))
}

fn room_id(person: u32, contact: u32) -> Option<ChatRoomId> {
    ChatRoomId::parse(&format!("64d0000000000000{:08x}", person << 16 | contact))
}
