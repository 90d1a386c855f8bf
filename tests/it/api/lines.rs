//! `chatzz export` and `chatzz import`, against a running server.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::commands::{canned, with};
use super::{free_addr, server};
use crate::support::binary::Binary;
use crate::support::places;

/// A file with these lines.
fn file(lines: &[Value]) -> PathBuf {
    let path = places::temporary().join(format!("lines-{}", uuid::Uuid::new_v4()));
    let mut text = String::new();
    for line in lines {
        writeln!(text, "{line}").unwrap();
    }
    std::fs::write(&path, text).unwrap();
    path
}

/// A message from before, to be imported.
fn old(from: &Value, to: &Value, number: usize) -> Value {
    json!({
        "from": from, "to": to, "message": format!("old {number}"), "key": format!("old-{number}"),
        "createdAt": "2020-01-01T10:00:00Z",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_stored_of_a_user_is_printed() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    for text in ["one", "two"] {
        alice.send(&bob.id, text).await.unwrap();
    }

    let exported = back_end
        .command(&["export", bob.id.as_str().unwrap()])
        .await;

    assert!(exported.status.success(), "{exported:?}");
    let lines = exported.out.lines();
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<&str> = lines
        .iter()
        .map(|line| line["kind"].as_str().unwrap())
        .collect();
    let all = ["user", "privacy", "chat-room", "message", "message", "end"];
    assert_eq!(kinds, all);
    assert_eq!(lines[4]["message"]["message"], "two");
    assert_eq!(
        (&lines[5]["chatRooms"], &lines[5]["messages"]),
        (&json!(1), &json!(2))
    );
    let nobody = back_end
        .command(&["export", "65a0000000000000000000ff"])
        .await;
    assert_eq!(nobody.status.code(), Some(1), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_cut_off_goes_on_behind_its_last_whole_line() {
    let line = |kind: &str, number: u32| format!(r#"{{"kind":"{kind}","cursor":"c{number}"}}"#);
    let end = r#"{"kind":"end","end":true,"chatRooms":0,"messages":1}"#;
    let error = r#"{"kind":"error","code":"unavailable","detail":"going down"}"#;
    // longer than what comes: it is cut off
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n";
    let parts = [
        format!(
            "{head}{}\n{}\n{}",
            line("user", 1),
            line("chat-room", 2),
            r#"{"kind":"mess"#
        ),
        format!("{head}{}\n{error}\n", line("message", 3)),
        format!("{head}{}\n{end}\n", line("message", 4)),
    ];
    let addr = free_addr();
    let asked = canned(addr, parts.to_vec());

    let url = format!("http://{addr}");
    let keys = [("CHATZZ_API_URL", &*url), ("CHATZZ_KEY", "chatzz_test")];
    let exported = Binary::run(&["export", "a/b"], &keys).await;

    assert!(exported.status.success(), "{exported:?}");
    let end = r#"{"chatRooms":1,"end":true,"kind":"end","messages":2}"#;
    let all = [
        line("user", 1),
        line("chat-room", 2),
        line("message", 3),
        line("message", 4),
    ];
    let (lines, last) = exported.out.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(lines.lines().collect::<Vec<_>>(), all);
    assert_eq!(
        serde_json::from_str::<Value>(last).unwrap(),
        serde_json::from_str::<Value>(end).unwrap()
    );
    let asked = asked.join().unwrap();
    let first: Vec<&str> = asked
        .iter()
        .map(|request| request.lines().next().unwrap())
        .collect();
    let path = "GET /v1/users/a%2Fb/export";
    let wanted = ["?", "?after=c2", "?after=c3"].map(|query| format!("{path}{query} HTTP/1.1"));
    assert_eq!(first, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_from_before_are_brought_in_from_a_file_once() {
    let (server, back_end) = server().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    // more than one call takes
    let mut lines: Vec<Value> = (1..=1_100).map(|one| old(&alice, &bob, one)).collect();
    let good = file(&lines);
    lines.insert(700, old(&alice, &json!("65a0000000000000000000ff"), 0));
    let bad = file(&lines);

    let first = back_end.command(&["import", good.to_str().unwrap()]).await;
    let again = back_end.command(&["import", bad.to_str().unwrap()]).await;

    assert!(first.status.success(), "{first:?}");
    assert_eq!(
        first.out,
        "imported 1100 of 1100 lines; there before: 0, in conflict: 0, refused: 0\n"
    );
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert_eq!(
        again.out,
        "imported 0 of 1101 lines; there before: 1100, in conflict: 0, refused: 1\n"
    );
    assert!(again.err.contains("line 701: "), "{again:?}");
    assert!(again.err.contains("(user-not-found)"), "{again:?}");
    assert_eq!(server.messages().await.len(), 1_100);
    let nothing = back_end.command(&["import", "no-such-file"]).await;
    assert_eq!(nothing.status.code(), Some(1), "{nothing:?}");
    assert!(nothing.err.contains("no-such-file"), "{nothing:?}");
    for path in [good, bad] {
        std::fs::remove_file(path).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_cut_off_is_sent_again() {
    let progress =
        r#"{"kind":"progress","lines":1,"imported":1,"duplicates":0,"conflicts":0,"refused":0}"#;
    let error = r#"{"kind":"error","code":"unavailable","detail":"going down"}"#;
    let end = r#"{"kind":"end","end":true,"lines":1,"imported":0,"duplicates":1,"conflicts":0,"refused":0,"errors":[]}"#;
    let answers = [
        String::new(),
        with(200, &format!("{progress}\n")),
        with(200, &format!("{progress}\n{error}\n")),
        with(200, &format!("{progress}\n{end}\n")),
    ];
    let addr = free_addr();
    let asked = canned(addr, answers.to_vec());
    let line = old(&json!("1"), &json!("2"), 1);
    let path = file(std::slice::from_ref(&line));

    let url = format!("http://{addr}");
    let keys = [("CHATZZ_API_URL", &*url), ("CHATZZ_KEY", "chatzz_test")];
    let imported = Binary::run(&["import", path.to_str().unwrap()], &keys).await;

    assert!(imported.status.success(), "{imported:?}");
    assert!(
        imported
            .out
            .starts_with("imported 0 of 1 lines; there before: 1")
    );
    for request in asked.join().unwrap() {
        assert!(
            request.starts_with("POST /v1/messages/import?"),
            "{request}"
        );
        assert!(request.ends_with(&format!("\r\n\r\n{line}\n")), "{request}");
    }
    std::fs::remove_file(path).unwrap();
}
