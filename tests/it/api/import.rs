//! Bringing in what people wrote elsewhere: before anything else, unheard, and once.

use std::fmt::Write as _;
use std::time::Instant;

use bson::doc;
use chatzz::config::ApiScope;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::servers::two;
use super::{Answer, BackEnd, server};
use crate::support::user::each;
use crate::verify::assert_clean;

impl BackEnd {
    async fn import(&self, lines: &[Value]) -> Answer {
        let mut body = String::new();
        for line in lines {
            writeln!(body, "{line}").unwrap();
        }
        self.import_text(&body).await
    }

    async fn import_text(&self, body: &str) -> Answer {
        self.call_as("POST", "/v1/messages/import", &[], body).await
    }
}

/// The message with this number.
fn old(from: &Value, to: &Value, number: i64) -> Value {
    let (minutes, seconds) = (number / 60 % 60, number % 60);
    let hours = 10 + number / 3_600;
    json!({
        "from": from, "to": to, "message": format!("old {number}"), "key": format!("old-{number}"),
        "createdAt": format!("2020-01-01T{hours:02}:{minutes:02}:{seconds:02}Z"),
    })
}

fn unread(line: Value) -> Value {
    let mut line = line;
    line["unread"] = json!(true);
    line
}

/// The last line of an answer.
fn end(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.lines().pop().expect("it has lines")
}

