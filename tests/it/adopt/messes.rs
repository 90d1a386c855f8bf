//! Every mess that 1.1.5 makes: kept as far as it can be, or set aside and counted.

use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use chatzz::adopt::Outcome;
use chatzz::store::adopt::{Kind, Reason};
use serde_json::json;

use super::old::{Old, Somebody, aside, assert_whole, quick};
use crate::support::binary::Binary;
use crate::support::user::each;

/// The dry run counts the same as the run, which is returned.
async fn adopt(old: &Old) -> chatzz::adopt::Report {
    let before = old.database.fingerprint().await;
    let mut options = quick();
    options.dry_run = true;
    let planned = old.adopt_with(&options).await.unwrap();
    assert_eq!(planned.outcome, Outcome::Planned);
    assert_eq!(
        old.database.fingerprint().await,
        before,
        "a dry run writes nothing"
    );

    let report = old.adopt().await.unwrap();

    assert_whole(&report);
    assert_eq!(report.found, planned.found);
    assert_eq!(report.kept, planned.kept, "{planned}");
    assert_eq!(report.set_aside, planned.set_aside, "{planned}");
    assert_eq!(report.users_gone, planned.users_gone);
    old.assert_clean().await;
    report
}

/// The one chat room there is.
async fn room(old: &Old) -> Document {
    let mut rooms = old.database.dump("chatrooms").await;
    assert_eq!(rooms.len(), 1);
    rooms.remove(0)
}

/// How far somebody has got in the one chat room: delivered, sent, read, read messages.
async fn cursors(old: &Old, who: Somebody) -> [i64; 4] {
    let room = room(old).await;
    let cursors = room.get_document("cursors").unwrap();
    let cursors = cursors.get_document(who.chat_user.to_hex()).unwrap();
    let of = |cursor: &str, field: &str| {
        let cursor = cursors.get_document(cursor);
        cursor.map_or(0, |cursor| cursor.get_i64(field).unwrap())
    };
    let delivered = cursors.get_i64("delivered").unwrap();
    [
        delivered,
        of("sent", "seq"),
        of("read", "seq"),
        of("read", "count"),
    ]
}

