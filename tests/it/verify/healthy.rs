//! What a server makes has no findings, at rest and at work; looking writes nothing.

use bson::{Document, doc};
use chatzz::verify::{Checked, Options};

use super::{World, run, store};
use crate::support::database::TestDatabase;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_a_server_made_is_clean() {
    let world = World::healthy().await;

    let report = world.verify().await;

    assert_eq!(report.findings, [], "{report}");
    assert!(report.is_clean());
    let checked = Checked {
        chat_users: 3,
        rooms: 2,
        messages: 10,
    };
    assert_eq!(report.checked, checked);
    assert_eq!(report.database, world.database.name());
}

/// Every command that the database got, as the profiler of the server saw it.
#[tokio::test(flavor = "multi_thread")]
async fn without_repair_no_write_is_sent_even_when_there_is_much_to_mend() {
    let world = World::healthy().await;
    world
        .update_message(2, doc! { "$set": { "counts": [7_i64, 7_i64] } })
        .await;
    world.drop_index("chatusers", "user").await;
    let head = doc! { "$set": { "lastSeq": 99_i64 } };
    world
        .update("chatrooms", doc! { "_id": world.room }, head)
        .await;
    let database = world.database.raw();
    let before = world.database.fingerprint().await;
    database.run_command(doc! { "profile": 2 }).await.unwrap();

    let report = world.verify().await;

    database.run_command(doc! { "profile": 0 }).await.unwrap();
    assert!(!report.is_clean(), "{report}");
    let seen = world.database.dump("system.profile").await;
    let mut reads = 0;
    for entry in &seen {
        let command = entry.get_document("command").cloned().unwrap_or_default();
        let name = command.keys().next().map_or("", String::as_str).to_owned();
        let reading = [
            "find",
            "aggregate",
            "count",
            "getMore",
            "listIndexes",
            "profile",
        ];
        assert!(reading.contains(&name.as_str()), "not a read: {entry}");
        let stages = command.get_array("pipeline").cloned().unwrap_or_default();
        let text = Document::from_iter([("pipeline".to_owned(), stages.into())]).to_string();
        assert!(!text.contains("$out") && !text.contains("$merge"), "{text}");
        reads += usize::from(name != "profile");
    }
    assert!(reads > 5, "the profiler has seen the run: {seen:?}");
    world
        .database
        .collection("system.profile")
        .drop()
        .await
        .unwrap();
    assert_eq!(world.database.fingerprint().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_for_messages_without_a_room_reads_no_others() {
    let world = World::healthy().await;
    let database = world.database.raw();
    database.run_command(doc! { "profile": 2 }).await.unwrap();

    world.verify().await;

    database.run_command(doc! { "profile": 0 }).await.unwrap();
    let seen = world.database.dump("system.profile").await;
    let asked = seen.iter().filter(|entry| {
        let command = entry.get_document("command");
        command.is_ok_and(|command| {
            command.to_string().contains("$expr")
                && entry.get_str("ns").unwrap().ends_with(".chatmessages")
        })
    });
    let read = asked.map(|entry| entry.get_i32("docsExamined").unwrap());
    assert_eq!(read.collect::<Vec<_>>(), [0], "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_server_that_is_being_written_to_there_are_no_findings() {
    let database = TestDatabase::shared().await;
    let server = Server::try_on_database(database.uri(), database.name(), &[]);
    let server = server.await.unwrap();
    let (alice, bob) = server.pair().await;
    let store = store(&database).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let talking = async {
        let mut sent = 0_u64;
        while !*stopped.borrow() {
            alice.send(&bob.id, "to bob").await.unwrap();
            bob.send(&alice.id, "to alice").await.unwrap();
            sent += 2;
            if sent.is_multiple_of(10) {
                bob.read_up_to(&alice.id, sent).await.unwrap();
            }
            if sent.is_multiple_of(30) {
                // new chat rooms are created in the meantime
                let somebody = server.user(&format!("somebody{sent}")).await;
                alice.add(&somebody).await.unwrap();
                alice.send(&somebody, "hello").await.unwrap();
            }
        }
        sent
    };
    let checking = async {
        let mut reports = Vec::new();
        for _ in 0..4 {
            reports.push(run(&store, &Options::default()).await);
        }
        stop.send(true).unwrap();
        reports
    };

    let (sent, reports) = tokio::join!(talking, checking);

    assert!(sent > 0, "there was something to disturb it");
    for report in reports {
        assert_eq!(report.findings, [], "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_lacks_its_migrations_and_indexes_and_nothing_else() {
    let database = TestDatabase::shared().await;
    let store = store(&database).await;

    let report = run(&store, &super::quick()).await;

    let names: Vec<String> = report.counts.keys().map(|check| check.name()).collect();
    assert_eq!(names, ["index", "migrations"]);
    assert_eq!(database.collections().await, Vec::<String>::new());
}
