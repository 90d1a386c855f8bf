//! The world as the npm package chatzz 1.1.5 stored it, for `chatzz adopt`.

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use mongodb::Database;

use super::world::{Room, Said, World};
use super::{Stored, insert, user_id};

/// Stores chat users, chat rooms and messages. Those of all chat rooms are mixed, as time
/// mixes them.
pub(super) async fn store(
    database: &Database,
    world: &World,
    stored: &mut Stored,
) -> anyhow::Result<()> {
    let now = DateTime::now();
    let people = 0..world.people + world.contacts;
    let chat_users = people.map(
        |n| doc! { "_id": chat_user(n), "user": user_id(n), "status": "offline", "lastOnline": now, "__v": 0 },
    );
    insert(database, "chatusers", chat_users).await?;
    let rooms = world.rooms().map(|room| chat_room(room, now));
    stored.chat_rooms = insert(database, "chatrooms", rooms).await?;
    let text = "x".repeat(world.text_bytes);
    let messages = (0..world.per_room).flat_map(|number| {
        let text = &text;
        world.rooms().filter_map(move |room| {
            let said = room.said().nth(usize::try_from(number).ok()?)?;
            let at = DateTime::from_millis(now.timestamp_millis() + i64::from(number));
            Some(message(room, said, (text, at)))
        })
    });
    stored.messages = insert(database, "chatmessages", messages).await?;
    Ok(())
}

fn chat_user(number: u32) -> ObjectId {
    // the text is 24 hex digits by its making
    ObjectId::parse_str(format!("64d1000000000000{number:08x}")).unwrap_or_default()
}

fn room_id(room: Room) -> ObjectId {
    ObjectId::parse_str(format!("64d0000000000000{:08x}", room.number)).unwrap_or_default()
}

fn chat_room(room: Room, now: DateTime) -> Document {
    doc! {
        "chatUsers": [chat_user(room.person), chat_user(room.contact)],
        "_id": room_id(room),
        "createdAt": now,
        "__v": 0,
    }
}

fn message(room: Room, said: Said, (text, at): (&str, DateTime)) -> Document {
    let (person, contact) = (chat_user(room.person), chat_user(room.contact));
    let (from, to) = if said.by_contact {
        (contact, person)
    } else {
        (person, contact)
    };
    doc! {
        "status": if said.is_missed { "not_sent" } else { "read" },
        "message": text,
        "chatRoom": room_id(room),
        "from": from,
        "to": to,
        "createdAt": at,
        "__v": 0,
    }
}
