//! The official clients, each through one whole conversation.

use std::path::Path;

use serde_json::Value;

use crate::support::binary::{Binary, chatzz};
use crate::support::database::TestDatabase;
use crate::support::mongod::located;
use crate::support::nats;
use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::tied::free_port;
use crate::support::tools::{
    self, Python, Script, browser_tests, demo_check, node, npm_test, npm_test_of_back_ends, python,
};

/// A text that a client which encodes twice gets wrong.
const UMLAUTS: &str = "grün";
/// The same, its UTF-8 read as Latin-1 and encoded once more.
const UMLAUTS_TWICE: &str = "gr\u{c3}\u{bc}n";

/// Runs a script to its end, which must be a good one; returns its report.
async fn report(script: Script) -> Value {
    let (what, output) = (format!("{script:?}"), script.output().await);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = text
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok());
    report.unwrap_or_else(|| panic!("{what} made no report:\n{text}\n{said}"))
}

/// The arguments of a conversation between two people who have never met.
async fn between_strangers(server: &Server, transport: &str) -> Vec<String> {
    let url = format!("http://{}", server.addr());
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let (alice, bob) = (alice.as_str().unwrap(), bob.as_str().unwrap());
    [
        "--transport",
        transport,
        "--url",
        &url,
        "--alice",
        alice,
        "--bob",
        bob,
    ]
    .map(str::to_owned)
    .to_vec()
}

fn went_well(report: &Value) {
    assert_eq!(report["ok"], true, "{report}");
    assert!(report["steps"].as_u64() > Some(30), "{report}");
}

