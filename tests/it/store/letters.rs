//! Letters: what is stored of them when the database refuses one.

use bson::{DateTime, doc};
use chatzz::id::{ChatRoomId, ChatUserId};
use chatzz::store::{Event, Item, Letter, Occurrence, Place, What};

use crate::support::database::TestDatabase;
use crate::verify::store;

fn letter(room: ChatRoomId, members: [ChatUserId; 2], index: u32) -> Letter {
    let event = Event::ContactAdded { room, members };
    let number = i64::from(index);
    let occurrence = Occurrence {
        place: Place { entry: 7, index },
        at: DateTime::now(),
        what: What::Item(Item { number, event }),
    };
    let now = DateTime::now();
    Letter::new(occurrence, now, now, "the answer has the status 500")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_letter_is_stored_without_those_before_it_and_a_repeat_stores_the_rest() {
    let database = TestDatabase::shared().await;
    let pushes = store(&database).await.pushes();
    let room = ChatRoomId::generate();
    let members = [ChatUserId::generate(), ChatUserId::generate()];
    let letters: Vec<Letter> = (0..40).map(|index| letter(room, members, index)).collect();
    database.raw().create_collection("chatzz_meta").await.ok();
    let refuse = async |validator| {
        let command = doc! { "collMod": "chatzz_meta", "validator": validator };
        database.raw().run_command(command).await.unwrap();
    };
    let subject = letters[0].occurrence.subject();
    let stored = async || pushes.list_letters_about(subject, 100).await.unwrap();

    refuse(doc! { "index": { "$ne": 3_i64 } }).await;
    let refused = pushes.add_letters(&letters).await;

    assert!(refused.is_err());
    assert_eq!(stored().await.len(), 3);

    refuse(doc! {}).await;
    pushes.add_letters(&letters).await.unwrap();
    let ids: Vec<String> = stored().await.iter().map(Letter::id).collect();
    assert_eq!(ids, letters.iter().map(Letter::id).collect::<Vec<_>>());
}
