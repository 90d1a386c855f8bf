//! `chatzz send` and `chatzz events tail`, against a running server.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{BackEnd, free_addr, server};
use crate::support::binary::{Binary, Ended};
use crate::support::places;
use crate::support::poll::until;
use crate::support::service::Service;

/// Longer than any of these takes.
const LATER: Duration = Duration::from_secs(40);

impl BackEnd {
    fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Runs a command with the key of this back end.
    pub(super) async fn command(&self, args: &[&str]) -> Ended {
        let url = self.url();
        let keys = [("CHATZZ_API_URL", url.as_str()), ("CHATZZ_KEY", &self.key)];
        Binary::run(args, &keys).await
    }
}

/// An answer of this status and with this body.
pub(super) fn with(status: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// Gives each of these answers to one call, and closes its connection; the calls that came.
pub(super) fn canned(addr: SocketAddr, answers: Vec<String>) -> JoinHandle<Vec<String>> {
    let there = TcpListener::bind(addr).unwrap();
    let answer = move |answer: String| {
        let (mut stream, _) = there.accept().unwrap();
        let mut request = String::new();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while !request.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut request).unwrap(), 0, "{request}");
        }
        let lower = request.to_lowercase();
        let length = lower
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut body).unwrap();
        request.push_str(&String::from_utf8(body).unwrap());
        stream.write_all(answer.as_bytes()).unwrap();
        request
    };
    std::thread::spawn(move || answers.into_iter().map(answer).collect())
}

