//! A database in which the npm package chatzz 1.1.5 has worked is left alone.

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;

/// Documents as mongoose stored them for chatzz 1.1.5.
struct Legacy {
    users: [Document; 2],
    chat_users: [Document; 2],
    room: Document,
    message: Document,
}

fn legacy() -> Legacy {
    let (alice, bob) = (ObjectId::new(), ObjectId::new());
    let (chat_alice, chat_bob, room) = (ObjectId::new(), ObjectId::new(), ObjectId::new());
    let user = |id: ObjectId, name: &str| {
        doc! {
            "_id": id, "username": name, "email": format!("{name}@example.org"),
            "password": format!("$2b$10$hash-of-{name}"), "__v": 0,
        }
    };
    Legacy {
        users: [user(alice, "alice"), user(bob, "bob")],
        chat_users: [
            doc! { "_id": chat_alice, "user": alice, "__v": 0, "status": "online" },
            doc! { "_id": chat_bob, "user": bob, "__v": 0, "status": "offline" },
        ],
        room: doc! {
            "_id": room, "chatUsers": [chat_alice, chat_bob], "createdAt": DateTime::now(), "__v": 0,
        },
        message: doc! {
            "_id": ObjectId::new(), "status": "not_sent", "message": "read me", "chatRoom": room,
            "from": chat_alice, "to": chat_bob, "createdAt": DateTime::now(), "__v": 0,
        },
    }
}

impl Legacy {
    async fn store(&self, database: &TestDatabase) {
        insert(database, "users", &self.users).await;
        insert(database, "chatusers", &self.chat_users).await;
        insert(database, "chatrooms", std::slice::from_ref(&self.room)).await;
        insert(
            database,
            "chatmessages",
            std::slice::from_ref(&self.message),
        )
        .await;
    }
}

async fn insert(database: &TestDatabase, collection: &str, documents: &[Document]) {
    let collection = database.collection(collection);
    collection.insert_many(documents).await.unwrap();
}

#[tokio::test]
async fn a_database_of_chatzz_1_1_5_is_refused_and_left_byte_identical() {
    let database = TestDatabase::shared().await;
    legacy().store(&database).await;

    database
        .is_refused(&["chatzz 1.x", "chatrooms", "CHATZZ_CHAT_ROOM_COLLECTION"])
        .await;
}

#[tokio::test]
async fn messages_without_a_room_are_recognised_as_well() {
    let database = TestDatabase::shared().await;
    insert(&database, "chatmessages", &[legacy().message]).await;

    database
        .is_refused(&["chatzz 1.x", "chatmessages", "CHATZZ_MESSAGE_COLLECTION"])
        .await;
}

/// Somebody logged in there, and nobody ever added anybody.
#[tokio::test]
async fn chat_users_alone_are_recognised_as_well() {
    let database = TestDatabase::shared().await;
    let legacy = legacy();
    insert(&database, "users", &legacy.users).await;
    insert(&database, "chatusers", &legacy.chat_users).await;

    database
        .is_refused(&["chatzz 1.x", "chatusers", "CHATZZ_CHAT_USER_COLLECTION"])
        .await;
}

#[tokio::test]
async fn beside_it_chatzz_works_under_other_names_and_harms_nothing() {
    let database = TestDatabase::shared().await;
    let legacy = legacy();
    legacy.store(&database).await;
    let (before, _) = database.fingerprint().await;
    let mut keys = database.keys().to_vec();
    keys.extend([
        ("CHATZZ_CHAT_USER_COLLECTION", "chatzz_users"),
        ("CHATZZ_CHAT_ROOM_COLLECTION", "chatzz_rooms"),
        ("CHATZZ_MESSAGE_COLLECTION", "chatzz_messages"),
    ]);

    let server = Binary::serve(&keys).await;
    let [alice, bob] = legacy
        .users
        .map(|user| user.get_object_id("_id").unwrap().to_hex().into());
    let (alice, _) = server.login(&alice).await;
    alice.add(&bob).await.unwrap();
    alice.send(&bob, "anew").await.unwrap();

    let (after, _) = database.fingerprint().await;
    for (collection, hash) in before {
        assert_eq!(after.get(&collection), Some(&hash), "{collection}");
    }
}
