//! `chatzz dev`, as somebody sees it who tries chatzz.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use chatzz_dev::mongod::{Mongod, Options};
use serde_json::{Value, json};

use crate::api::free_addr;
use crate::support::binary::Binary;
use crate::support::frame::{Client, ConnectOptions};
use crate::support::http::{get, send};
use crate::support::mongod::located;
use crate::support::nats;
use crate::support::poll;
use crate::support::user::Person;

/// How long one server may take to learn who is at another one.
const CONVERGED: Duration = Duration::from_secs(10);

fn folder() -> PathBuf {
    let name = format!("dev-{}", uuid::Uuid::new_v4());
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_one_in_the_same_folder_names_the_first_and_harms_nothing() {
    let folder = folder();
    let quiet = [("CHATZZ_METRICS_LISTEN", "off")];
    let first = Binary::dev(&folder, &["--listen", "127.0.0.1:0"], &quiet).await;
    let out = first.out();
    let last: Vec<&str> = out.lines().rev().take(3).collect();
    assert!(last.iter().any(|line| line.ends_with("/?as=bob")), "{out}");
    assert_eq!(first.log(), "", "only warnings are logged");

    let dir = folder.to_str().unwrap();
    for args in [
        &["dev", "--dir", dir][..],
        &["dev", "--dir", dir, "--fresh"],
    ] {
        let second = Binary::run(args, &quiet).await;
        assert_eq!(second.status.code(), Some(1), "{second:?}");
        let url = format!("http://{}/", first.addr());
        for word in [url.as_str(), "--dir"] {
            assert!(second.err.contains(word), "no {word}: {second:?}");
        }
    }

    let script = get(first.addr(), "/socket.io/socket.io.js").await;
    assert!(
        script.body.starts_with("/*!\n * Socket.IO v4"),
        "{script:?}"
    );
    let users = get(first.addr(), "/demo/users").await;
    assert!(users.body.contains("alice"), "{}", users.body);
    assert_eq!(get(first.addr(), "/readyz").await.status, 200);
    let ended = first.terminate().await;
    assert!(ended.status.success(), "{ended:?}");
    let _ = std::fs::remove_dir_all(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_said_and_replaced() {
    let folder = folder();
    let taken = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [clients, metrics] = taken
        .each_ref()
        .map(|one| one.local_addr().unwrap().to_string());
    let keys = [
        ("CHATZZ_LISTEN", clients.as_str()),
        ("CHATZZ_METRICS_LISTEN", metrics.as_str()),
    ];

    let dev = Binary::dev(&folder, &[], &keys).await;

    let out = dev.out();
    for line in [
        format!("{clients} is in use: taking a free port instead"),
        format!("{metrics} is in use: there are no metrics"),
    ] {
        assert!(out.contains(&line), "no {line:?} in {out}");
    }
    assert_ne!(dev.addr().to_string(), clients);
    assert_eq!(get(dev.addr(), "/readyz").await.status, 200);
    drop(dev);
    let _ = std::fs::remove_dir_all(folder);
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{text}"));
    rest.split_once(after).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_call_of_the_http_api_works_as_it_is_printed() {
    let folder = folder();
    let quiet = [("CHATZZ_METRICS_LISTEN", "off")];
    let mut keys = Vec::new();
    for status in [201, 200] {
        let dev = Binary::dev(&folder, &["--listen", "127.0.0.1:0"], &quiet).await;
        let out = dev.out();
        let addr = between(&out, "curl http://", "/v1/messages")
            .parse()
            .unwrap();
        let key = between(&out, "-H '", "'");
        let (name, value) = key.split_once(": ").unwrap();
        let body = between(&out, "-d '", "'");

        let sent = send(addr, "POST", "/v1/messages", &[(name, value)], body).await;

        assert_eq!(sent.status, status, "{}", sent.body);
        if status == 201 {
            let text = "Your order has shipped.";
            assert!(body.contains(text), "{body}");
            poll::until("the event is shown", CONVERGED, async || {
                let line =
                    "\nmessage.created  65a000000000000000000001 to 65a000000000000000000002, no. ";
                dev.out().contains(line).then_some(())
            })
            .await;
            assert_eq!(dev.out().matches(text).count(), 1, "in the call alone");
        }
        keys.push(key.to_owned());
        dev.terminate().await;
    }
    assert_eq!(keys[0], keys[1], "the key stays");
    let _ = std::fs::remove_dir_all(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_ones_own_for_the_http_api_gets_the_key_that_is_made() {
    let folder = folder();
    let api = free_addr().to_string();
    let keys = [
        ("CHATZZ_METRICS_LISTEN", "off"),
        ("CHATZZ_API_LISTEN", api.as_str()),
    ];
    for status in [201, 200] {
        let dev = Binary::dev(&folder, &["--listen", "127.0.0.1:0"], &keys).await;
        let out = dev.out();
        assert_eq!(between(&out, "curl http://", "/v1/messages"), api, "{out}");
        let (name, value) = between(&out, "-H '", "'").split_once(": ").unwrap();
        let body = between(&out, "-d '", "'");

        let sent = send(
            api.parse().unwrap(),
            "POST",
            "/v1/messages",
            &[(name, value)],
            body,
        )
        .await;

        assert_eq!(sent.status, status, "{}", sent.body);
        dev.terminate().await;
    }
    let _ = std::fs::remove_dir_all(folder);
}

/// The addresses of the pages for a user name, as `chatzz dev` prints them.
fn address_of(out: &str, name: &str) -> SocketAddr {
    let end = format!("/?as={name}");
    let mut lines = out.lines().filter_map(|line| line.strip_suffix(&end));
    let url = lines.next().unwrap_or_else(|| panic!("no {name}: {out}"));
    let (_, address) = url.split_once("http://").unwrap();
    address.parse().unwrap()
}

/// What a server says of the demo users.
async fn demo_users(addr: SocketAddr) -> Vec<Value> {
    serde_json::from_str(&get(addr, "/demo/users").await.body).unwrap()
}

/// A demo user, logged in at the server that is printed for them.
async fn demo_user(dev: &Binary, name: &str) -> Person {
    let addr = address_of(&dev.out(), name);
    let users = demo_users(addr).await;
    let user = users.iter().find(|user| user["username"] == name).unwrap();
    logged_in(addr, &user["_id"]).await.0
}

/// A user with what they have at the login.
async fn logged_in(addr: SocketAddr, id: &Value) -> (Person, Value) {
    let client = Client::connect(ConnectOptions::new(addr)).await.unwrap();
    let person = Person::new(client, id.clone());
    person.login().await.unwrap();
    let details = person.client.wait_for("user-details").await;
    (person, details)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_with_nats_are_one_messenger() {
    let folder = folder();
    let program = nats::program().await;
    let keys = [
        ("CHATZZ_METRICS_LISTEN", "off"),
        ("CHATZZ_NATS_SERVER", program.to_str().unwrap()),
        ("CHATZZ_RATE_LIMITS", "off"),
    ];
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--servers",
        "2",
        "--nats",
        "--empty",
    ];

    let dev = Binary::dev(&folder, &args, &keys).await;

    let out = dev.out();
    let [one, two] = ["alice", "bob"].map(|name| address_of(&out, name));
    assert_ne!(one, two);
    assert!(out.contains("2 servers on one database"), "{out}");
    let ports = get(one, "/demo/servers").await.body;
    assert_eq!(ports, json!([one.port(), two.port()]).to_string());
    // each page may show those of the other server
    let page = get(one, "/duo").await;
    let policy = page.header("content-security-policy").unwrap();
    let other = format!(" http://{two}");
    assert_eq!(policy.matches(&other).count(), 2, "{policy}");

    let (alice, bob) = (demo_user(&dev, "alice").await, demo_user(&dev, "bob").await);
    alice.add(&bob.id).await.unwrap();
    bob.client.wait_for("chat-user-added").await;
    alice.send(&bob.id, "hello").await.unwrap();
    let message = bob.client.wait_for("new-message").await;
    assert_eq!(message["message"], "hello", "{message}");
    poll::until(
        "typing is seen at the other server",
        CONVERGED,
        async || {
            bob.types_to(&alice.id).await.unwrap();
            let mut envelopes = alice.client.drain().into_iter();
            envelopes.find(|envelope| envelope.kind == "user-typing")
        },
    )
    .await;

    let ended = dev.terminate().await;
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.err, "", "only warnings are logged");
    let _ = std::fs::remove_dir_all(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_that_is_not_there_is_said_before_anything_is_started() {
    let folder = folder();
    let keys = [
        ("CHATZZ_METRICS_LISTEN", "off"),
        ("CHATZZ_NATS_SERVER", "/nowhere/nats-server"),
    ];
    let dir = folder.to_str().unwrap();

    let ended = Binary::run(&["dev", "--dir", dir, "--nats"], &keys).await;

    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let said = "CHATZZ_NATS_SERVER is /nowhere/nats-server, which is no file";
    assert!(ended.err.contains(said), "{ended:?}");
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_1_x_is_taken_over_before_ones_eyes() {
    let folder = folder();
    let quiet = [("CHATZZ_METRICS_LISTEN", "off")];
    let args = ["--listen", "127.0.0.1:0", "--from-1x"];

    let dev = Binary::dev(&folder, &args, &quiet).await;

    let out = dev.out();
    for line in [
        "chat rooms              6            3            3",
        "set aside: 2 messages of more than 64 KiB",
        "chatzz has been taken over, in ",
        "/old?as=alice",
    ] {
        assert!(out.contains(line), "no {line:?} in {out}");
    }
    let (alice, bob) = (demo_user(&dev, "alice").await, demo_user(&dev, "bob").await);
    let page = bob.history(json!({ "userId": alice.id })).await.unwrap();
    let texts = page["messages"].as_array().unwrap().iter();
    let texts: Vec<&Value> = texts.map(|message| &message["message"]).collect();
    assert!(texts.contains(&&json!("Friday at eight?")), "{texts:?}");
    alice.send(&bob.id, "by the new server").await.unwrap();
    let message = bob.client.wait_for("new-message").await;
    assert_eq!(message["message"], "by the new server");
    dev.terminate().await;

    // it is there, and is not deleted unless that is said
    let dir = folder.to_str().unwrap();
    let again = Binary::run(&["dev", "--dir", dir, "--from-1x"], &quiet).await;
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(again.err.contains("add --fresh"), "{again:?}");
    let _ = std::fs::remove_dir_all(folder);
}

/// The contacts at a login, each with how many messages are unread and the newest one's `seq`.
fn inbox(details: &Value) -> BTreeMap<String, (u64, u64)> {
    let contacts = details["connectedUsers"].as_array().unwrap().iter();
    let entry = |one: &Value| {
        let counts = (&one["unreadCount"], &one["lastMessage"]["seq"]);
        let name = one["username"].as_str().unwrap().to_owned();
        (
            name,
            (counts.0.as_u64().unwrap(), counts.1.as_u64().unwrap()),
        )
    };
    contacts.map(entry).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_users_have_written_to_each_other_once_and_verify_finds_nothing() {
    let folder = folder();
    let quiet = [("CHATZZ_METRICS_LISTEN", "off")];
    let mut inboxes = Vec::new();
    for _ in 0..2 {
        let dev = Binary::dev(&folder, &["--listen", "127.0.0.1:0"], &quiet).await;
        let mut found = Vec::new();
        for user in demo_users(dev.addr()).await {
            let (_, details) = logged_in(dev.addr(), &user["_id"]).await;
            assert!(!inbox(&details).is_empty(), "nobody wrote to {user}");
            found.push(inbox(&details));
        }
        inboxes.push(found);
        assert_eq!(dev.log(), "", "only warnings are logged");
        assert!(dev.terminate().await.status.success());
    }
    assert_eq!(inboxes[0], inboxes[1], "a second start adds nothing");
    let unread = |of: usize| inboxes[0][of].values().filter(|(unread, _)| *unread > 0);
    assert_eq!(unread(0).count(), 2, "Alice has something to read");
    assert_eq!(unread(1).count(), 2, "and so has Bob");

    let options = Options::new(located().await, folder.join("mongo"));
    let mongod = Mongod::start(options).await.unwrap();
    let verified = Binary::run(&["verify"], &[("CHATZZ_MONGODB_URI", &mongod.uri())]).await;
    mongod.stop().await.unwrap();
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
    assert!(verified.out.contains("71 messages"), "{}", verified.out);
    assert!(verified.out.ends_with("clean\n"), "{}", verified.out);
    let _ = std::fs::remove_dir_all(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_empty_nobody_has_written_to_anybody() {
    let folder = folder();
    let quiet = [("CHATZZ_METRICS_LISTEN", "off")];
    let args = ["--listen", "127.0.0.1:0", "--empty"];

    let dev = Binary::dev(&folder, &args, &quiet).await;

    let users = demo_users(dev.addr()).await;
    let (_, details) = logged_in(dev.addr(), &users[0]["_id"]).await;
    assert_eq!(details["connectedUsers"], json!([]));
    dev.terminate().await;
    let _ = std::fs::remove_dir_all(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_developer_has_forbidden_is_not_stored_and_that_is_said() {
    let folder = folder();
    let keys = [
        ("CHATZZ_METRICS_LISTEN", "off"),
        ("CHATZZ_MESSAGE_MAX_CHARS", "60"),
    ];

    let dev = Binary::dev(&folder, &["--listen", "127.0.0.1:0"], &keys).await;

    let out = dev.out();
    assert!(
        out.contains("messages of the demo users are not stored"),
        "{out}"
    );
    let limits = get(dev.addr(), "/demo/limits").await.body;
    assert_eq!(limits, r#"{"maxChars":60}"#, "for the page to count");
    let users = demo_users(dev.addr()).await;
    let (_, details) = logged_in(dev.addr(), &users[0]["_id"]).await;
    assert!(inbox(&details).len() > 3, "the others are: {details}");
    dev.terminate().await;
    let _ = std::fs::remove_dir_all(folder);
}
