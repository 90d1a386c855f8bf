//! Redaction: a message keeps its place and says nothing any more, for everybody and for ever.

use bson::{Document, doc};
use chatzz::config::ApiScope;
use serde_json::{Value, json};

use super::servers::two;
use super::{BackEnd, server, server_with};
use crate::support::poll::eventually;
use crate::support::user::{Person, each};

impl BackEnd {
    pub(super) async fn redact(&self, message: &Value) -> super::Answer {
        let target = format!("/v1/messages/{}/redact", message.as_str().unwrap());
        self.call_as("POST", &target, &[], "").await
    }

    /// All events of some types, once there are so many.
    async fn all_of(&self, types: &str, count: usize) -> Vec<Value> {
        let target = format!("/v1/events?after=oldest&wait=5s&types={types}");
        eventually("the events are there", async || {
            let page = self.get(&target).await;
            let events = page.body["events"].as_array().unwrap().clone();
            (events.len() >= count).then_some(events)
        })
        .await
    }
}

async fn changes(person: &Person, with: &Value, after: i64) -> Value {
    let asked = json!({ "userId": with, "afterRev": after });
    person.ask("get-changes", asked).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_people_hear_that_a_message_says_nothing_any_more() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "first").await.unwrap();
    let sent = alice.send_with(&bob.id, "secret", "k").await.unwrap();
    bob.read_up_to(&alice.id, 2).await.unwrap();
    alice.client.drain();
    bob.client.drain();

    let redacted = back_end.redact(&sent["_id"]).await;

    assert_eq!(redacted.outcome(), (200, "ok"));
    for person in [&alice, &bob] {
        let heard = person.client.wait_for("message-changed").await;
        for (field, value) in [
            ("_id", sent["_id"].clone()),
            ("seq", json!(2)),
            ("createdAt", sent["createdAt"].clone()),
            ("message", json!("")),
            ("redacted", json!(true)),
            ("rev", json!(1)),
            ("status", json!("read")),
        ] {
            assert_eq!(heard[field], value, "{field}: {heard}");
        }
    }
    let page = bob.history(json!({ "userId": alice.id })).await.unwrap();
    assert_eq!(
        each(&page["messages"], "message"),
        [&json!("first"), &json!("")]
    );
    let (_, details) = server.arrive(&bob.id).await;
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["lastMessage"]["message"], "");
    assert_eq!(contact["rev"], 1);
    assert!(!format!("{:?}", server.messages().await).contains("secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_changes_nothing_and_a_repeated_send_brings_nothing_back() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send_with(&bob.id, "secret", "k").await.unwrap();
    let first = back_end.redact(&sent["_id"]).await;
    bob.client.drain();

    let second = back_end.redact(&sent["_id"]).await;
    let again = alice.send_with(&bob.id, "secret", "k").await.unwrap();

    assert_eq!(first.body, second.body);
    assert_eq!(again["duplicate"], true);
    assert_eq!((&again["message"], &again["rev"]), (&json!(""), &json!(1)));
    assert_eq!(server.messages().await.len(), 1);
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_redacted_is_not_shown_again_by_a_later_receipt() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send(&bob.id, "secret").await.unwrap();
    back_end.redact(&sent["_id"]).await;

    bob.read_up_to(&alice.id, 1).await.unwrap();

    let changed = alice.client.wait_for("message-status-changed").await;
    assert_eq!(
        (&changed["status"], &changed["message"]),
        (&json!("read"), &json!(""))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_gets_the_changes_since_the_last_one_they_know() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let mut ids = Vec::new();
    for number in 1..=5 {
        let sent = alice.send(&bob.id, &number.to_string()).await.unwrap();
        ids.push(sent["_id"].clone());
    }
    for index in [3, 0, 4] {
        back_end.redact(&ids[index]).await;
    }

    let all = changes(&bob, &alice.id, 0).await;
    let some = changes(&bob, &alice.id, 2).await;
    let none = changes(&bob, &alice.id, 3).await;
    let asked = json!({ "userId": alice.id, "afterRev": 0, "limit": 2 });
    let page = bob.ask("get-changes", asked).await.unwrap();

    assert_eq!(
        each(&all["messages"], "seq"),
        [4, 1, 5].map(|seq| json!(seq)).iter().collect::<Vec<_>>()
    );
    assert_eq!((&all["rev"], &all["hasMore"]), (&json!(3), &json!(false)));
    assert_eq!(each(&some["messages"], "seq"), [&json!(5)]);
    assert_eq!((&none["messages"], &none["rev"]), (&json!([]), &json!(3)));
    assert_eq!((&page["rev"], &page["hasMore"]), (&json!(2), &json!(true)));
    // nobody else learns of it
    let carol = server.person("carol").await;
    let asked = json!({ "userId": alice.id, "afterRev": 0 });
    let refused = carol.ask("get-changes", asked).await.unwrap_err();
    assert_eq!(refused["code"], "no-chat-room");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_messages_of_one_of_the_two_are_redacted_in_steps() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    for number in 0..3 {
        alice.send(&bob.id, &format!("a{number}")).await.unwrap();
        bob.send(&alice.id, &format!("b{number}")).await.unwrap();
    }
    let room = server.dump("chatrooms").await[0]
        .get_object_id("_id")
        .unwrap();
    let target = format!("/v1/chat-rooms/{}/redact", room.to_hex());

    let done = back_end
        .call("POST", &target, &json!({ "from": alice.id }))
        .await;
    let again = back_end
        .call("POST", &target, &json!({ "from": alice.id }))
        .await;

    assert_eq!(
        done.body,
        json!({ "redacted": 3, "upTo": 5, "hasMore": false })
    );
    assert_eq!(again.body["redacted"], 0);
    let texts: Vec<String> = server
        .messages()
        .await
        .iter()
        .map(|one| one.get_str("message").unwrap().to_owned())
        .collect();
    assert_eq!(texts, ["", "b0", "", "b1", "", "b2"]);
    let nobody = back_end
        .call("POST", &target, &json!({ "from": "nobody" }))
        .await;
    assert_eq!(nobody.outcome(), (404, "user-not-found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_was_withheld_only_the_sender_hears() {
    let (server, back_end) = server_with(&[("CHATZZ_BLOCKED_SENDS", "withhold")]).await;
    let (alice, bob) = server.pair().await;
    bob.block(&alice.id).await.unwrap();
    let sent = alice.send(&bob.id, "not for you").await.unwrap();
    alice.client.drain();

    back_end.redact(&sent["_id"]).await;

    let heard = alice.client.expect_envelope("message-changed").await;
    assert_eq!(heard["status"], "sent");
    bob.client.assert_silent_for_roundtrip().await;
    assert_eq!(changes(&bob, &alice.id, 0).await["messages"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_kind_loses_its_data_too() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send(&bob.id, "x").await.unwrap();
    let custom = doc! { "$set": { "kind": "location", "data": "{\"lat\":1}" } };
    server
        .collection("chatmessages")
        .update_one(doc! {}, custom)
        .await
        .unwrap();

    back_end.redact(&sent["_id"]).await;

    let stored = &server.messages().await[0];
    assert!(
        !stored.contains_key("kind") && !stored.contains_key("data"),
        "{stored}"
    );
}

/// Redacts as a back end would: again, as long as it is not known whether it was done.
async fn redact_at_last(back_end: &BackEnd, message: &Value) -> super::Answer {
    let mut answer = back_end.redact(message).await;
    for _ in 0..10 {
        if answer.outcome() != (504, "unknown-outcome") {
            break;
        }
        answer = back_end.redact(message).await;
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_redact_at_once_number_the_changes_without_a_gap() {
    let world = two(&[ApiScope::Send, ApiScope::Manage]).await;
    let (alice, bob) = (&world.alice, &world.bob);
    let (alice_at_one, _) = world.servers[0].login(alice).await;
    let (bob_at_two, _) = world.servers[1].login(bob).await;
    let mut ids = Vec::new();
    for number in 0..40 {
        let sent = world.back_ends[0]
            .send(alice, bob, "x", &number.to_string())
            .await;
        ids.push(sent.body["_id"].clone());
    }
    let each = ids.iter().enumerate();
    let each = each.map(|(number, id)| redact_at_last(&world.back_ends[number % 2], id));

    let done = futures::future::join_all(each).await;

    let refused: Vec<&Value> = done
        .iter()
        .filter(|one| one.status != 200)
        .map(|one| &one.body)
        .collect();
    assert_eq!(refused, Vec::<&Value>::new());
    let stored = world.database.dump("chatmessages").await;
    let mut revs: Vec<i64> = stored
        .iter()
        .map(|one| one.get_i64("rev").unwrap())
        .collect();
    revs.sort_unstable();
    assert_eq!(revs, (1..=40).collect::<Vec<_>>());
    for person in [&alice_at_one, &bob_at_two] {
        let mut heard = std::collections::BTreeSet::new();
        while heard.len() < 40 {
            let changed = person.client.wait_for("message-changed").await;
            heard.insert(changed["rev"].as_i64().unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_changes_at_once_only_the_last_one_is_announced() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    for number in 0..20 {
        alice.send(&bob.id, &number.to_string()).await.unwrap();
    }
    let room = server.dump("chatrooms").await[0]
        .get_object_id("_id")
        .unwrap();
    let target = format!("/v1/chat-rooms/{}/redact", room.to_hex());
    bob.client.drain();

    back_end.call("POST", &target, &json!({})).await;

    let heard = bob.client.expect_envelope("message-changed").await;
    assert_eq!((&heard["rev"], &heard["seq"]), (&json!(20), &json!(20)));
    bob.client.assert_silent_for_roundtrip().await;
    assert_eq!(
        changes(&bob, &alice.id, 0).await["messages"]
            .as_array()
            .unwrap()
            .len(),
        20
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_redacted_at_two_servers_at_once_is_changed_once() {
    let world = two(&[ApiScope::Send, ApiScope::Manage, ApiScope::Events]).await;
    let sent = world.back_ends[0]
        .send(&world.alice, &world.bob, "x", "1")
        .await;
    let id = &sent.body["_id"];
    let [one, other] = &world.back_ends;
    let calls = [one, other, one, other].map(|back_end| back_end.redact(id));

    let done = futures::future::join_all(calls).await;

    for answer in done {
        assert_eq!((answer.status, &answer.body["rev"]), (200, &json!(1)));
    }
    // what each server logs after it shows that there is no second one
    for (back_end, key) in [(one, "2"), (other, "3")] {
        back_end.send(&world.bob, &world.alice, "y", key).await;
    }
    one.all_of("message.created", 3).await;
    assert_eq!(one.all_of("message.redacted", 1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_hears_of_it_as_an_event_and_of_the_message_as_it_is_now() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send(&bob.id, "secret").await.unwrap();

    back_end.redact(&sent["_id"]).await;

    let events = back_end.all_of("message.created,message.redacted", 2).await;
    assert_eq!(events[0]["data"]["message"]["message"], "");
    assert_eq!(events[1]["type"], "message.redacted");
    assert_eq!(events[1]["data"]["messageIds"], json!([sent["_id"]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_says_what_was_written_though_an_earlier_attempt_was_refused() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let first = alice.send(&bob.id, "first").await.unwrap();
    let second = alice.send(&bob.id, "second").await.unwrap();
    let refuse = async |validator: Document| {
        let command = doc! { "collMod": "chatmessages", "validator": validator };
        server.database().run_command(command).await.unwrap();
    };

    refuse(doc! { "redacted": { "$ne": true } }).await;
    let refused = back_end.redact(&first["_id"]).await;
    refuse(doc! {}).await;
    back_end.redact(&second["_id"]).await;
    back_end.redact(&first["_id"]).await;

    assert_eq!(refused.outcome(), (503, "unavailable"));
    let events = back_end.all_of("message.redacted", 2).await;
    let said = events.iter().map(|event| &event["data"]["messageIds"]);
    assert_eq!(
        said.collect::<Vec<_>>(),
        [&json!([second["_id"]]), &json!([first["_id"]])]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_redacted_is_said() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "x").await.unwrap();
    let carol = server.person("carol").await;
    let room = server.dump("chatrooms").await[0]
        .get_object_id("_id")
        .unwrap();
    let of = |room: &str| format!("/v1/chat-rooms/{room}/redact");

    let stranger = json!({ "from": carol.id });
    let stranger = back_end.call("POST", &of(&room.to_hex()), &stranger).await;
    let nowhere = back_end
        .call("POST", &of("6b0211a50868a8577e8603e1"), &json!({}))
        .await;

    assert_eq!(stranger.outcome(), (404, "user-not-found"));
    assert_eq!(nowhere.outcome(), (404, "no-chat-room"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_not_there_cannot_be_redacted() {
    let (_server, back_end) = server().await;
    for id in ["6b0211a50868a8577e8603e1", "x"] {
        let answer = back_end.redact(&json!(id)).await;
        assert_eq!(answer.outcome(), (404, "message-not-found"));
    }
}