/// A conversation through a JavaScript client, over each of these transports.
async fn javascript(client: &str, transports: &[&str], text: Option<&str>) {
    let server = Server::start().await;
    for transport in transports {
        let mut script = node("conversation.js").await;
        script.args(["--client", client]);
        script.args(between_strangers(&server, transport).await);
        script.args(text.iter().flat_map(|text| ["--text", text]));
        went_well(&report(script).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn socket_io_client_4_converses_over_both_transports() {
    javascript("sio4", &["websocket", "polling"], None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn socket_io_client_3_converses_over_both_transports() {
    javascript("sio3", &["websocket", "polling"], None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn socket_io_client_2_converses_over_both_transports() {
    javascript("sio2", &["websocket", "polling"], None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn socket_io_client_1_converses_over_websocket() {
    javascript("sio1", &["websocket"], None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn socket_io_client_1_converses_over_polling_as_long_as_it_is_ascii() {
    javascript("sio1", &["polling"], Some("plain")).await;
}

/// A defect of that client, which is why its transport has to be websocket: among
/// themselves two of them do not notice, and everybody else sees `Ã¼`.
#[tokio::test(flavor = "multi_thread")]
async fn socket_io_client_1_encodes_what_is_not_ascii_twice_over_polling() {
    let server = Server::start().await;
    let mut script = node("conversation.js").await;
    script.args(["--client", "sio1", "--text", UMLAUTS]);
    script.args(between_strangers(&server, "polling").await);

    went_well(&report(script).await);

    let stored = server.messages().await;
    assert_eq!(stored[0].get_str("message").unwrap(), UMLAUTS_TWICE);
}

/// Their bundles for browsers: one page of a listed origin, one of another.
#[tokio::test(flavor = "multi_thread")]
async fn every_bundle_logs_in_from_a_page_of_a_listed_origin_and_of_no_other() {
    let database = TestDatabase::shared().await;
    let [listed, unlisted] = [(); 2].map(|()| format!("http://localhost:{}", free_port()));
    let mut keys = database.keys().to_vec();
    keys.push(("CHATZZ_ALLOWED_ORIGINS", &listed));
    let server = Binary::serve(&keys).await;
    let alice = database.user("alice").await;
    let mut script = node("origins.js").await;
    script.env("CHATZZ_CHROMIUM", tools::chromium());
    let url = format!("http://{}", server.addr());
    let alice = alice.as_str().expect("an ObjectId");
    script.args(["--url", &url, "--user", alice]);
    script.args(["--listed", &listed, "--unlisted", &unlisted]);

    let report = report(script).await;

    let expected = |outcome: &str| {
        let clients = ["sio1", "sio2", "sio3", "sio4"].into_iter();
        let pairs = clients.flat_map(|client| [(client, "polling"), (client, "websocket")]);
        let outcomes = pairs.map(|(client, transport)| {
            let name = format!("{client} {transport}");
            (name, Value::from(outcome))
        });
        Value::Object(outcomes.collect())
    };
    assert_eq!(report[&listed], expected(alice));
    assert_eq!(report[&unlisted], expected("refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn python_socketio_converses_over_both_transports() {
    let server = Server::start().await;
    for transport in ["websocket", "polling"] {
        let mut script = python(Python::Socketio5, "conversation.py").await;
        script.args(between_strangers(&server, transport).await);
        went_well(&report(script).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_socketio_4_comes_back_after_a_restart_in_order() {
    python_comes_back(Python::Socketio4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_socketio_5_comes_back_after_a_restart_in_order() {
    python_comes_back(Python::Socketio5).await;
}

async fn python_comes_back(version: Python) {
    for transport in ["websocket", "polling"] {
        let database = TestDatabase::shared().await;
        let server = Binary::serve(&database.keys()).await;
        let alice = database.user("alice").await;
        let mut script = python(version, "restart.py").await;
        let url = format!("http://{}", server.addr());
        let id = alice.as_str().expect("an ObjectId");
        script.args(["--url", &url, "--transport", transport, "--alice", id]);
        let script = tokio::spawn(report(script));
        eventually("python is logged in", async || {
            let people = database.dump("chatusers").await;
            let is_online =
                |one: &bson::Document| one.get_str("status").is_ok_and(|status| status == "online");
            people.iter().any(is_online).then_some(())
        })
        .await;

        let _server = server.restart().await;

        let report = script.await.unwrap();
        assert_eq!(report["ok"], true, "{version:?}, {transport}: {report}");
    }
}

/// What a summary of Node's test runner says, such as `# pass 84`; `None` if it says nothing.
fn counted(summary: &str, what: &str) -> Option<u32> {
    let mut lines = summary.lines().rev();
    lines.find_map(
        |line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [_, word, number] if word == what => number.parse().ok(),
            _ => None,
        },
    )
}

/// Its own tests: against a fake socket, the golden files, the schemas, and servers that
/// they start, kill and start again.
#[tokio::test(flavor = "multi_thread")]
async fn the_npm_package_chatzz_client_passes_its_own_tests() {
    let mut tests = npm_test().await;
    tests.env("CHATZZ_BIN", chatzz());
    tests.env("CHATZZ_TEST_DIR", env!("CARGO_TARGET_TMPDIR"));
    tests.env("CHATZZ_SOURCES", env!("CARGO_MANIFEST_DIR"));

    all_pass(tests, 190).await;
}

/// Its own tests: against an API that fails as they say, the packed package, and a server that
/// they kill and start again.
#[tokio::test(flavor = "multi_thread")]
async fn the_npm_package_chatzz_server_passes_its_own_tests() {
    let mut tests = npm_test_of_back_ends().await;
    tests.env("CHATZZ_MONGOD", located().await);
    tests.env("CHATZZ_BIN", chatzz());
    tests.env("CHATZZ_TEST_DIR", env!("CARGO_TARGET_TMPDIR"));
    tests.env("CHATZZ_SOURCES", env!("CARGO_MANIFEST_DIR"));

    all_pass(tests, 30).await;
}

/// The demo application in a browser, on servers that the tests start, kill and start
/// again; its pictures stay in the target folder.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_application_does_what_it_should_in_a_browser() {
    let mut tests = browser_tests().await;
    tests.env("CHATZZ_CHROMIUM", tools::chromium());
    // one of them starts a server that finds nothing by itself
    tests.env("CHATZZ_MONGOD", located().await);
    tests.env("CHATZZ_NATS_SERVER", nats::program().await);
    tests.env("CHATZZ_BIN", chatzz());
    tests.env("CHATZZ_TEST_DIR", env!("CARGO_TARGET_TMPDIR"));
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&pictures).unwrap();
    tests.env("CHATZZ_PICTURES", &pictures);

    all_pass(tests, 62).await;

    assert!(pictures.join("phone-contacts.png").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_application_satisfies_its_types() {
    let output = demo_check().await.output().await;

    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
}

/// Runs tests by Node's own runner: at least so many, and each of them passes.
async fn all_pass(tests: Script, least: u32) {
    let output = tests.output().await;

    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(counted(&said, "pass") >= Some(least), "{said}");
    for left_out in ["fail", "cancelled", "skipped", "todo"] {
        assert_eq!(counted(&said, left_out), Some(0), "{said}");
    }
}
