//! A database that 1.1.5 itself wrote, recorded: nothing of it is our own idea of it.

use bson::oid::ObjectId;
use chatzz::store::adopt::{Kind, Reason};
use serde_json::{Value, json};

use super::old::{Old, aside, assert_whole};
use crate::support::binary::Binary;
use crate::support::database::user_document;
use crate::support::user::each;

/// The users that the application still has.
const USERS: [(&str, &str); 4] = [
    ("65a000000000000000000001", "alice"),
    ("65a000000000000000000002", "bob"),
    ("65a000000000000000000003", "carol"),
    ("65a000000000000000000004", "dave"),
];

async fn recorded() -> Old {
    let old = Old::recorded().await;
    let users = USERS.map(|(id, name)| user_document(ObjectId::parse_str(id).unwrap(), name));
    let collection = old.database.collection("users");
    collection.insert_many(users).await.unwrap();
    old.index().await;
    old
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_taken_over_with_every_message_in_its_place_or_set_aside_and_back_again() {
    let old = recorded().await;
    let before = old.database.fingerprint().await;

    let report = old.adopt().await.unwrap();

    assert_whole(&report);
    old.assert_clean().await;
    assert_eq!(
        (report.found.chat_users, report.kept.chat_users),
        (6, 6),
        "{report}"
    );
    assert_eq!(report.users_gone, 2, "one was deleted, one never was");
    assert_eq!((report.found.chat_rooms, report.kept.chat_rooms), (6, 3));
    assert_eq!((report.found.messages, report.kept.messages), (36, 33));
    for (kind, reason, count) in [
        (Kind::ChatRooms, Reason::Merged, 2),
        (Kind::ChatRooms, Reason::ToOneself, 1),
        (Kind::Messages, Reason::ToOneself, 1),
        (Kind::Messages, Reason::TooLong, 2),
    ] {
        assert_eq!(aside(&report, kind, reason), count, "{report}");
    }

    let undone = old.undo().await.unwrap();
    assert_eq!(undone.outcome, chatzz::adopt::Outcome::Undone);
    assert_eq!(old.database.fingerprint().await, before);
    assert_eq!(old.adopt().await.unwrap().kept, report.kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_front_end_and_a_new_one_go_on_with_it() {
    let old = recorded().await;
    old.adopt().await.unwrap();
    let server = Binary::serve(&old.database.keys()).await;
    let [alice, bob] = [USERS[0].0, USERS[1].0].map(|id| json!(id));

    let (bob, details) = crate::dialect1::arrive_at(server.addr(), "1", &bob).await;
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["status"], "offline", "nobody is left online");
    let missed = &details["missedMessages"][contact["chatRoom"].as_str().unwrap()];
    assert_eq!(
        each(missed, "message"),
        ["Friday at eight?", "Write when you read this."]
    );

    let (alice, details) = crate::dialect1::arrive_at(server.addr(), "3", &alice).await;
    assert_eq!(details["connectedUsers"].as_array().unwrap().len(), 3);
    let page = alice
        .history(json!({ "userId": bob.id, "limit": 100 }))
        .await
        .unwrap();
    let texts = each(&page["messages"], "message");
    assert_eq!(texts[0], "Hello Bob, are you there?");
    assert_eq!(texts[texts.len() - 1], "Write when you read this.");
    let statuses = each(&page["messages"], "status");
    let of_alice = page["messages"].as_array().unwrap().iter();
    let read = of_alice.filter(|one| one["status"] == "read").count();
    assert_eq!(read, 4, "{statuses:?}");
    let mut times: Vec<&Value> = each(&page["messages"], "createdAt");
    let in_order = times.clone();
    times.sort_by_key(|time| time.as_str().unwrap().to_owned());
    assert_eq!(times, in_order);

    alice.send(&bob.id, "Eight is fine.").await.unwrap();
    let message = bob.client.wait_for("new-message").await;
    assert_eq!(message["message"], "Eight is fine.");
    assert_eq!(message["from"]["user"]["_id"], alice.id);
}
