//! The world as the Node peer stores it (`crates/load/peer/node-peer.js`).

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
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
    let people = 0..world.people + world.contacts;
    let chat_users =
        people.map(|n| doc! { "user": user_id(n), "status": "offline", "lastOnline": now });
    insert(database, "chatusers", chat_users).await?;
    let rooms = world.rooms().map(|room| chat_room(room, now));
    stored.chat_rooms = insert(database, "chatrooms", rooms).await?;
    let text = "x".repeat(world.text_bytes);
    let messages = world.rooms().flat_map(|room| {
        let text = &text;
        room.said()
            .map(move |said| message(room, said, (text, now)))
    });
    stored.messages = insert(database, "chatmessages", messages).await?;
    Ok(())
}

fn room_id(room: Room) -> ObjectId {
    // the text is 24 hex digits by its making
    ObjectId::parse_str(format!("64d0000000000000{:08x}", room.number)).unwrap_or_default()
}

fn chat_room(room: Room, now: DateTime) -> Document {
    let (person, contact) = (user_id(room.person), user_id(room.contact));
    let (lower, higher) = (person.min(contact), person.max(contact));
    doc! {
        "_id": room_id(room),
        "key": format!("{lower}:{higher}"),
        "users": [person, contact],
        "createdAt": now,
        "seq": room.messages,
        "lastMessageAt": now,
    }
}

fn message(room: Room, said: Said, (text, now): (&str, DateTime)) -> Document {
    let (person, contact) = (user_id(room.person), user_id(room.contact));
    let (from, to) = if said.by_contact {
        (contact, person)
    } else {
        (person, contact)
    };
    doc! {
        "chatRoom": room_id(room),
        "seq": said.seq,
        "from": from,
        "to": to,
        "message": text,
        "createdAt": now,
        "status": if said.is_missed { "not_sent" } else { "read" },
    }
}