fn counts(end: &Value) -> [u64; 5] {
    let names = ["lines", "imported", "duplicates", "conflicts", "refused"];
    names.map(|name| end[name].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_brought_in_is_the_beginning_of_the_conversation() {
    let (server, back_end) = server().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let lines = [
        old(&alice, &bob, 1),
        old(&bob, &alice, 2),
        unread(old(&alice, &bob, 3)),
    ];

    let answer = back_end.import(&lines).await;

    assert_eq!(counts(&end(&answer)), [3, 3, 0, 0, 0]);
    assert_eq!(end(&answer)["errors"], json!([]));
    let (alice, details) = server.arrive(&alice).await;
    assert_eq!(details["connectedUsers"][0]["unreadCount"], 0);
    assert_eq!(
        details["connectedUsers"][0]["lastMessage"]["message"],
        "old 3"
    );
    alice.client.assert_silent_for_roundtrip().await;
    let (bob, details) = server.arrive(&bob).await;
    assert_eq!(details["connectedUsers"][0]["unreadCount"], 1);
    let missed = &details["missedMessages"][alice.id.as_str().unwrap()];
    assert_eq!(each(missed, "message"), ["old 3"], "{details}");
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    let first = &page["messages"][0];
    assert_eq!(first["createdAt"], "2020-01-01T10:00:01.000Z");
    assert_eq!(
        (&first["status"], &first["seq"]),
        (&json!("read"), &json!(1))
    );
    assert_eq!(
        (&first["via"], &first["clientId"]),
        (&Value::Null, &Value::Null)
    );
    let sent = alice.send(&bob.id, "new").await.unwrap();
    assert_eq!(sent["seq"], 4);
    assert_clean(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_again_stores_nothing_even_after_something_was_sent() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let lines: Vec<Value> = (1..=7)
        .map(|number| old(&alice.id, &bob.id, number))
        .collect();
    back_end.import(&lines[..4]).await;

    let second = back_end.import(&lines[..6]).await;
    alice.send(&bob.id, "new").await.unwrap();
    let third = back_end.import(&lines).await;

    assert_eq!(counts(&end(&second)), [6, 2, 4, 0, 0]);
    assert_eq!(counts(&end(&third)), [7, 0, 6, 1, 0]);
    let error = &end(&third)["errors"][0];
    assert_eq!(
        (&error["line"], &error["code"]),
        (&json!(7), &json!("conflict"))
    );
    assert_eq!(server.messages().await.len(), 7);
    assert_clean(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_repeats_a_message_that_was_sent_does_not_make_it_read() {
    let (server, back_end) = server().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    back_end.send(&alice, &bob, "old 1", "old-1").await;
    back_end.send(&alice, &bob, "another", "old-2").await;

    let answer = back_end.import(&[old(&alice, &bob, 1)]).await;

    assert_eq!(counts(&end(&answer)), [1, 0, 1, 0, 0]);
    let (_, details) = server.arrive(&bob).await;
    assert_eq!(details["connectedUsers"][0]["unreadCount"], 2);
    let missed = &details["missedMessages"][alice.as_str().unwrap()];
    assert_eq!(each(missed, "message"), ["old 1", "another"], "{details}");
    assert_clean(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_have_got_what_they_wrote_but_not_what_is_unread_before_it() {
    let (server, back_end) = server().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let carol = server.user("carol").await;
    back_end
        .import(&[
            old(&alice, &bob, 1),
            old(&alice, &bob, 2),
            unread(old(&bob, &alice, 3)),
            old(&alice, &carol, 4),
            unread(old(&carol, &alice, 5)),
        ])
        .await;
    back_end.import(&[unread(old(&alice, &carol, 6))]).await;

    let delivered = async |one: &Value, who: &Value| {
        let target = format!(
            "/v1/chat-rooms?user={}&with={}",
            one.as_str().unwrap(),
            who.as_str().unwrap()
        );
        let room = back_end.get(&target).await;
        let id = server.chat_user(who).await.get_object_id("_id").unwrap();
        let rooms = server.dump("chatrooms").await;
        let room = rooms.iter().find(|found| {
            let found = found.get_object_id("_id").unwrap().to_hex();
            room.body["_id"] == found
        });
        let cursors = room.unwrap().get_document("cursors").unwrap();
        let cursors = cursors.get_document(id.to_hex()).unwrap();
        cursors.get_i64("delivered").unwrap_or_default()
    };
    assert_eq!(delivered(&alice, &bob).await, 3);
    assert_eq!(delivered(&bob, &alice).await, 2);
    assert_eq!(delivered(&alice, &carol).await, 2);
    // what she wrote behind an unread one confirms nothing
    assert_eq!(delivered(&carol, &alice).await, 1);
    let (_, details) = server.arrive(&alice).await;
    for (who, text) in [(&bob, "old 3"), (&carol, "old 5")] {
        let missed = &details["missedMessages"][who.as_str().unwrap()];
        assert_eq!(each(missed, "message"), [text], "{details}");
    }
    assert_clean(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_of_what_was_brought_in() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;

    let lines = [old(&alice.id, &bob.id, 1), old(&bob.id, &alice.id, 2)];
    back_end.import(&lines).await;
    let sent = alice.send(&bob.id, "new").await.unwrap();

    let heard = bob.client.expect_envelope("new-message").await;
    assert_eq!(heard["_id"], sent["_id"]);
    let mut heard = Vec::new();
    while heard.is_empty() {
        let target = "/v1/events?after=oldest&wait=5s&types=message.created";
        let events = back_end.get(target).await;
        heard = events.body["events"].as_array().unwrap().clone();
    }
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0]["data"]["message"]["message"], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_wrong_stores_nothing_and_says_why() {
    let (server, back_end) = server().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let with = |field: &str, value: Value| {
        let mut line = old(&alice, &bob, 5);
        line[field] = value;
        line.to_string()
    };
    let good = old(&alice, &bob, 2).to_string();
    let lines = [
        ("nothing", "bad-request", "not JSON"),
        ("[]", "bad-request", "an object"),
        (&with("from", json!("nobody")), "user-not-found", "from: "),
        (&with("to", json!("nobody")), "user-not-found", "to: "),
        (&with("to", alice.clone()), "cannot-add-self", "to: "),
        (&with("message", json!("")), "bad-request", "message"),
        (
            &with("message", json!("x".repeat(70_000))),
            "message-too-long",
            "",
        ),
        (
            &with("createdAt", json!("yesterday")),
            "bad-request",
            "createdAt: ",
        ),
        (
            &with("createdAt", json!("2199-01-01T00:00:00Z")),
            "bad-request",
            "createdAt: ",
        ),
        (&with("key", json!("")), "bad-request", "key: "),
        (&with("via", json!("x")), "bad-request", "via"),
        (&with("kind", json!("unknown")), "bad-request", "kind"),
        ("", "bad-request", "not JSON"),
        (&"x".repeat(600_000), "bad-request", "longer than"),
        (&good, "ok", ""),
        (
            &old(&bob, &alice, 1).to_string(),
            "bad-request",
            "createdAt: ",
        ),
        (&good.replace("old 2", "another"), "client-id-conflict", ""),
    ];
    let body: Vec<&str> = lines.iter().map(|(line, ..)| *line).collect();

    let answer = back_end.import_text(&body.join("\n")).await;

    let end = end(&answer);
    let all = u64::try_from(lines.len()).unwrap();
    assert_eq!(counts(&end), [all, 1, 0, 0, all - 1], "{end}");
    let errors = end["errors"].as_array().unwrap();
    for (index, (line, code, detail)) in lines.iter().enumerate() {
        let error = errors.iter().find(|error| error["line"] == index + 1);
        let Some(error) = error else {
            assert_eq!(*code, "ok", "{line}");
            continue;
        };
        assert_eq!(error["code"], *code, "{error}");
        assert!(
            error["detail"].as_str().unwrap().contains(detail),
            "{error}"
        );
    }
    assert_eq!(server.messages().await.len(), 1);
    assert_eq!(server.dump("chatrooms").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_and_sends_at_the_same_time_leave_one_conversation_without_a_gap() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let lines: Vec<Value> = (1..=3_000)
        .map(|number| old(&alice.id, &bob.id, number))
        .collect();
    let other = server.another_of(&alice).await;
    let sends = async {
        for number in 0..20 {
            other.send(&bob.id, &number.to_string()).await.unwrap();
        }
    };

    let (one, two, ()) = tokio::join!(back_end.import(&lines), back_end.import(&lines), sends);

    let (one, two) = (counts(&end(&one)), counts(&end(&two)));
    let stored = server.messages().await;
    assert_eq!(stored.len() as u64, one[1] + two[1] + 20);
    let seqs: Vec<i64> = stored
        .iter()
        .map(|one| one.get_i64("seq").unwrap())
        .collect();
    assert_eq!(
        seqs,
        (1..=i64::try_from(stored.len()).unwrap()).collect::<Vec<_>>()
    );
    assert_clean(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_a_body_that_does_not_go_on() {
    let world = two(&[ApiScope::Import]).await;
    let [one, _two] = world.servers;
    let [first, second] = &world.back_ends;
    let lines = [
        old(&world.alice, &world.bob, 1),
        old(&world.alice, &world.bob, 2),
    ];
    let mut stream = TcpStream::connect(first.addr).await.unwrap();
    let begun = format!(
        "POST /v1/messages/import HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/x-ndjson\r\ncontent-length: 10000\r\n\r\n{}\n",
        first.key, lines[0]
    );
    stream.write_all(begun.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
    }

    let ended = one.terminate().await;

    assert!(ended.status.success(), "{}", ended.err);
    // whatever else comes with an end of the connection
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("\"code\":\"unavailable\""), "{answer}");
    let again = second.import(&lines).await;
    assert_eq!(counts(&end(&again))[0], 2);
    assert_eq!(world.database.dump("chatmessages").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_are_brought_in_at_once() {
    let (server, back_end) = server().await;
    let mut people = Vec::new();
    for number in 0..20 {
        people.push(server.user(&format!("person {number}")).await);
    }
    let mut body = String::new();
    for (number, index) in (0..10_000).zip(0_usize..) {
        let (from, to) = (index % 20, (index + 1 + index / 20 % 3) % 20);
        writeln!(body, "{}", old(&people[from], &people[to], number)).unwrap();
    }
    let started = Instant::now();

    let answer = back_end.import_text(&body).await;

    println!("{:?} for 10,000 messages", started.elapsed());
    assert_eq!(counts(&end(&answer)), [10_000, 10_000, 0, 0, 0]);
    let room = server
        .collection("chatrooms")
        .find_one(doc! {})
        .await
        .unwrap();
    assert!(room.unwrap().get_i64("lastSeq").unwrap() > 100);
    assert_clean(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_not_stored_are_named_in_their_order() {
    let (server, back_end) = server().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let nobody = json!("65a0000000000000000000ff");
    let lines = [
        old(&alice, &nobody, 1).to_string(),
        "{".to_owned(),
        old(&alice, &bob, 2).to_string(),
        old(&alice, &nobody, 3).to_string(),
        "[]".to_owned(),
    ];

    let answer = back_end.import_text(&lines.join("\n")).await;

    assert_eq!(counts(&end(&answer)), [5, 1, 0, 0, 4]);
    assert_eq!(each(&end(&answer)["errors"], "line"), [1, 2, 4, 5]);
}