/// A send of this text under this key.
fn send<'a>(from: &'a Value, to: &'a Value, key: &'a str, text: &'a str) -> Vec<&'a str> {
    let [from, to] = [from, to].map(|id| id.as_str().unwrap());
    vec!["send", "--from", from, "--to", to, "--key", key, text]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_from_the_command_line_once_under_its_key() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let args = send(&alice.id, &bob.id, "order-17", "Your order has shipped.");

    let first = back_end.command(&args).await;
    let again = back_end.command(&[&args[..], &["--json"]].concat()).await;

    assert!(first.status.success(), "{first:?}");
    assert!(
        first.out.ends_with("is sent, under the key order-17\n"),
        "{first:?}"
    );
    let answer: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(answer["duplicate"], true, "{again:?}");
    assert!(first.out.starts_with(answer["_id"].as_str().unwrap()));
    let heard = bob.client.wait_for("new-message").await;
    assert_eq!(heard["message"], "Your order has shipped.");
    assert_eq!(server.messages().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_say_whether_a_repeat_may_help() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let args = send(&alice.id, &bob.id, "one", "hello");
    let nobody = json!("65a0000000000000000000ff");

    let refused = back_end
        .command(&send(&alice.id, &nobody, "two", "hello"))
        .await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(refused.err.contains("(user-not-found)"), "{refused:?}");

    let url = back_end.url();
    let without = Binary::run(&args, &[("CHATZZ_API_URL", url.as_str())]).await;
    assert_eq!(without.status.code(), Some(2), "{without:?}");
    assert!(without.err.contains("set CHATZZ_KEY"), "{without:?}");
    let wrong = back_end
        .command(&[&args[..], &["--url", "ftp://x"]].concat())
        .await;
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");

    let busy = Service::answering(&json!({})).await;
    busy.answer(
        503,
        &json!({ "code": "unavailable", "detail": "the database is away", "stored": "no" }),
    );
    let away = Binary::run(
        &["send", "--from", "a", "--to", "b", "hello"],
        &[
            ("CHATZZ_API_URL", &busy.url("")),
            ("CHATZZ_KEY", "chatzz_test"),
        ],
    )
    .await;
    assert_eq!(away.status.code(), Some(3), "{away:?}");
    assert!(
        away.err
            .contains("the database is away (unavailable); trying again"),
        "{away:?}"
    );
    // without a key of one's own, the one that was made is what a repeat needs
    let key = busy.bodies()[0]["key"].as_str().unwrap().to_owned();
    assert!(
        away.err.contains(&format!("repeat it with --key {key}")),
        "{away:?}"
    );
    assert!(busy.bodies().len() > 3 && busy.bodies().iter().all(|body| body["key"] == *key));

    let stranger = Service::answering(&json!([])).await;
    let keys = [
        ("CHATZZ_API_URL", &*stranger.url("")),
        ("CHATZZ_KEY", "chatzz_test"),
    ];
    let wrong = Binary::run(&args, &keys).await;
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    assert!(wrong.err.contains("is not the API of chatzz"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_may_be_in_a_file_that_nobody_else_can_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let path: PathBuf = places::temporary().join(format!("key-{}", uuid::Uuid::new_v4()));
    let mut file = std::fs::File::create(&path).unwrap();
    writeln!(file, "{}", back_end.key).unwrap();
    let url = back_end.url();
    let keys = [
        ("CHATZZ_API_URL", url.as_str()),
        ("CHATZZ_KEY_FILE", path.to_str().unwrap()),
    ];
    let args = send(&alice.id, &bob.id, "one", "hello");

    for (mode, code) in [(0o644, 2), (0o600, 0)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let ended = Binary::run(&args, &keys).await;
        assert_eq!(ended.status.code(), Some(code), "{mode:o}: {ended:?}");
    }
    std::fs::remove_file(path).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_printed_as_they_happen_and_from_a_cursor_on() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let url = back_end.url();
    let keys = [
        ("CHATZZ_API_URL", url.as_str()),
        ("CHATZZ_KEY", &back_end.key),
    ];
    let types = ["events", "tail", "--types", "message.created", "--json"];
    let tail = Binary::start(&[&types[..], &["--after", "oldest"]].concat(), &keys);

    for text in ["one", "two", "three"] {
        alice.send(&bob.id, text).await.unwrap();
    }
    let printed = async || {
        let lines = tail.out();
        let events: Vec<Value> = lines
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        (events.len() == 3).then_some(events)
    };
    let events = until("all are printed", LATER, printed).await;
    tail.signal(Signal::SIGINT);
    let ended = tail.ended(LATER).await;
    assert!(ended.status.success(), "{ended:?}");
    let texts: Vec<&Value> = events
        .iter()
        .map(|event| &event["data"]["message"]["message"])
        .collect();
    assert_eq!(texts, ["one", "two", "three"]);

    let behind = events[1]["cursor"].as_str().unwrap();
    let rest = Binary::start(&["events", "tail", "--after", behind], &keys);
    let line = until("the rest is printed", LATER, async || {
        rest.out().lines().next().map(str::to_owned)
    })
    .await;
    assert!(
        line.contains(" message.created {") && line.contains("three"),
        "{line}"
    );
    rest.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_goes_on_when_the_server_is_back_and_ends_where_events_were_missed() {
    let addr = free_addr();
    let url = format!("http://{addr}");
    let keys = [
        ("CHATZZ_API_URL", url.as_str()),
        ("CHATZZ_KEY", "chatzz_test"),
    ];
    let tail = Binary::start(&["events", "tail"], &keys);
    until("it says that nobody answers", LATER, async || {
        tail.log().contains("trying again").then_some(())
    })
    .await;

    // somebody answers there now, though not at once
    let page = |events: &str| format!(r#"{{"events":[{events}],"cursor":"c1","hasMore":false}}"#);
    let event = r#"{"id":"e1","type":"contact.added","timestamp":"now","data":{},"cursor":"c2"}"#;
    let gone = r#"{"title":"Gone","status":410,"code":"cursor-gone","detail":"events were missed","stored":"no"}"#;
    let answers = [
        with(200, &page("")),
        String::new(),
        with(200, &page(event)),
        with(410, gone),
    ];
    let asked = canned(addr, answers.to_vec());
    let ended = tail.ended(LATER).await;

    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert_eq!(ended.out, "now contact.added {}\n");
    assert!(
        ended.err.contains("events were missed (cursor-gone)"),
        "{ended:?}"
    );
    let asked = asked.join().unwrap();
    let cursors = ["head", "c1", "c1", "c1"].map(|after| format!("after={after}"));
    for (request, after) in asked.iter().zip(&cursors) {
        assert!(request.contains(after), "{asked:?}");
    }
    // where `head` is must be known before the waiting begins, which may fail
    let waits: Vec<bool> = asked.iter().map(|one| one.contains("wait=25s")).collect();
    assert_eq!(waits, [false, true, true, true]);
    let shown = "authorization: bearer chatzz_test";
    assert!(asked[0].to_lowercase().contains(shown), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_after_a_lost_answer_does_not_say_that_nothing_was_done() {
    let unauthorized = r#"{"code":"unauthorized","detail":"the key ended","stored":"no"}"#;
    let busy = r#"{"code":"unavailable","detail":"busy","stored":"no"}"#;
    // what an attempt came to, and the exit code after a refusal of the next one
    for (first, code) in [(String::new(), 3), (with(503, busy), 1)] {
        let addr = free_addr();
        let asked = canned(addr, vec![first, with(401, unauthorized)]);
        let url = format!("http://{addr}");
        let keys = [("CHATZZ_API_URL", &*url), ("CHATZZ_KEY", "chatzz_test")];

        let (from, to) = (json!("1"), json!("2"));
        let args = send(&from, &to, "order-17", "hello");
        let ended = Binary::run(&args, &keys).await;

        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
        assert!(ended.err.contains("the key ended"), "{ended:?}");
        let says = ended.err.contains("repeat it with --key order-17");
        assert_eq!(says, code == 3, "{ended:?}");
        assert_eq!(asked.join().unwrap().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_without_end_is_no_reason_to_fall_over() {
    let addr = free_addr();
    let head = "HTTP/1.1 503 x\r\nretry-after: 18446744073709551615\r\ncontent-length: 0\r\n\r\n";
    let asked = canned(addr, vec![head.to_owned()]);
    let url = format!("http://{addr}");
    let keys = [("CHATZZ_API_URL", &*url), ("CHATZZ_KEY", "chatzz_test")];

    let args = ["send", "--from", "1", "--to", "2", "hello"];
    let ended = Binary::run(&args, &keys).await;

    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    asked.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_listens_it_ends_soon_and_says_what_to_set() {
    let url = format!("http://{}", free_addr());
    let keys = [("CHATZZ_API_URL", &*url), ("CHATZZ_KEY", "chatzz_test")];
    for args in [
        &["send", "--from", "1", "--to", "2", "hello"][..],
        &["export", "1"],
    ] {
        let began = Instant::now();

        let ended = Binary::run(args, &keys).await;

        assert_eq!(ended.status.code(), Some(3), "{ended:?}");
        assert!(began.elapsed() < Duration::from_secs(15), "{ended:?}");
        for word in ["nobody listens there", "CHATZZ_API_URL", url.as_str()] {
            assert!(ended.err.contains(word), "{ended:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_usage_after_a_mistake_names_what_is_missing_and_not_the_address() {
    let keys = [("CHATZZ_API_URL", "http://127.0.0.1:1")];
    let ended = Binary::run(&["send", "--from", "1", "hello"], &keys).await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.err.contains("--to <USER>"), "{ended:?}");
    assert!(!ended.err.contains("--url"), "{ended:?}");

    let wrong = [("CHATZZ_API_URL", "ftp://x"), ("CHATZZ_KEY", "chatzz_test")];
    let ended = Binary::run(&["send", "--from", "1", "--to", "2", "hello"], &wrong).await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.err.contains("CHATZZ_API_URL: "), "{ended:?}");
}
