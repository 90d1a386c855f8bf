//! A dump of what a real server wrote.

use bson::doc;
use libtest_mimic::Trial;
use serde_json::Value;

use super::{dump, users_hash};
use crate::history::DumpedUser;
use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::poll;
use crate::trial::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_dump_holds_what_two_people_said", conversation),
        trial("a_touched_user_changes_the_hash", touched),
    ]
}

async fn conversation() {
    let database = TestDatabase::shared().await;
    let server = Binary::serve(&database.keys()).await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let (uri, name) = (database.uri(), database.name());
    let before = users_hash(uri, name).await.unwrap();
    let (alice, _) = server.login(&alice).await;
    let (bob, _) = server.login(&bob).await;
    alice.add(&bob.id).await.unwrap();
    let first = alice.send_with(&bob.id, "one", "key-1").await.unwrap();
    bob.send(&alice.id, "two").await.unwrap();
    bob.read_up_to(&alice.id, 1).await.unwrap();

    let dump = poll::eventually("what is written behind is there", async || {
        let dump = dump(uri, name, "chat").await.unwrap();
        // the collections are read one after another
        let online = |user: &DumpedUser| user.status.as_deref() == Some("online");
        let is_written = dump.chat_rooms[0].last_seq == Some(2);
        (is_written && dump.chat_users.iter().all(online)).then_some(dump)
    })
    .await;

    assert_eq!(users_hash(uri, name).await.unwrap(), before);
    let dump: Value = serde_json::to_value(&dump).unwrap();
    assert_eq!(dump["chatUsers"].as_array().unwrap().len(), 2);
    let chat_user = |user: &Value| {
        let all = dump["chatUsers"].as_array().unwrap().iter();
        let mut found = all.filter(|chat_user| chat_user["user"] == *user);
        found.next().unwrap().clone()
    };
    let (alice, bob) = (chat_user(&alice.id), chat_user(&bob.id));
    assert_eq!(alice["status"], "online");
    let room = &dump["chatRooms"][0];
    for member in [&alice, &bob] {
        let members = room["chatUsers"].as_array().unwrap();
        assert!(members.contains(&member["_id"]), "{room}");
    }
    assert!(room["cursors"].is_object(), "{room}");
    let messages = dump["messages"].as_array().unwrap();
    let of = |seq: u64| messages.iter().find(|m| m["seq"] == seq).unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(of(1)["_id"], first["_id"]);
    assert_eq!(of(1)["clientId"], "key-1");
    assert_eq!((&of(1)["from"], &of(1)["to"]), (&alice["_id"], &bob["_id"]));
    assert_eq!(
        (&of(1)["status"], &of(2)["status"]),
        (&"read".into(), &"sent".into())
    );
    assert_eq!(of(1)["counts"].as_array().unwrap().len(), 2);
    assert!(of(1)["readAt"].as_i64() >= of(1)["createdAt"].as_i64());
    assert!(of(1)["createdAt"].as_i64() > Some(1_600_000_000_000));
    assert_eq!(of(2)["message"], "two");
    let read = &room["cursors"][bob["_id"].as_str().unwrap()];
    assert_eq!((&read["read"], &read["readCount"]), (&1.into(), &1.into()));
    assert_eq!(of(2)["chatRoom"], room["_id"]);
}

async fn touched() {
    let database = TestDatabase::shared().await;
    database.user("carol").await;
    let hash = async || users_hash(database.uri(), database.name()).await.unwrap();
    let before = hash().await;
    assert_eq!(before, hash().await);
    let users = database.collection("users");
    let update = doc! { "$set": { "seen": true } };
    users.update_one(doc! {}, update).await.unwrap();
    assert_ne!(hash().await, before);
}
