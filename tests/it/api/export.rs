//! Handing out what is stored of a user: all of it, in lines, from wherever it was cut off.

use std::time::{Duration, Instant};

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use mongodb::Collection;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::{Answer, BackEnd, server, server_with};
use crate::support::poll::until;

impl BackEnd {
    async fn export(&self, who: &Value, after: Option<&Value>) -> Answer {
        let who = who.as_str().unwrap();
        let after = after.map(|after| format!("?after={}", after.as_str().unwrap()));
        let after = after.unwrap_or_default();
        self.get(&format!("/v1/users/{who}/export{after}")).await
    }
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    let kinds = lines.iter().map(|line| line["kind"].as_str().unwrap());
    kinds.collect()
}

fn texts(lines: &[Value]) -> Vec<&str> {
    let texts = lines.iter().map(|line| &line["message"]["message"]);
    texts.filter_map(Value::as_str).collect()
}

/// Stores many messages between two people who have a chat room, each of them theirs in turn.
pub(super) async fn fill(room: &Document, messages: Collection<Document>, count: i64) {
    let members = room.get_array("chatUsers").unwrap();
    let room = room.get_object_id("_id").unwrap();
    let message = |seq: i64| {
        let is_first = seq % 2 == 1;
        let [from, to] = if is_first { [0, 1] } else { [1, 0] };
        doc! {
            "_id": ObjectId::new(), "chatRoom": room, "seq": seq,
            "from": &members[from], "to": &members[to],
            "message": format!("message number {seq} of a long conversation"),
            "createdAt": DateTime::from_millis(1_700_000_000_000 + seq),
            "counts": [(seq + 1) / 2, seq / 2],
        }
    };
    for first in (1..=count).step_by(10_000) {
        let last = count.min(first + 9_999);
        let some: Vec<Document> = (first..=last).map(message).collect();
        messages.insert_many(some).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_whose_chat_user_is_missing_does_not_hold_it_up() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "to bob").await.unwrap();
    let of_bob = server.chat_user(&bob.id).await;
    bob.client.close().await;
    let who = of_bob.get_object_id("_id").unwrap();
    let chat_users = server.collection("chatusers");
    chat_users.delete_one(doc! { "_id": who }).await.unwrap();

    let lines = back_end.export(&alice.id, None).await.lines();

    assert_eq!(
        kinds(&lines),
        ["user", "privacy", "chat-room", "message", "end"]
    );
    let gone = format!("erased:{}", who.to_hex());
    assert_eq!(lines[2]["chatRoom"]["userId"], gone);
    assert_eq!(texts(&lines), ["to bob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_stored_of_a_user_is_handed_out() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let carol = server.person("carol").await;
    alice.add(&carol.id).await.unwrap();
    alice.send_with(&bob.id, "to bob", "k").await.unwrap();
    bob.send(&alice.id, "from bob").await.unwrap();
    carol.send(&alice.id, "from carol").await.unwrap();
    bob.send(&carol.id, "none of hers").await.unwrap_err();
    alice.read_up_to(&bob.id, 2).await.unwrap();
    alice.block(&carol.id).await.unwrap();
    let listed = json!({ "whitelistOnly": true, "whitelist": [bob.id] });
    alice.ask("set-privacy", listed).await.unwrap();

    let lines = back_end.export(&alice.id, None).await.lines();

    assert_eq!(kinds(&lines)[..2], ["user", "privacy"]);
    assert_eq!(lines[0]["user"]["userId"], alice.id);
    let privacy = &lines[1]["privacy"];
    assert_eq!(privacy["whitelist"], json!([bob.id]));
    assert_eq!(privacy["blocked"][0]["userId"], carol.id);
    let rooms: Vec<&Value> = lines
        .iter()
        .filter(|line| line["kind"] == "chat-room")
        .collect();
    assert_eq!(rooms.len(), 2);
    let with_bob = rooms
        .iter()
        .find(|room| room["chatRoom"]["userId"] == bob.id);
    assert_eq!(with_bob.unwrap()["chatRoom"]["readUpTo"], 2);
    let mut said = texts(&lines);
    said.sort_unstable();
    assert_eq!(said, ["from bob", "from carol", "to bob"]);
    let sent = lines
        .iter()
        .find(|line| line["message"]["message"] == "to bob");
    assert_eq!(sent.unwrap()["message"]["clientId"], "k");
    assert_eq!(
        lines.last().unwrap(),
        &json!({ "kind": "end", "end": true, "chatRooms": 2, "messages": 3 })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_withheld_from_a_user_is_not_theirs() {
    let (server, back_end) = server_with(&[("CHATZZ_BLOCKED_SENDS", "withhold")]).await;
    let (alice, bob) = server.pair().await;
    bob.block(&alice.id).await.unwrap();
    alice.send(&bob.id, "not for you").await.unwrap();

    let of_bob = back_end.export(&bob.id, None).await.lines();
    let of_alice = back_end.export(&alice.id, None).await.lines();

    assert_eq!(texts(&of_bob), Vec::<&str>::new());
    assert_eq!(texts(&of_alice), ["not for you"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_goes_on_behind_whichever_line_came_last() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let carol = server.person("carol").await;
    alice.add(&carol.id).await.unwrap();
    for (to, text) in [(&bob.id, "1"), (&carol.id, "2"), (&bob.id, "3")] {
        alice.send(to, text).await.unwrap();
    }
    let whole = back_end.export(&alice.id, None).await.lines();
    let end = whole.len() - 1;

    for (index, line) in whole[..end].iter().enumerate() {
        let rest = back_end.export(&alice.id, Some(&line["cursor"])).await;
        let rest = rest.lines();
        let cursors = |lines: &[Value]| -> Vec<Value> {
            lines.iter().map(|line| line["cursor"].clone()).collect()
        };
        let wanted = cursors(&whole[index + 1..end]);
        assert_eq!(cursors(&rest[..rest.len() - 1]), wanted, "{line}");
        assert_eq!(rest.last().unwrap()["end"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_took_part_has_one_line_and_who_does_not_exist_none() {
    let (server, back_end) = server().await;
    let id = server.user("dave").await;

    let lines = back_end.export(&id, None).await.lines();
    let nobody = back_end.export(&json!("nobody"), None).await;
    let wrong = back_end.export(&id, Some(&json!("x"))).await;
    let unknown = format!("/v1/users/{}/export?from=x", id.as_str().unwrap());
    let unknown = back_end.get(&unknown).await;

    assert_eq!(kinds(&lines), ["user", "end"]);
    assert_eq!(lines[0]["user"]["takesPart"], false);
    assert_eq!(nobody.outcome(), (404, "user-not-found"));
    assert_eq!(wrong.outcome(), (400, "bad-request"));
    assert_eq!(unknown.outcome(), (400, "bad-request"));
}

/// Resident memory of this process, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find(|line| line.starts_with("VmRSS"));
    let resident = resident.unwrap().split_whitespace().nth(1);
    resident.unwrap().parse().unwrap()
}

/// The text of a request.
fn request(back_end: &BackEnd, who: &Value) -> String {
    format!(
        "GET /v1/users/{}/export HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         authorization: Bearer {}\r\n\r\n",
        who.as_str().unwrap(),
        back_end.key
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_read_nothing_keep_others_from_theirs_only_for_a_while() {
    const AT_A_TIME: usize = 16;
    let (server, back_end) = server_with(&[("CHATZZ_STALL_TIMEOUT", "1s")]).await;
    let (alice, _bob) = server.pair().await;
    let dave = server.user("dave").await;
    let room = server.dump("chatrooms").await.remove(0);
    // more than fits between them and the server
    fill(&room, server.collection("chatmessages"), 30_000).await;
    let mut idle = Vec::new();
    for _ in 0..AT_A_TIME {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1_024).unwrap();
        let mut stream = socket.connect(back_end.addr).await.unwrap();
        let request = request(&back_end, &alice.id);
        stream.write_all(request.as_bytes()).await.unwrap();
        idle.push(stream);
    }
    let is_answered = async |wanted: u16| {
        let answer = back_end.export(&dave, None).await;
        (answer.status == wanted).then_some(answer)
    };

    let within = Duration::from_mins(1);
    let refused = until("there is no place", within, async || is_answered(503).await).await;
    let handed_out = until("there is one", within, async || is_answered(200).await).await;

    assert_eq!(refused.outcome(), (503, "overloaded"));
    assert_eq!(kinds(&handed_out.lines()), ["user", "end"]);
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_messages_take_seconds_and_little_memory() {
    let (server, back_end) = server().await;
    let (alice, _bob) = server.pair().await;
    let room = server.dump("chatrooms").await.remove(0);
    fill(&room, server.collection("chatmessages"), 100_000).await;
    // what is loaded once is
    let first = back_end.export(&server.user("dave").await, None).await;
    assert_eq!(first.status, 200);
    let request = request(&back_end, &alice.id);
    let (before, started) = (resident_kib(), Instant::now());

    let mut stream = TcpStream::connect(back_end.addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut peak, mut tail, mut all) = (before, Vec::new(), 0);
    let mut some = vec![0; 64 * 1_024];
    loop {
        let read = stream.read(&mut some).await.unwrap();
        if read == 0 {
            break;
        }
        all += read;
        tail.extend_from_slice(&some[..read]);
        tail.drain(..tail.len().saturating_sub(200));
        peak = peak.max(resident_kib());
    }

    let (took, more) = (started.elapsed(), peak - before);
    println!("{took:?} for {} KiB, resident + {more} KiB", all / 1_024);
    let tail = String::from_utf8_lossy(&tail);
    let end = r#"{"kind":"end","end":true,"chatRooms":1,"messages":100000}"#;
    assert!(tail.contains(end), "{tail}");
    // measured alone: 5 s and some MiB; other tests run in the same process
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert!(more < 64 * 1_024, "{more} KiB");
}
