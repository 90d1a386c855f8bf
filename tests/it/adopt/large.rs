//! What only a large database shows.

use bson::{Document, doc};
use chatzz::adopt::Outcome;
use chatzz::store::adopt::{Kind, Reason};
use futures::TryStreamExt as _;

use super::old::{Old, Somebody, aside, assert_whole};
use crate::support::poll::eventually;

/// People whose every two have a chat room: 11,175.
const PEOPLE: usize = 150;

/// Ends an idle cursor on the old chat rooms, as MongoDB does after 10 minutes.
async fn end_a_cursor(database: &mongodb::Database) {
    let admin = database.client().database("admin");
    let rooms = format!("{}.chatrooms", database.name());
    eventually("a cursor is idle", async || {
        let stages = [
            doc! { "$currentOp": { "allUsers": true, "idleCursors": true } },
            doc! { "$match": { "type": "idleCursor", "ns": &rooms } },
        ];
        let idle = admin.aggregate(stages).await.unwrap();
        let idle: Vec<Document> = idle.try_collect().await.unwrap();
        let cursor = idle.first()?.get_document("cursor").ok()?;
        let id = cursor.get_i64("cursorId").ok()?;
        let kill = doc! { "killCursors": "chatrooms", "cursors": [id] };
        let killed = database.run_command(kill).await.unwrap();
        let killed = killed.get_array("cursorsKilled").unwrap();
        (!killed.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_mongodb_ends_is_opened_again_behind_the_last_chat_room() {
    let mut old = Old::empty().await;
    let mut people = Vec::new();
    for _ in 0..PEOPLE {
        let user = old.next_id();
        let chat_user = old.chat_user(user, doc! {});
        people.push(Somebody { user, chat_user });
    }
    for (number, one) in people.iter().enumerate() {
        for other in &people[..number] {
            old.room(&[*one, *other]);
        }
    }
    let old = old.store().await;
    let database = old.database.raw();

    let (report, ()) = tokio::join!(old.adopt(), end_a_cursor(&database));

    let report = report.unwrap();
    assert_whole(&report);
    assert_eq!(report.outcome, Outcome::Adopted);
    assert_eq!(report.kept.chat_rooms, 11_175);
}

#[tokio::test(flavor = "multi_thread")]
async fn tens_of_thousands_of_people_with_two_chat_users_each_are_merged() {
    const PEOPLE: usize = 20_000;
    let mut old = Old::empty().await;
    let mut people = Vec::new();
    for _ in 0..PEOPLE {
        let user = old.next_id();
        let pair = [(); 2].map(|()| old.chat_user(user, doc! {}));
        people.push(pair.map(|chat_user| Somebody { user, chat_user }));
    }
    for pair in people.chunks_exact(2).take(100) {
        let [[one, younger], [two, other]] = [pair[0], pair[1]];
        let rooms = [old.room(&[one, two]), old.room(&[other, younger])];
        old.room(&[one, younger]);
        old.say(rooms[0], [one, two], "first", "read");
        old.say(rooms[1], [other, younger], "second", "sent");
    }
    let old = old.store().await;

    let report = old.adopt().await.unwrap();

    assert_whole(&report);
    assert_eq!(report.kept.chat_users, 20_000);
    assert_eq!(report.kept.chat_rooms, 100);
    assert_eq!(report.kept.messages, 200);
    assert_eq!(aside(&report, Kind::ChatUsers, Reason::Merged), 20_000);
    assert_eq!(aside(&report, Kind::ChatRooms, Reason::Merged), 100);
    assert_eq!(aside(&report, Kind::ChatRooms, Reason::ToOneself), 100);
}
