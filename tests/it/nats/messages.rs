//! What is stored crosses by NATS before it comes by the log, or by one of them alone.

use bson::doc;
use serde_json::{Value, json};

use super::{World, assert_nothing_comes};
use crate::support::user::Person;

/// So many envelopes of one kind, as they come.
async fn next(person: &Person, kind: &str, count: usize) -> Vec<Value> {
    let mut heard = Vec::new();
    for _ in 0..count {
        heard.push(person.client.wait_for(kind).await);
    }
    heard
}

fn seqs(messages: &[Value]) -> Vec<u64> {
    let seqs = messages.iter().map(|message| message["seq"].as_u64());
    seqs.map(Option::unwrap).collect()
}

/// From now on nothing can be written into the log of events, or it can again.
async fn refuse_entries(world: &World, refuse: bool) {
    let validator = if refuse {
        doc! { "at": "never" }
    } else {
        doc! {}
    };
    let command = doc! { "collMod": "chatzz_events", "validator": validator };
    world.database.raw().run_command(command).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_does_not_have_yet_is_heard_and_once() {
    let world = World::start().await;
    let (device, _) = world.two.server.login(&world.alice.id).await;
    let carol = world.database.user("carol").await;
    world.settle().await;
    refuse_entries(&world, true).await;

    let mut statuses = Vec::new();
    for text in ["one", "two", "three"] {
        let sent = world.alice.send(&world.bob.id, text).await.unwrap();
        statuses.push(sent["status"].clone());
    }
    assert_eq!(statuses, ["sent"; 3], "bob is connected, if elsewhere");
    for person in [&world.bob, &device] {
        let messages = next(person, "new-message", 3).await;
        assert_eq!(seqs(&messages), [1, 2, 3]);
        assert_eq!(messages[0]["from"]["_id"], world.alice.id);
    }
    world.bob.read_up_to(&world.alice.id, 3).await.unwrap();
    for person in [&world.alice, &device] {
        let change = person.client.wait_for("message-status-changed").await;
        assert_eq!(change["status"], "read");
        assert_eq!(change["range"], json!({ "from": 1, "to": 3 }));
    }
    world.alice.add(&carol).await.unwrap();
    let added = device.client.wait_for("chat-user-added").await;
    assert_eq!(added["_id"], carol);
    world.alice.block(&carol).await.unwrap();
    let privacy = device.client.wait_for("privacy-changed").await;
    assert_eq!(privacy["userId"], carol, "{privacy}");

    // now the log has all of it, too
    refuse_entries(&world, false).await;
    world.alice.send(&world.bob.id, "four").await.unwrap();
    for person in [&world.bob, &device] {
        let messages = next(person, "new-message", 1).await;
        assert_eq!(seqs(&messages), [4]);
        assert_nothing_comes(person).await;
    }
    let own = next(&world.alice, "new-message", 4).await;
    assert_eq!(seqs(&own), [1, 2, 3, 4]);
    let rest = world.alice.client.drain().into_iter();
    let rest: Vec<String> = rest.map(|envelope| envelope.kind).collect();
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nats_loses_comes_by_the_log_in_order_and_once() {
    let mut world = World::start().await;

    for number in 1..=60 {
        match number {
            15 => world.nats.kill(),
            35 => world.nats.restart().await,
            _ => {}
        }
        let text = number.to_string();
        world.alice.send(&world.bob.id, &text).await.unwrap();
    }

    let messages = next(&world.bob, "new-message", 60).await;
    assert_eq!(seqs(&messages), (1..=60).collect::<Vec<u64>>());
    assert_nothing_comes(&world.bob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_writing_across_have_one_order() {
    let world = World::start().await;
    let send = async |from: &Person, to: &Person| {
        for number in 1..=30 {
            from.send(&to.id, &number.to_string()).await.unwrap();
        }
    };

    tokio::join!(
        send(&world.alice, &world.bob),
        send(&world.bob, &world.alice)
    );

    for person in [&world.alice, &world.bob] {
        // their own as well, as they are stored
        let messages = next(person, "new-message", 60).await;
        assert_eq!(seqs(&messages), (1..=60).collect::<Vec<u64>>());
        assert_nothing_comes(person).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_and_goes_elsewhere_is_heard_at_once() {
    let world = World::start().await;
    refuse_entries(&world, true).await;

    world.bob.client.close().await;

    let change = world
        .alice
        .client
        .wait_for("chat-user-status-changed")
        .await;
    assert_eq!(change["status"], "offline");
    let _back = world.two.server.login(&world.bob.id).await;
    let change = world
        .alice
        .client
        .wait_for("chat-user-status-changed")
        .await;
    assert_eq!(change["status"], "online");
    refuse_entries(&world, false).await;
    assert_nothing_comes(&world.alice).await;
}
