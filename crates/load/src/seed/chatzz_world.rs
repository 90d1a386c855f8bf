//! The world as chatzz stores it.

use anyhow::Context as _;
use bson::{DateTime, Document, doc};
use chatzz::domain::{Counts, Members, Message};
use chatzz::id::{ChatRoomId, ChatUserId, MessageId, UserId};
use chatzz::store::chat_rooms::pair;
use chatzz::store::{ChatUser, PresenceStatus};
use mongodb::Database;

use super::world::{Room, Said, World};
use super::{Stored, insert, user_id};

/// Stores chat users, chat rooms and messages.
pub(super) async fn store(
    database: &Database,
    world: &World,
    stored: &mut Stored,
) -> anyhow::Result<()> {
    let now = DateTime::now();
    let ids = Ids::of(world)?;
    let people = (0..world.people + world.contacts).zip(ids.chat_users.iter());
    let chat_users = people.map(|(n, id)| ChatUser {
        id: *id,
        user: UserId::ObjectId(user_id(n)),
        status: PresenceStatus::Offline,
        last_online: Some(now),
        nodes: Vec::new(),
        changed_at: None,
        changed_by: None,
    });
    insert(database, "chatusers", chat_users).await?;
    let rooms = world.rooms().filter_map(|room| chat_room(room, &ids, now));
    stored.chat_rooms = insert(database, "chatrooms", rooms).await?;
    let text = "x".repeat(world.text_bytes);
    let messages = world.rooms().flat_map(|room| {
        let (ids, text) = (&ids, &text);
        room.said()
            .filter_map(move |said| message(room, said, ids, (text, now)))
    });
    stored.messages = insert(database, "chatmessages", messages).await?;
    Ok(())
}

/// Ids that are the same at every seeding, so that a second one is refused.
struct Ids {
    chat_users: Vec<ChatUserId>,
}

impl Ids {
    fn of(world: &World) -> anyhow::Result<Self> {
        let all = (0..world.people + world.contacts)
            .map(|n| ChatUserId::parse(&format!("64c0000000000000{n:08x}")));
        let chat_users = all.collect::<Option<_>>().context("24 hex digits")?;
        Ok(Self { chat_users })
    }

    fn chat_user(&self, n: u32) -> Option<ChatUserId> {
        self.chat_users.get(usize::try_from(n).ok()?).copied()
    }
}

fn room_id(room: Room) -> Option<ChatRoomId> {
    ChatRoomId::parse(&format!("64d0000000000000{:08x}", room.number))
}

fn chat_room(room: Room, ids: &Ids, now: DateTime) -> Option<Document> {
    let (person, contact) = (ids.chat_user(room.person)?, ids.chat_user(room.contact)?);
    let delivered = i64::from(room.messages - room.missed);
    let last_seq = i64::from(room.messages);
    let (by_person, by_contact) = room.counts(room.messages);
    let (_, read_by_person) = room.counts(room.messages - room.missed);
    let read = |seq: i64, count: u32| doc! { "seq": seq, "count": i64::from(count), "after": 0_i64, "at": now };
    Some(doc! {
        "_id": room_id(room)?,
        "chatUsers": [person, contact],
        "pair": pair(Members::new(person, contact)?),
        "createdAt": before(now, room.messages + 1),
        "addedBy": person,
        "lastSeq": last_seq,
        "lastMessageAt": (room.messages > 0).then_some(now),
        "lastCounts": [i64::from(by_person), i64::from(by_contact)],
        "logged": last_seq,
        "cursors": {
            &*person.to_hex(): { "delivered": delivered, "read": read(delivered, read_by_person) },
            &*contact.to_hex(): { "delivered": last_seq, "read": read(last_seq, by_person) },
        },
    })
}

fn message(room: Room, said: Said, ids: &Ids, (text, now): (&str, DateTime)) -> Option<Message> {
    let (person, contact) = (ids.chat_user(room.person)?, ids.chat_user(room.contact)?);
    let (from, to) = if said.by_contact {
        (contact, person)
    } else {
        (person, contact)
    };
    let at = before(now, room.messages - said.seq);
    let (by_person, by_contact) = room.counts(said.seq);
    Some(Message {
        id: MessageId::parse(&format!("64e00000{:016x}", room.message_number(said.seq)))?,
        chat_room: room_id(room)?,
        from,
        to,
        message: text.to_owned(),
        kind: None,
        data: None,
        created_at: at,
        seq: i64::from(said.seq),
        counts: Counts::new(by_person.into(), by_contact.into()),
        client_id: None,
        sent_at: (!said.is_missed).then_some(at),
        read_at: None,
        rev: None,
        redacted: false,
        asked: None,
        via: None,
    })
}

/// So many seconds before now.
fn before(now: DateTime, seconds: u32) -> DateTime {
    DateTime::from_millis(now.timestamp_millis() - 1_000 * i64::from(seconds))
}
