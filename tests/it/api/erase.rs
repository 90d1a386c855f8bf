//! Removing what is stored of a user: nothing of it is left in any collection.

use std::time::Duration;

use bson::{Bson, Document, doc};
use chatzz::config::ApiScope;
use futures::TryStreamExt as _;
use serde_json::{Value, json};

use super::export::fill;
use super::servers::{Two, two};
use super::{Answer, BackEnd, server, server_with};
use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::verify::assert_clean;

impl BackEnd {
    async fn erase(&self, who: &Value) -> Answer {
        let target = format!("/v1/users/{}/erase", who.as_str().unwrap());
        self.call_as("POST", &target, &[], "").await
    }
}

/// The last line of an answer.
fn end(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.lines().pop().expect("it has lines")
}

/// The text of every document of the database in which a word occurs.
async fn containing(server: &Server, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in server.database().list_collection_names().await.unwrap() {
        let documents = server.collection(&name).find(doc! {}).await.unwrap();
        let documents: Vec<_> = documents.try_collect().await.unwrap();
        let texts = documents.iter().map(|one| format!("{name}: {one:?}"));
        found.extend(texts.filter(|text| text.contains(word)));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_user_said_or_set_is_left_in_any_collection() {
    let (server, back_end) = server_with(&[
        ("CHATZZ_REQUEST_TIMEOUT", "1s"),
        ("CHATZZ_NOTIFY_AFTER", "1s"),
        ("CHATZZ_BLOCKED_SENDS", "withhold"),
    ])
    .await;
    for id in ["canary-alice", "bob", "carol", "canary-friend"] {
        server.store_user(doc! { "_id": id, "username": id }).await;
    }
    let alice_id = json!("canary-alice");
    let (alice, _) = server.arrive(&alice_id).await;
    let (bob, _) = server.arrive(&json!("bob")).await;
    let (carol, _) = server.arrive(&json!("carol")).await;
    let friend = server.arrive(&json!("canary-friend")).await.0;
    alice.add(&bob.id).await.unwrap();
    alice.add(&carol.id).await.unwrap();
    // one that is redacted already and one that is withheld, from a device and from the back end
    let first = alice.send_with(&bob.id, "canary-0", "canary-key-0").await;
    back_end.redact(&first.unwrap()["_id"]).await;
    alice
        .send_with(&bob.id, "canary-1", "canary-key-1")
        .await
        .unwrap();
    back_end
        .send(&alice_id, &bob.id, "canary-2", "canary-key-2")
        .await;
    let custom = doc! { "$set": {
        "kind": "canary-kind", "data": "{\"a\":\"canary\"}", "asked": "canary-digest",
    } };
    let of_text = doc! { "message": "canary-1" };
    let messages = server.collection("chatmessages");
    messages.update_one(of_text, custom).await.unwrap();
    carol.block(&alice_id).await.unwrap();
    alice.send(&carol.id, "canary-3").await.unwrap();
    alice.block(&friend.id).await.unwrap();
    let listed = json!({ "whitelist": [friend.id], "whitelistOnly": true });
    alice.ask("set-privacy", listed).await.unwrap();
    let listed = json!({ "whitelist": [alice_id] });
    bob.ask("set-privacy", listed).await.unwrap();
    bob.send(&alice_id, "of bob").await.unwrap_err();
    server
        .collection("users")
        .delete_one(doc! { "_id": "canary-alice" })
        .await
        .unwrap();
    let before = containing(&server, "canary").await;
    assert!(before.len() > 6, "{before:?}");

    let answer = back_end.erase(&alice_id).await;

    assert_eq!(
        end(&answer),
        json!({ "kind": "end", "end": true, "chatRooms": 2, "messages": 3, "lists": 2 })
    );
    assert_clean(&server).await;
    let mut left = containing(&server, "canary").await;
    // the friend is a user like others, and has a chat user
    left.retain(|text| !text.contains("canary-friend"));
    // for as long as the log is kept, the application hears who is erased
    left.retain(|text| !text.starts_with("chatzz_events: "));
    assert_eq!(left, Vec::<String>::new());
    let said = containing(&server, "canary-friend").await;
    assert!(
        said.iter().all(|text| !text.starts_with("chatprivacy: ")),
        "{said:?}"
    );
    for word in [
        "canary-0",
        "canary-1",
        "canary-2",
        "canary-3",
        "canary-key",
        "canary-kind",
    ] {
        assert_eq!(
            containing(&server, word).await,
            Vec::<String>::new(),
            "{word}"
        );
    }
    let chat_users = server.dump("chatusers").await;
    let gone = chat_users
        .iter()
        .find(|one| {
            one.get_str("user")
                .is_ok_and(|user| user.starts_with("erased:"))
        })
        .expect("the chat user stays");
    assert_eq!(gone.get("lastOnline"), Some(&Bson::Null));
    assert_eq!(gone.get_str("status").unwrap(), "offline");
    assert!(
        !gone.contains_key("changedAt") && !gone.contains_key("changedBy"),
        "{gone:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_see_it_go_and_keep_what_they_said() {
    let (server, back_end) = server_with(&[("CHATZZ_REQUEST_TIMEOUT", "1s")]).await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send(&bob.id, "secret").await.unwrap();
    bob.send(&alice.id, "of bob").await.unwrap();
    bob.client.drain();

    let answer = back_end.erase(&alice.id).await;

    assert_eq!(end(&answer)["messages"], 1);
    let heard = bob.client.wait_for("message-changed").await;
    assert_eq!(
        (&heard["_id"], &heard["message"]),
        (&sent["_id"], &json!(""))
    );
    alice.client.closed(Duration::from_secs(10)).await.unwrap();
    let (bob, details) = server.arrive(&bob.id).await;
    let contact = &details["connectedUsers"][0];
    let id = contact["_id"].as_str().unwrap();
    assert!(id.starts_with("erased:"), "{contact}");
    assert_eq!(contact["deleted"], true);
    let page = bob.history(json!({ "userId": id })).await.unwrap();
    let said: Vec<&str> = page["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["message"].as_str().unwrap())
        .collect();
    assert_eq!(said, ["", "of bob"]);
    let refused = bob.send(&json!(id), "are you there?").await.unwrap_err();
    assert_eq!(refused["code"], "user-not-found");
    let acted = format!("/v1/users/{id}/privacy");
    let acted = back_end
        .call("PUT", &acted, &json!({ "whitelistOnly": true }))
        .await;
    assert_eq!(acted.outcome(), (404, "user-not-found"));
    let read = back_end.get(&format!("/v1/users/{id}")).await;
    assert_eq!(read.body["user"]["deleted"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_finds_nothing_and_who_comes_back_begins_anew() {
    let (server, back_end) = server_with(&[("CHATZZ_REQUEST_TIMEOUT", "1s")]).await;
    let (alice, bob) = server.pair().await;
    alice.send_with(&bob.id, "secret", "k").await.unwrap();
    back_end.erase(&alice.id).await;

    let again = back_end.erase(&alice.id).await;
    let nobody = back_end.erase(&json!("nobody")).await;
    let (alice, details) = server.arrive(&alice.id).await;

    for answer in [&again, &nobody] {
        assert_eq!(
            end(answer),
            json!({ "kind": "end", "end": true, "chatRooms": 0, "messages": 0, "lists": 0 })
        );
    }
    assert_eq!(details["connectedUsers"], json!([]));
    alice.add(&bob.id).await.unwrap();
    let sent = alice.send_with(&bob.id, "back again", "k").await.unwrap();
    assert_eq!(
        (&sent["seq"], &sent["duplicate"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(server.dump("chatrooms").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_took_part_is_erased_from_the_lists_of_others() {
    let (server, back_end) = server().await;
    let (bob, carol) = (server.user("bob").await, server.user("carol").await);
    let (bob, _) = server.arrive(&bob).await;
    let listed = json!({ "whitelist": [carol], "whitelistOnly": true });
    bob.ask("set-privacy", listed).await.unwrap();

    let answer = back_end.erase(&carol).await;

    assert_eq!(end(&answer)["lists"], 1);
    let privacies = server.dump("chatprivacy").await;
    assert!(
        privacies[0].get_array("whitelist").unwrap().is_empty(),
        "{privacies:?}"
    );
    let read = bob.ask("set-privacy", json!({})).await.unwrap();
    assert_eq!(read["whitelist"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_is_not_taken_in_again_as_they_are_remembered() {
    let (server, back_end) = server_with(&[("CHATZZ_USER_CACHE", "1h")]).await;
    let bob = server.person("bob").await;
    let dora = json!("dora");
    server
        .store_user(doc! { "_id": "dora", "username": "dora" })
        .await;
    bob.add(&dora).await.unwrap();
    let users = server.collection("users");
    users.delete_one(doc! { "_id": "dora" }).await.unwrap();

    let answer = back_end.erase(&dora).await;
    let refused = bob.add(&dora).await.unwrap_err();

    assert_eq!(end(&answer)["chatRooms"], 1);
    assert_eq!(refused["code"], "user-not-found");
    assert_eq!(server.dump("chatusers").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_late_server_left_behind_is_erased_by_the_new_name() {
    let (server, back_end) = server_with(&[("CHATZZ_REQUEST_TIMEOUT", "1s")]).await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "secret").await.unwrap();
    let before = server.chat_user(&alice.id).await;
    let who = before.get_object_id("_id").unwrap();
    back_end.erase(&alice.id).await;
    // as if a server that heard of it late had stored these
    let messages = server.collection("chatmessages");
    let again = doc! {
        "$set": { "message": "secret" }, "$unset": { "redacted": "", "rev": "" },
    };
    messages
        .update_one(doc! { "from": who }, again)
        .await
        .unwrap();
    let block = doc! { "$set": { "blocked": [
        { "who": who, "user": before.get("user").unwrap(), "at": bson::DateTime::now() },
    ] } };
    let of_bob = server
        .chat_user(&bob.id)
        .await
        .get_object_id("_id")
        .unwrap();
    server
        .collection("chatprivacy")
        .update_one(doc! { "_id": of_bob }, block)
        .upsert(true)
        .await
        .unwrap();

    let by_old = back_end.erase(&alice.id).await;
    let name = json!(format!("erased:{}", who.to_hex()));
    let by_new = back_end.erase(&name).await;

    assert_eq!(
        (&end(&by_old)["messages"], &end(&by_old)["lists"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(end(&by_new)["messages"], 1);
    assert_eq!(containing(&server, "secret").await, Vec::<String>::new());
    assert_eq!(containing(&server, "erasure:").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_was_killed_goes_on_when_it_is_asked_again() {
    let (server, back_end) = server_with(&[("CHATZZ_REQUEST_TIMEOUT", "1s")]).await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "secret").await.unwrap();
    alice.client.close().await;
    let who = server.chat_user(&alice.id).await;
    let id = who.get_object_id("_id").unwrap();
    // as if it had been killed once the chat user had its new name, before anybody learned
    let begun = doc! {
        "_id": format!("erasure:{}", id.to_hex()), "user": who.get("user").unwrap(),
    };
    server
        .collection("chatzz_meta")
        .insert_one(begun)
        .await
        .unwrap();
    let renamed = doc! { "$set": { "user": format!("erased:{}", id.to_hex()) } };
    let chat_users = server.collection("chatusers");
    chat_users
        .update_one(doc! { "_id": id }, renamed)
        .await
        .unwrap();

    let answer = back_end.erase(&alice.id).await;

    assert_eq!(end(&answer)["messages"], 1);
    assert_eq!(containing(&server, "secret").await, Vec::<String>::new());
    assert_eq!(containing(&server, "erasure:").await, Vec::<String>::new());
    let (_, details) = server.arrive(&alice.id).await;
    assert_eq!(details["connectedUsers"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_at_every_server_and_the_application_hears_of_it_once_it_is_done() {
    let world = two(&[ApiScope::Send, ApiScope::Privacy, ApiScope::Events]).await;
    let (alice, bob) = (&world.alice, &world.bob);
    world.back_ends[0].send(alice, bob, "secret", "1").await;
    let (at_two, _) = world.servers[1].login(alice).await;

    let answer = world.back_ends[0].erase(alice).await;

    assert_eq!(end(&answer)["messages"], 1, "{answer:?}");
    at_two.client.closed(Duration::from_secs(10)).await.unwrap();
    let target = "/v1/events?after=oldest&wait=5s&types=user.erased";
    let events = world.back_ends[1].get(target).await;
    assert_eq!(events.body["events"][0]["type"], "user.erased");
    assert_eq!(events.body["events"][0]["data"]["userId"], *alice);
    eventually("the other server takes them for somebody new", async || {
        let (again, details) = world.servers[1].login(alice).await;
        again.client.close().await;
        (details["connectedUsers"] == json!([])).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_online_at_a_server_that_was_killed_is_not_erased_before_they_are_gone() {
    let world = two(&[ApiScope::Send, ApiScope::Privacy]).await;
    let alice = &world.alice;
    let [first, _] = &world.back_ends;
    first.send(alice, &world.bob, "secret", "1").await;
    let [_one, two] = world.servers;
    let (_at_two, _) = two.login(alice).await;
    eventually("it is stored that she is online", async || {
        let stored = world.database.dump("chatusers").await;
        let is_online = |one: &Document| one.get_str("status").unwrap() == "online";
        stored.iter().any(is_online).then_some(())
    })
    .await;
    two.kill().await;

    eventually("it ends", async || {
        let answer = first.erase(alice).await;
        let end = end(&answer);
        if end["kind"] == "end" {
            return Some(());
        }
        assert_eq!(
            (&end["kind"], &end["code"]),
            (&json!("error"), &json!("unavailable"))
        );
        let meta = world.database.dump("chatzz_meta").await;
        assert!(format!("{meta:?}").contains("erasure:"), "{meta:?}");
        None
    })
    .await;

    let stored = world.database.dump("chatusers").await;
    let gone = stored
        .iter()
        .find(|one| {
            one.get_str("user")
                .is_ok_and(|user| user.starts_with("erased:"))
        })
        .expect("the chat user stays");
    assert_eq!(gone.get("lastOnline"), Some(&Bson::Null), "{gone:?}");
    assert_eq!(gone.get_array("nodes").unwrap().len(), 0, "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_in_the_middle_leaves_nothing_that_another_cannot_finish() {
    let Two {
        database,
        servers: [one, _two],
        back_ends: [first, second],
        alice,
        bob,
    } = two(&[ApiScope::Send, ApiScope::Privacy]).await;
    let opened = json!({ "from": alice, "to": bob });
    assert_eq!(
        first.call("PUT", "/v1/chat-rooms", &opened).await.status,
        201
    );
    let room = database.dump("chatrooms").await.remove(0);
    let messages = database.collection("chatmessages");
    fill(&room, messages.clone(), 20_000).await;
    let who = alice.clone();
    let cut = tokio::spawn(async move { first.erase(&who).await });
    let redacted = doc! { "redacted": true };
    eventually("some are redacted", async || {
        let found = messages.find_one(redacted.clone()).await.unwrap();
        found.map(drop)
    })
    .await;

    one.kill().await;
    // what it was answered does not matter
    cut.abort();
    let before = messages.count_documents(redacted.clone()).await.unwrap();
    let answer = second.erase(&alice).await;

    assert!((1..10_000).contains(&before), "{before}");
    // what the killed one had under way may have come after the count
    let rest = end(&answer)["messages"].as_u64().unwrap();
    assert!((1..=10_000 - before).contains(&rest), "{rest}, {before}");
    let stored = database.dump("chatmessages").await;
    let mut revs: Vec<i64> = stored
        .iter()
        .filter_map(|one| one.get_i64("rev").ok())
        .collect();
    revs.sort_unstable();
    // also where the database still did what the killed one asked
    let is_whole = revs.iter().copied().eq(1..=10_000);
    assert!(is_whole, "{} up to {:?}", revs.len(), revs.last());
    assert!(stored.iter().all(|one| {
        let is_of_alice = one.get_i64("seq").unwrap() % 2 == 1;
        one.get_str("message").unwrap().is_empty() == is_of_alice
    }));
    let meta = database.dump("chatzz_meta").await;
    assert!(!format!("{meta:?}").contains("erasure:"), "{meta:?}");
}