async fn rest(old: &Old) -> Vec<Document> {
    old.database.dump("chatzz_adopted_rest").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_shows_afterwards_what_it_showed_before() {
    let mut old = Old::empty().await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    let there = old.room(&[alice, bob]);
    for (pair, text, status) in [
        ([alice, bob], "one", "read"),
        ([bob, alice], "two", "read"),
        ([alice, bob], "three", "sent"),
        ([alice, bob], "four", "not_sent"),
    ] {
        old.say(there, pair, text, status);
    }
    let old = old.store().await;

    adopt(&old).await;

    assert_eq!(cursors(&old, bob).await, [3, 3, 1, 1]);
    assert_eq!(cursors(&old, alice).await, [4, 0, 2, 1]);
    let server = Binary::serve(&old.database.keys()).await;
    let (alice_here, details) = server.login(&alice.id()).await;
    assert_eq!(
        details["connectedUsers"][0]["status"], "offline",
        "nobody is left online"
    );
    assert_eq!(details["connectedUsers"][0]["chatRoomId"], there.to_hex());
    assert_eq!(details["missedMessages"], json!({}));
    let page = alice_here
        .history(json!({ "userId": bob.id() }))
        .await
        .unwrap();
    assert_eq!(
        each(&page["messages"], "message"),
        ["one", "two", "three", "four"]
    );
    assert_eq!(
        each(&page["messages"], "status"),
        ["read", "read", "sent", "not_sent"]
    );
    let (_, details) = server.login(&bob.id()).await;
    let missed = &details["missedMessages"][alice.user.to_hex()];
    assert_eq!(each(missed, "message"), ["four"], "and nothing old");
    let next = alice_here.send(&bob.id(), "five").await.unwrap();
    assert_eq!(next["seq"], 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_that_were_added_twice_or_from_both_sides_become_the_oldest() {
    let mut old = Old::empty().await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    let rooms = [
        old.room(&[bob, alice]),
        old.room(&[alice, bob]),
        old.room(&[alice, bob]),
    ];
    let said = [(2, "one"), (0, "two"), (1, "three"), (0, "four")];
    let said = said.map(|(room, text)| old.say(rooms[room], [alice, bob], text, "sent"));
    let old = old.store().await;

    let report = adopt(&old).await;

    assert_eq!(aside(&report, Kind::ChatRooms, Reason::Merged), 2);
    let room = room(&old).await;
    assert_eq!(room.get_object_id("_id").unwrap(), rooms[0]);
    assert_eq!(room.get_object_id("addedBy").unwrap(), bob.chat_user);
    let messages = old.database.messages().await;
    let ids: Vec<_> = messages
        .iter()
        .map(|one| one.get_object_id("_id").unwrap())
        .collect();
    assert_eq!(ids, said, "in the order in which they were said");
    let is_there = |one: &Document| one.get_object_id("chatRoom").unwrap() == rooms[0];
    assert!(messages.iter().all(is_there));
    let merged = &rest(&old).await[0];
    assert_eq!(
        merged
            .get_document("document")
            .unwrap()
            .get_object_id("_id")
            .unwrap(),
        rooms[1]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_numbered_by_time_and_then_by_id() {
    let mut old = Old::empty().await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    let there = old.room(&[alice, bob]);
    for (text, at) in [("third", 30), ("fourth", 30), ("first", 10), ("second", 20)] {
        let at = doc! { "createdAt": DateTime::from_millis(at) };
        old.say_with(there, [alice, bob], text, at);
    }
    let old = old.store().await;

    adopt(&old).await;

    let messages = old.database.messages().await;
    let texts: Vec<_> = messages
        .iter()
        .map(|one| one.get_str("message").unwrap())
        .collect();
    assert_eq!(texts, ["first", "second", "third", "fourth"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_with_oneself_is_set_aside_with_what_was_said_there() {
    let mut old = Old::empty().await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    let with_oneself = old.room(&[alice, alice]);
    old.say(with_oneself, [alice, alice], "note", "sent");
    let there = old.room(&[alice, bob]);
    // 1.1.5 put a message to oneself into the first room with anybody
    old.say(there, [alice, alice], "another note", "not_sent");
    old.say(there, [alice, bob], "hello", "sent");
    let old = old.store().await;

    let report = adopt(&old).await;

    assert_eq!(aside(&report, Kind::ChatRooms, Reason::ToOneself), 1);
    assert_eq!(aside(&report, Kind::Messages, Reason::RoomSetAside), 1);
    assert_eq!(aside(&report, Kind::Messages, Reason::ToOneself), 1);
    assert_eq!(report.kept.messages, 1);
    assert_eq!(cursors(&old, alice).await, [1, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_set_aside_as_it_is() {
    let mut old = Old::empty().await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    let carol = old.somebody("carol").await;
    let there = old.room(&[alice, bob]);
    let missing = Somebody {
        user: ObjectId::new(),
        chat_user: old.next_id(),
    };
    let with_missing = old.room(&[alice, missing]);
    old.room(&[alice]);
    old.room(&[alice, bob, carol]);
    let long = "x".repeat(2 * 1024 * 1024);
    let long = old.say(there, [alice, bob], &long, "sent");
    old.say(there, [alice, carol], "to a stranger", "sent");
    old.say(ObjectId::new(), [alice, bob], "nowhere", "sent");
    old.say_with(bson::Bson::Null, [alice, bob], "nowhere at all", doc! {});
    old.say_with("a text", [alice, bob], "in no room", doc! {});
    old.say(with_missing, [alice, missing], "to nobody", "sent");
    old.say_with(there, [alice, bob], "", doc! { "message": null });
    old.say_with(there, [alice, bob], "", doc! { "createdAt": "yesterday" });
    old.say(there, [alice, bob], "kept", "sent");
    old.chat_user(bson::Bson::Null, doc! {});
    let old = old.store().await;

    let report = adopt(&old).await;

    for (kind, reason, count) in [
        (Kind::ChatUsers, Reason::Malformed, 1),
        (Kind::ChatRooms, Reason::MemberMissing, 1),
        (Kind::ChatRooms, Reason::ToOneself, 1),
        (Kind::ChatRooms, Reason::Malformed, 1),
        (Kind::Messages, Reason::TooLong, 1),
        (Kind::Messages, Reason::Stranger, 1),
        (Kind::Messages, Reason::WithoutRoom, 3),
        (Kind::Messages, Reason::RoomSetAside, 1),
        (Kind::Messages, Reason::Malformed, 2),
    ] {
        assert_eq!(
            aside(&report, kind, reason),
            count,
            "{kind:?} {reason:?}: {report}"
        );
    }
    assert_eq!(report.kept.messages, 1);
    let rest = rest(&old).await;
    let is_long =
        |one: &&Document| one.get_document("_id").unwrap().get("id") == Some(&long.into());
    let stored = rest
        .iter()
        .find(is_long)
        .unwrap()
        .get_document("document")
        .unwrap();
    assert_eq!(stored.get_str("message").unwrap().len(), 2 * 1024 * 1024);
    assert_eq!(stored.get_str("status").unwrap(), "sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_keep_what_a_deleted_user_wrote() {
    let mut old = Old::empty().await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    let there = old.room(&[alice, bob]);
    old.say(there, [bob, alice], "still here", "read");
    let old = old.store().await;
    old.database
        .collection("users")
        .delete_one(doc! { "_id": bob.user })
        .await
        .unwrap();

    let report = adopt(&old).await;

    assert_eq!(report.users_gone, 1);
    assert!(
        report.to_string().contains("1 chat user without a user"),
        "{report}"
    );
    let server = Binary::serve(&old.database.keys()).await;
    let (alice, details) = server.login(&alice.id()).await;
    assert_eq!(details["connectedUsers"][0]["deleted"], true);
    let page = alice.history(json!({ "userId": bob.id() })).await.unwrap();
    assert_eq!(each(&page["messages"], "message"), ["still here"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_chat_users_of_one_person_become_the_older() {
    let mut old = Old::empty().await;
    let (alice, bob) = (old.somebody("alice").await, old.somebody("bob").await);
    let again = old.chat_user(bob.user, doc! { "status": "offline" });
    let again = Somebody {
        user: bob.user,
        chat_user: again,
    };
    let rooms = [old.room(&[alice, bob]), old.room(&[alice, again])];
    old.room(&[bob, again]);
    old.say(rooms[0], [alice, bob], "one", "sent");
    old.say(rooms[1], [again, alice], "two", "sent");
    let old = old.store().await;

    let report = adopt(&old).await;

    assert_eq!(aside(&report, Kind::ChatUsers, Reason::Merged), 1);
    assert_eq!(aside(&report, Kind::ChatRooms, Reason::Merged), 1);
    assert_eq!(aside(&report, Kind::ChatRooms, Reason::ToOneself), 1);
    assert_eq!(report.kept.messages, 2);
    let from = old.database.messages().await[1]
        .get_object_id("from")
        .unwrap();
    assert_eq!(from, bob.chat_user);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_thousand_messages_with_every_mess_among_them() {
    let old = Old::big(60, 200, 5_000).await;
    let report = adopt(&old).await;
    assert_eq!(report.found.messages, 5_000);
    assert!(
        report.kept.messages > 4_000 && report.became_read > 0,
        "{report}"
    );
    assert!(report.set_aside.len() >= 8, "{report}");
    let rooms = old.database.dump("chatrooms").await;
    assert!(rooms.iter().all(|room| !room.contains_key("becameRead")));
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_users_of_nobody_are_not_taken_for_one_person() {
    let mut old = Old::empty().await;
    old.somebody("alice").await;
    for nobody in [Bson::Null, Bson::Null, doc! {}.into(), doc! {}.into()] {
        old.chat_user(nobody, doc! {});
    }
    let old = old.store().await;

    let report = adopt(&old).await;

    assert_eq!(aside(&report, Kind::ChatUsers, Reason::Malformed), 4);
    assert_eq!(report.kept.chat_users, 1);
}
