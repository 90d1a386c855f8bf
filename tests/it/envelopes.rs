//! Golden files: every envelope and every ack result, byte for byte.
//!
//! A file is the text as the server wrote it, ids and dates replaced: `<id 1>`,
//! `<id 2>` … in order of appearance, dates by `<date>`, since two of them may
//! be the same by chance, and pauses by `<ms>`. `<type>.<variant>.json` is another form of a type.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use bson::{doc, oid::ObjectId};
use chatzz::app::SendAs;
use chatzz::service::{Bypass, Content, IdInput};
use serde_json::{Value, json};

use crate::support::contract;
use crate::support::frame::Client;
use crate::support::server::Server;
use crate::support::user::Person;

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The texts seen, by file name.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) envelopes: BTreeMap<String, String>,
    pub(crate) acks: BTreeMap<String, String>,
}

impl Seen {
    /// Keeps the last envelope of its type that came to this client.
    pub(crate) fn envelope(&mut self, client: &Client, name: &str) {
        let (kind, _) = name.split_once('.').unwrap_or((name, ""));
        let head = format!(r#"42["chatzz",{{"type":"{kind}","#);
        let frame = last_frame(client, |frame| frame.starts_with(&head));
        let text = frame["42[\"chatzz\",".len()..].strip_suffix(']').unwrap();
        self.envelopes.insert(name.to_owned(), normalised(text));
    }

    /// Keeps the arguments of the last ack that came to this client.
    pub(crate) fn ack(&mut self, client: &Client, name: &str) {
        let frame = last_frame(client, |frame| frame.starts_with("43"));
        let text = &frame[frame.find('[').unwrap()..];
        self.acks.insert(name.to_owned(), normalised(text));
    }
}

fn last_frame(client: &Client, wanted: impl Fn(&str) -> bool) -> String {
    let received = String::from_utf8(client.received_bytes()).unwrap();
    let frame = received.lines().rfind(|line| wanted(line));
    frame.expect("a frame of this kind").to_owned()
}

/// The text with its pause, if it asks for one, replaced.
fn without_pause(text: &str) -> String {
    let Some((head, tail)) = text.split_once(r#""retryAfterMs":"#) else {
        return text.to_owned();
    };
    let rest = tail.trim_start_matches(|digit: char| digit.is_ascii_digit());
    assert_ne!(rest, tail, "no number of milliseconds: {text}");
    format!(r#"{head}"retryAfterMs":<ms>{rest}"#)
}

/// The text with its ids, dates and pause replaced.
fn normalised(text: &str) -> String {
    let text = &without_pause(text);
    let mut ids: Vec<&str> = Vec::new();
    let mut replaced = Vec::new();
    for part in text.split('"') {
        let is_hex = |byte: u8| byte.is_ascii_hexdigit();
        if part.len() == 24 && part.bytes().all(is_hex) {
            let known = ids.iter().position(|id| *id == part);
            let number = known.unwrap_or_else(|| {
                ids.push(part);
                ids.len() - 1
            });
            replaced.push(format!("<id {}>", number + 1));
        } else if is_date(part) {
            replaced.push("<date>".to_owned());
        } else {
            replaced.push(part.to_owned());
        }
    }
    replaced.join("\"")
}

/// Whether this is a date in the one form that the server writes.
fn is_date(text: &str) -> bool {
    let form = "0000-00-00T00:00:00.000Z";
    let same = |(is, should): (char, char)| is == should || should == '0' && is.is_ascii_digit();
    text.len() == form.len() && text.chars().zip(form.chars()).all(same)
}

pub(crate) async fn named(server: &Server, username: &str, first: &str, last: &str) -> Value {
    let id = ObjectId::new();
    server
        .store_user(doc! {
            "_id": id, "username": username, "lastName": last, "firstName": first,
            "avatar": null, "password": "secret", "email": "secret",
        })
        .await;
    json!(id.to_hex())
}

/// A conversation in which everything happens once.
async fn everything() -> Seen {
    let mut seen = Seen::default();
    let server = Server::with(&[
        ("CHATZZ_MISSED_PER_CONTACT", "2"),
        ("CHATZZ_RATE_LIMITS", "on"),
        ("CHATZZ_LIMIT_ADDS", "user=2/1h"),
    ])
    .await;
    let alice = named(&server, "alice", "Alice", "Moreau").await;
    let bob = named(&server, "bob", "Bob", "Okafor").await;
    let alice = server.login(&alice).await;
    seen.ack(&alice.client, "connect-user");
    alice.add(&bob).await.unwrap();
    let bob = server.arrive(&bob).await.0;
    let carol = named(&server, "carol", "Carol", "Lindqvist").await;
    let carol = server.login(&carol).await;
    carol.add(&alice.id).await.unwrap();
    alice.client.wait_for("chat-user-added").await;
    seen.envelope(&alice.client, "chat-user-added");

    let sent = alice.send_with(&bob.id, "Hello \"Bob\" 😀", "key-1").await;
    seen.ack(&alice.client, "send-message");
    alice
        .send_with(&bob.id, "Hello \"Bob\" 😀", "key-1")
        .await
        .unwrap();
    seen.ack(&alice.client, "send-message.duplicate");
    bob.client.wait_for("new-message").await;
    seen.envelope(&bob.client, "new-message");
    bob.read_message(&sent.unwrap()["_id"]).await.unwrap();
    seen.ack(&bob.client, "message-read");
    alice.client.wait_for("message-status-changed").await;
    seen.envelope(&alice.client, "message-status-changed");
    alice.add(&bob.id).await.unwrap();
    seen.ack(&alice.client, "add-chat-user");
    alice.add(&bob.id).await.unwrap_err();
    seen.ack(&alice.client, "error.rate-limited");
    let again = json!({ "userToAdd": bob.id });
    alice.client.emit("add-chat-user", again).unwrap();
    alice.client.wait_for("error").await;
    seen.envelope(&alice.client, "error.rate-limited");

    pass_by(&mut seen, &alice, &bob).await;
    leave_and_come_back(&mut seen, &server, &alice, bob).await;
    hear_the_application(&mut seen, &server, &carol, &alice).await;
    seen
}

/// What is not stored, and who is connected to receive it.
async fn pass_by(seen: &mut Seen, alice: &Person, bob: &Person) {
    let whom = json!({ "userId": bob.id });
    alice.ask("typing", whom).await.unwrap();
    seen.ack(&alice.client, "typing");
    bob.client.wait_for("user-typing").await;
    seen.envelope(&bob.client, "user-typing");
    let signal = json!({ "userId": bob.id, "data": { "call": "ring", "video": true } });
    alice.ask("signal", signal).await.unwrap();
    seen.ack(&alice.client, "signal");
    bob.client.wait_for("user-signal").await;
    seen.envelope(&bob.client, "user-signal");
    let page = json!({ "limit": 1 });
    alice.ask("get-active-users", page).await.unwrap();
    seen.ack(&alice.client, "get-active-users");
}

/// What the application's back end does.
async fn hear_the_application(seen: &mut Seen, server: &Server, from: &Person, to: &Person) {
    let named = |person: &Person| IdInput::Text(person.id.as_str().unwrap().to_owned());
    let signal = json!({ "order": 17, "state": "shipped" });
    let signal = serde_json::value::to_raw_value(&signal).unwrap();
    let operator = server.operator();
    assert!(operator.signal(&named(to), &signal).await.unwrap());
    to.client.wait_for("app-signal").await;
    seen.envelope(&to.client, "app-signal");
    let wanted = SendAs {
        from: named(from),
        to: named(to),
        content: Content::of_text("Your order has shipped."),
        key: "order-17".to_owned(),
        via: "shop".to_owned(),
        bypass: Bypass::default(),
    };
    // what waits is somebody else's
    to.client.drain();
    let sent = operator.send(wanted).await.unwrap();
    to.client.wait_for("new-message").await;
    seen.envelope(&to.client, "new-message.by-the-application");
    operator.redact(sent.stored.message.id).await.unwrap();
    to.client.wait_for("message-changed").await;
    seen.envelope(&to.client, "message-changed");
    let changes = json!({ "userId": from.id, "afterRev": 0 });
    to.ask("get-changes", changes).await.unwrap();
    seen.ack(&to.client, "get-changes");
}

/// The second half: a person disconnects, misses messages, and is back.
async fn leave_and_come_back(seen: &mut Seen, server: &Server, alice: &Person, bob: Person) {
    let id = bob.id.clone();
    alice.client.drain();
    bob.client.close().await;
    alice.client.wait_for("chat-user-status-changed").await;
    seen.envelope(&alice.client, "chat-user-status-changed");
    for text in ["one", "two", "three"] {
        alice.send(&id, text).await.unwrap();
    }
    let (bob, _) = server.arrive(&id).await;
    seen.envelope(&bob.client, "user-details");
    alice.client.wait_for("message-status-changed").await;
    seen.envelope(&alice.client, "message-status-changed.range");
    bob.delivered_up_to(&alice.id, 4).await.unwrap();
    seen.ack(&bob.client, "message-delivered");
    bob.read_up_to(&alice.id, 4).await.unwrap();
    seen.ack(&bob.client, "message-read.up-to");
    let query = json!({ "userId": alice.id, "limit": 2, "envelope": true });
    bob.history(query).await.unwrap();
    seen.ack(&bob.client, "get-old-messages");
    seen.envelope(&bob.client, "old-messages");
    set_privacy(seen, server, alice, &bob).await;
    ask_the_rest(seen, &bob).await;
    bob.send(&alice.id, " ").await.unwrap_err();
    seen.ack(&bob.client, "error");
    bob.client.emit("send-message", json!(null)).unwrap();
    bob.client.wait_for("error").await;
    seen.envelope(&bob.client, "error");
}

/// Events that need nothing but a login, as the documentation shows them.
async fn ask_the_rest(seen: &mut Seen, bob: &Person) {
    let mut rest = contract::events();
    // asked once something was changed
    rest.retain(|event| !seen.acks.contains_key(event) && event != "get-changes");
    for event in rest {
        let answer = bob.ask(&event, contract::example(&event)).await;
        if let Err(refused) = answer {
            panic!(
                "the example of {event} in docs/protocol.md is refused: {refused}; an event that \
                 needs another user or a chat room belongs into the conversation of this file"
            );
        }
        seen.ack(&bob.client, &event);
    }
}

/// The third: somebody blocks, unblocks, and lists who may write.
async fn set_privacy(seen: &mut Seen, server: &Server, alice: &Person, bob: &Person) {
    let second = server.another_of(bob).await;
    let whom = json!({ "userId": alice.id });
    bob.ask("block-user", whom.clone()).await.unwrap();
    seen.ack(&bob.client, "block-user");
    second.client.wait_for("privacy-changed").await;
    seen.envelope(&second.client, "privacy-changed");
    let again = json!({ "userId": alice.id, "envelope": true });
    bob.ask("block-user", again).await.unwrap();
    seen.envelope(&bob.client, "result");
    bob.ask("get-blocked-users", json!({})).await.unwrap();
    seen.ack(&bob.client, "get-blocked-users");
    bob.ask("unblock-user", whom).await.unwrap();
    seen.ack(&bob.client, "unblock-user");
    second.client.wait_for("privacy-changed").await;
    let settings = json!({ "whitelistOnly": true, "whitelist": [alice.id] });
    bob.ask("set-privacy", settings).await.unwrap();
    seen.ack(&bob.client, "set-privacy");
    second.client.wait_for("privacy-changed").await;
    seen.envelope(&second.client, "privacy-changed.settings");
}

pub(crate) fn compare(folder: &str, seen: &BTreeMap<String, String>) {
    let mut differences = String::new();
    for (name, text) in seen {
        let file = format!("{folder}/{name}.json");
        let golden = std::fs::read_to_string(root(&file)).unwrap_or_default();
        if golden != format!("{text}\n") {
            writeln!(differences, "{file} is\n{golden}but there came\n{text}\n").unwrap();
        }
    }
    assert!(differences.is_empty(), "\n{differences}");
    let files: BTreeSet<String> = files(folder);
    let seen: BTreeSet<String> = seen.keys().cloned().collect();
    assert_eq!(files, seen, "a golden file that nothing equals");
}

/// Names of the golden files in a folder, without `.json`.
fn files(folder: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(root(folder)).unwrap();
    let name = |file: std::io::Result<std::fs::DirEntry>| {
        let name = file.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".json").expect("a JSON file").to_owned()
    };
    files.map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_envelope_and_every_ack_equals_its_golden_file() {
    let seen = everything().await;
    compare("fixtures/envelopes", &seen.envelopes);
    compare("fixtures/acks", &seen.acks);
}

#[test]
fn every_envelope_and_event_of_the_documentation_has_a_golden_file() {
    let page = std::fs::read_to_string(root("docs/protocol.md")).unwrap();
    let rows = |heading: &str| -> BTreeSet<String> {
        let (_, section) = page.split_once(heading).unwrap();
        let table = section.lines().skip_while(|line| !line.starts_with('|'));
        let rows = table.take_while(|line| line.starts_with('|'));
        let name = |row: &str| Some(row.split_once("| [`")?.1.split_once('`')?.0.to_owned());
        rows.filter_map(name).collect()
    };
    let kinds = |folder: &str| -> BTreeSet<String> {
        let kind = |name: String| name.split('.').next().unwrap_or_default().to_owned();
        files(folder).into_iter().map(kind).collect()
    };
    let envelopes = rows("\n## Envelopes\n");
    assert!(envelopes.len() >= 7, "{envelopes:?}");
    assert_eq!(kinds("fixtures/envelopes"), envelopes);
    let mut events = rows("\n## Client events\n");
    assert!(events.remove("disconnect"), "it has no ack");
    events.insert("error".to_owned());
    assert_eq!(kinds("fixtures/acks"), events);
}
