//! `GET /v1/events`.

use std::time::Duration;

use bson::doc;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::server;

#[tokio::test(flavor = "multi_thread")]
async fn what_people_do_is_heard_in_order_and_the_same_again_from_the_same_cursor() {
    let (server, back_end) = server().await;
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let before = back_end.events("head", "").await;
    assert!(before.events.is_empty() && !before.has_more);
    alice.add(&bob.id).await.unwrap();
    let sent = alice.send(&bob.id, "hello").await.unwrap();
    bob.read_up_to(&alice.id, 1).await.unwrap();
    bob.block(&alice.id).await.unwrap();
    bob.unblock(&alice.id).await.unwrap();

    let heard = back_end.events_until(&before.cursor, "", 5).await;
    let again = back_end.events(&before.cursor, "").await;
    let nothing = back_end.events(&heard.cursor, "").await;

    let types = heard.types();
    assert_eq!(types[0], "contact.added", "nothing is said before it");
    let mut types = types;
    types.sort_unstable();
    let expected = [
        "contact.added",
        "message.created",
        "message.read",
        "user.blocked",
        "user.unblocked",
    ];
    assert_eq!(types, expected);
    assert_eq!(heard.ids(), again.ids());
    assert!(nothing.events.is_empty());
    let of = |kind: &str| heard.events.iter().find(|one| one["type"] == kind).unwrap();
    let created = of("message.created");
    let message = &created["data"]["message"];
    assert_eq!(message["_id"], sent["_id"]);
    assert_eq!(message["message"], "hello");
    assert_eq!(message["status"], "read", "as it is by now");
    assert_eq!((&message["from"], &message["to"]), (&alice.id, &bob.id));
    assert_eq!(created["timestamp"], message["createdAt"]);
    let read = &of("message.read")["data"];
    assert_eq!((&read["reader"], &read["sender"]), (&bob.id, &alice.id));
    assert_eq!((&read["fromSeq"], &read["upToSeq"]), (&json!(1), &json!(1)));
    let added = &of("contact.added")["data"]["chatRoom"];
    assert_eq!(added["members"], json!([alice.id, bob.id]));
    for kind in ["user.blocked", "user.unblocked"] {
        let blocked = &of(kind)["data"];
        assert_eq!(
            (&blocked["userId"], &blocked["otherId"]),
            (&bob.id, &alice.id)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_join_without_gap_or_overlap_in_the_order_of_the_chat_room() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let start = back_end.events("head", "").await.cursor;
    let texts: Vec<String> = (0..25).map(|number| format!("text {number}")).collect();
    for text in &texts {
        alice.send(&bob.id, text).await.unwrap();
    }
    back_end
        .events_until(&start, "&types=message.created", 25)
        .await;

    let mut heard: Vec<String> = Vec::new();
    let mut cursor = start;
    loop {
        let page = back_end
            .events(&cursor, "&types=message.created&limit=4")
            .await;
        assert!(page.events.len() <= 4);
        heard.extend(page.texts().into_iter().map(str::to_owned));
        cursor = page.cursor;
        if !page.has_more {
            break;
        }
    }

    assert_eq!(heard, texts);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_on_behind_an_event_hears_exactly_the_rest() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let start = back_end.events("head", "").await.cursor;
    for number in 1..=6 {
        // those in between are not wanted; some of these share an entry of the log
        let sends = ["one", "two"].map(|text| format!("{text} {number}"));
        for text in &sends {
            alice.send(&bob.id, text).await.unwrap();
        }
        bob.read_up_to(&alice.id, 2 * number).await.unwrap();
    }
    let wanted = "&types=message.created";
    back_end.events_until(&start, wanted, 12).await;
    let all = back_end.events(&start, &format!("{wanted}&limit=9")).await;
    let rest = back_end.events(&all.cursor, wanted).await;
    let ids: Vec<&str> = all.ids().into_iter().chain(rest.ids()).collect();
    assert_eq!((all.ids().len(), ids.len()), (9, 12));

    for (at, event) in all.events.iter().chain(&rest.events).enumerate() {
        let cursor = event["cursor"].as_str().unwrap();
        let behind = back_end.events(cursor, wanted).await;
        assert_eq!(behind.ids(), ids[at + 1..], "behind {at}");
    }
    assert_eq!(all.events[8]["cursor"], all.cursor);
    assert_eq!(rest.events[2]["cursor"], rest.cursor);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_answered_when_something_happens_and_after_the_time_with_nothing() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "before").await.unwrap();
    let start = back_end
        .events_until("oldest", "&types=message.created", 1)
        .await;
    let begun = Instant::now();

    let waits = back_end.events(&start.cursor, "&types=message.created&wait=9s");
    let speaks = async {
        // it may wait or not yet: it hears of it either way
        alice.send(&bob.id, "now").await.unwrap();
    };
    let (heard, ()) = tokio::join!(waits, speaks);

    assert_eq!(heard.texts(), ["now"]);
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    let begun = Instant::now();
    let nothing = back_end
        .events(&heard.cursor, "&types=user.blocked&wait=1s")
        .await;
    assert!(nothing.events.is_empty());
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_lets_nobody_wait() {
    let (mut server, back_end) = server().await;
    let start = back_end.events("head", "").await.cursor;
    let begun = Instant::now();

    let waits = back_end.events(&start, "&wait=9s");
    let (heard, ()) = tokio::join!(waits, async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.stop().await;
    });

    assert!(heard.events.is_empty());
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_in_one_part_and_a_chat_room_whole_in_one() {
    let (server, back_end) = server().await;
    let alice = server.person("alice").await;
    let start = back_end.events("head", "").await.cursor;
    for number in 0..12 {
        let other = server.user(&format!("other-{number}")).await;
        for text in ["one", "two"] {
            let key = format!("{number}-{text}");
            back_end.send(&alice.id, &other, text, &key).await;
        }
    }
    let whole = back_end.events_until(&start, "", 36).await;

    let mut parts = Vec::new();
    for part in 1..=4 {
        parts.push(
            back_end
                .events(&start, &format!("&partition={part}/4"))
                .await,
        );
    }

    let room = |event: &Value| {
        let data = &event["data"];
        let of_message = data["message"]["chatRoomId"].as_str();
        of_message
            .or(data["chatRoom"]["_id"].as_str())
            .unwrap()
            .to_owned()
    };
    let mut ids: Vec<&str> = parts.iter().flat_map(super::Page::ids).collect();
    let mut expected = whole.ids();
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert!(parts.iter().filter(|part| !part.events.is_empty()).count() > 1);
    for part in &parts {
        for event in &part.events {
            let of_room = |one: &&Value| room(one) == room(event);
            let here = part.events.iter().filter(of_room).count();
            assert_eq!(here, whole.events.iter().filter(of_room).count());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_heard_by_who_asks_for_it() {
    let (server, back_end) = server().await;
    let start = back_end.events("head", "").await.cursor;
    let alice = server.person("alice").await;

    let online = "&types=user.online,user.offline";
    let heard = back_end.events_until(&start, online, 1).await;

    assert_eq!(heard.types(), ["user.online"]);
    assert_eq!(heard.events[0]["data"]["userId"], alice.id);
    assert!(back_end.events(&start, "").await.events.is_empty());
    let id = alice.id.clone();
    alice.client.close().await;
    let heard = back_end.events_until(&heard.cursor, online, 1).await;
    assert_eq!(heard.types(), ["user.offline"]);
    assert_eq!(heard.events[0]["data"]["userId"], id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_leads_to_what_was_written_since() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "before").await.unwrap();
    back_end
        .events_until("oldest", "&types=message.created", 1)
        .await;
    let noon = bson::DateTime::now().try_to_rfc3339_string().unwrap();
    alice.send(&bob.id, "after").await.unwrap();

    let heard = back_end
        .events_until(&noon, "&types=message.created", 1)
        .await;
    let all = back_end
        .events("2020-01-01T00:00:00Z", "&types=message.created")
        .await;

    assert_eq!(heard.texts(), ["after"]);
    assert_eq!(all.texts(), ["before", "after"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_whose_events_were_removed_or_of_another_log_is_gone() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let start = back_end.events("oldest", "&limit=1").await.cursor;
    let mut newest = back_end.events("head", "").await;
    for text in ["one", "two", "three"] {
        alice.send(&bob.id, text).await.unwrap();
        newest = back_end.events_until(&newest.cursor, "", 1).await;
    }
    let log = server.collection("chatzz_events");
    let ids = server.dump("chatzz_events").await;
    let ids = ids.iter().map(|entry| entry.get_i64("_id").unwrap());
    let last = ids.max().unwrap();
    let after = |cursor: &str| format!("/v1/events?after={cursor}");

    log.delete_many(doc! { "_id": { "$lt": last } })
        .await
        .unwrap();
    let old = back_end.get(&after(&start)).await;
    let time = back_end.get(&after("2020-01-01T00:00:00Z")).await;
    let still = back_end.events(&newest.cursor, "").await;
    log.update_many(doc! {}, doc! { "$set": { "at": bson::DateTime::MIN } })
        .await
        .unwrap();
    let other = back_end.get(&after(&newest.cursor)).await;
    log.delete_many(doc! {}).await.unwrap();
    let beyond = back_end.get(&after(&newest.cursor)).await;

    for gone in [old, time, other, beyond] {
        assert_eq!(gone.outcome(), (410, "cursor-gone"), "{gone:?}");
        assert_eq!(gone.body["stored"], "no");
    }
    assert!(still.events.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_one_clear_error() {
    let (_server, back_end) = server().await;
    for (query, field) in [
        ("", "after"),
        ("after=yesterday", "after"),
        ("after=head&limit=0", "limit"),
        ("after=head&limit=501", "limit"),
        ("after=head&types=message.sent", "types"),
        ("after=head&partition=9/8", "partition"),
        ("after=head&wait=60s", "wait"),
        ("after=head&whom=me", "whom"),
    ] {
        let refused = back_end.get(&format!("/v1/events?{query}")).await;
        assert_eq!(refused.outcome(), (400, "bad-request"), "{query}");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(field), "{query}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_keeps_no_other_event_back() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        let sent = alice.send(&bob.id, text).await.unwrap();
        ids.push(sent["_id"].clone());
    }
    let damage = doc! { "$set": { "counts": "damaged" } };
    let messages = server.collection("chatmessages");
    let damaged = messages.update_one(doc! { "seq": 2_i64 }, damage).await;
    assert_eq!(damaged.unwrap().modified_count, 1);

    let heard = back_end
        .events_until("oldest", "&types=message.created", 2)
        .await;

    let heard: Vec<&Value> = heard
        .events
        .iter()
        .map(|one| &one["data"]["message"]["_id"])
        .collect();
    assert_eq!(heard, [&ids[0], &ids[2]]);
}
