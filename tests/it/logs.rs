//! Whatever the level of the log, it contains no text, no token and no password.

use bson::doc;
use serde_json::{Value, json};

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::frame::{Client, ConnectOptions, Eio, Transport, WIRES};
use crate::support::mongod;
use crate::support::user::Person;

const TEXT: &str = "text-9c41";
const TOKEN: &str = "token-7be2";
const PASSWORD: &str = "password-03aa";

/// The shared mongod under an account with a password.
async fn uri_with_password() -> String {
    let uri = mongod::shared_uri().await;
    let client = mongodb::Client::with_uri_str(mongod::as_administrator(&uri))
        .await
        .unwrap();
    let admin = client.database("admin");
    let account = format!("log_{}", bson::oid::ObjectId::new().to_hex());
    let create = doc! { "createUser": &account, "pwd": PASSWORD, "roles": ["chatzz"] };
    admin.run_command(create).await.unwrap();
    let (scheme, rest) = uri.split_once("://").unwrap();
    let (_, hosts) = rest.split_once('@').unwrap();
    format!("{scheme}://{account}:{PASSWORD}@{hosts}")
}

/// A client with a token wherever a client can put one.
async fn connect(server: &Binary, eio: Eio, transport: Transport) -> Client {
    let mut options = ConnectOptions::new(server.addr()).over((eio, transport));
    options.query = vec![("token".to_owned(), TOKEN.to_owned())];
    options.headers = vec![("authorization".to_owned(), format!("Bearer {TOKEN}"))];
    options.auth = (eio == Eio::V4).then(|| json!({ "token": TOKEN }));
    Client::connect(options).await.unwrap()
}

/// Texts in all places, in events that are accepted and events that are not.
async fn talk(server: &Binary, alice: &Value, bob: &Value) {
    for (eio, transport) in WIRES {
        let client = connect(server, eio, transport).await;
        let early = json!({ "userId": bob, "message": TEXT });
        client.emit_with_ack("send-message", early).await.unwrap();
        let alice = Person::new(client, alice.clone());
        alice.login().await.unwrap();
        alice.add(bob).await.unwrap();
        alice.send(bob, TEXT).await.unwrap();
        alice.send_with(bob, TEXT, "one").await.unwrap();
        alice
            .send_with(bob, &format!("{TEXT}!"), "one")
            .await
            .unwrap_err();
        alice.send(bob, &TEXT.repeat(5_000)).await.unwrap_err();
        alice.send(&json!({ "$ne": TEXT }), TEXT).await.unwrap_err();
        alice
            .ask("send-message", json!([TEXT, TOKEN]))
            .await
            .unwrap_err();
        alice
            .ask("connect-user", json!({ "userId": 1.5, "token": TOKEN }))
            .await
            .unwrap_err();
        alice.history(json!({ "userId": bob })).await.unwrap();
        alice
            .history(json!({ "userId": bob, "date": TEXT }))
            .await
            .unwrap_err();
        let nonsense = format!(r#"42["send-message",{{"message":"{TEXT}""#);
        alice.client.emit_raw(nonsense).unwrap();
        // what is not a packet may end the connection; all before was answered
        let _ = alice.client.emit_with_ack("the-end", json!({})).await;
    }
}

/// Everything that a server says at the finest filter while people talk.
async fn logged(format: &str) -> String {
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let uri = uri_with_password().await;
    let mut keys = database.keys().to_vec();
    keys.retain(|(key, _)| *key != "CHATZZ_MONGODB_URI");
    keys.extend([
        ("CHATZZ_MONGODB_URI", uri.as_str()),
        ("CHATZZ_LOG", "trace"),
        ("CHATZZ_LOG_FORMAT", format),
    ]);
    let server = Binary::serve(&keys).await;
    talk(&server, &alice, &bob).await;
    let ended = server.terminate().await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(
        ended.err.contains("stopped"),
        "the log is there: {}",
        ended.err
    );
    ended.err + &ended.out
}

fn holds_no_secret(log: &str) {
    for secret in [TEXT, TOKEN, PASSWORD] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is logged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_trace_no_text_token_or_password_is_logged() {
    holds_no_secret(&logged("text").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_holds_as_json_whose_every_line_parses() {
    let log = logged("json").await;
    holds_no_secret(&log);
    for line in log.lines() {
        let parsed: Result<Value, _> = serde_json::from_str(line);
        let parsed = parsed.unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["timestamp", "level", "target", "message"] {
            assert!(parsed[field].is_string(), "{field} is missing: {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_database_is_reported_without_its_password() {
    let uri = format!("mongodb://anna:{PASSWORD}@127.0.0.1:1/?authSource=admin&appName={TOKEN}");
    let keys = [
        ("CHATZZ_AUTH", "trusted"),
        ("CHATZZ_LISTEN", "127.0.0.1:0"),
        ("CHATZZ_METRICS_LISTEN", "off"),
        ("CHATZZ_MONGODB_URI", uri.as_str()),
        ("CHATZZ_STARTUP_TIMEOUT", "1s"),
        ("CHATZZ_LOG", "trace"),
    ];
    let ended = Binary::run(&["serve"], &keys).await;
    assert!(ended.err.contains("127.0.0.1:1"), "{ended:?}");
    holds_no_secret(&ended.err);
}
