//! A start that makes no sense is refused with a sentence that says what to do.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::binary::{Binary, Ended};
use crate::support::database::TestDatabase;

/// A MongoDB that is not there; its password must not be repeated.
const NOWHERE: &str = "mongodb://anna:geheim@127.0.0.1:1/?directConnection=true";

/// Runs `serve` with the keys of the database and some others over them.
async fn serve(database: &TestDatabase, others: &[(&str, &str)]) -> Ended {
    let mut keys = database.keys().to_vec();
    keys.retain(|(key, _)| others.iter().all(|(other, _)| key != other));
    keys.extend(others);
    Binary::run(&["serve"], &keys).await
}

/// Checks exit code and words, and that nothing but the sentence is said.
fn refused(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.status.code(), Some(code), "{ended:?}");
    assert_eq!(ended.out, "", "it did not start");
    for word in words {
        assert!(
            ended.err.contains(word),
            "{word:?} is missing: {}",
            ended.err
        );
    }
    assert!(!ended.err.contains("geheim"), "{}", ended.err);
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
}

#[tokio::test]
async fn without_an_auth_mode_serve_says_which_there_are() {
    let ended = Binary::run(&["serve"], &[("CHATZZ_MONGODB_URI", NOWHERE)]).await;
    refused(&ended, 2, &["CHATZZ_AUTH", "trusted"]);
}

#[tokio::test]
async fn a_mongodb_that_is_not_there_is_waited_for_as_long_as_configured() {
    let started = Instant::now();
    let keys = [
        ("CHATZZ_AUTH", "trusted"),
        ("CHATZZ_LISTEN", "127.0.0.1:0"),
        ("CHATZZ_METRICS_LISTEN", "off"),
        ("CHATZZ_MONGODB_URI", NOWHERE),
        ("CHATZZ_STARTUP_TIMEOUT", "1s"),
    ];
    let ended = Binary::run(&["serve"], &keys).await;
    refused(
        &ended,
        1,
        &["127.0.0.1:1", "cannot be reached", "CHATZZ_MONGODB_URI"],
    );
    assert!(started.elapsed() < Duration::from_secs(5), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wait_names_the_address_the_cause_and_when_it_gives_up() {
    let database = TestDatabase::shared().await;
    let (_, rest) = database.uri().split_once('@').unwrap();
    let running = rest.split('/').next().unwrap().to_owned();
    let soon = [
        ("CHATZZ_STARTUP_TIMEOUT", "2s"),
        ("CHATZZ_MONGODB_SELECTION_TIMEOUT", "500ms"),
    ];
    let nobody = "127.0.0.1:1";
    for (host, options, cause) in [
        (nobody, "", "connection refused"),
        (nobody, "replicaSet=rs0", "connection refused"),
        (
            &running,
            "replicaSet=rs0",
            "it is in the replica set chatzz, not rs0",
        ),
        (&running, "tls=true", "does not speak TLS"),
        (
            "nowhere.invalid:27017",
            "",
            "its name cannot be resolved (DNS)",
        ),
    ] {
        let uri = format!("mongodb://anna:geheim@{host}/?{options}");
        let keys = [&soon[..], &[("CHATZZ_MONGODB_URI", uri.as_str())]].concat();

        let ended = serve(&database, &keys).await;

        refused(&ended, 1, &[host, cause, "cannot be reached after 2s"]);
        let waiting = ended
            .err
            .lines()
            .find(|line| line.contains("waiting for MongoDB"));
        let waiting = waiting.unwrap_or_else(|| panic!("{host} {options}: {}", ended.err));
        for word in [host, cause, "giving up in 1 s"] {
            assert!(waiting.contains(word), "no {word:?} in: {waiting}");
        }
    }
    let wrong = format!("mongodb://chatzz:geheim@{running}/?authSource=admin");
    let ended = serve(&database, &[("CHATZZ_MONGODB_URI", &wrong)]).await;
    refused(&ended, 1, &[&running, "refused the user name or password"]);
    let none = format!("mongodb://{running}/");
    let ended = serve(&database, &[("CHATZZ_MONGODB_URI", &none)]).await;
    refused(&ended, 1, &["requires a user name and a password"]);
}

#[tokio::test]
async fn collection_names_that_would_harm_are_all_reported_together() {
    let keys = [
        ("CHATZZ_AUTH", "trusted"),
        ("CHATZZ_MONGODB_URI", NOWHERE),
        ("CHATZZ_MESSAGE_COLLECTION", "system.messages"),
        ("CHATZZ_CHAT_ROOM_COLLECTION", ""),
    ];
    let ended = Binary::run(&["serve"], &keys).await;
    refused(
        &ended,
        2,
        &[
            "2 mistakes",
            "CHATZZ_MESSAGE_COLLECTION",
            "system.",
            "CHATZZ_CHAT_ROOM_COLLECTION",
        ],
    );
}

#[tokio::test]
async fn the_users_collection_cannot_be_used_for_something_else() {
    for key in [
        "CHATZZ_CHAT_USER_COLLECTION",
        "CHATZZ_CHAT_ROOM_COLLECTION",
        "CHATZZ_MESSAGE_COLLECTION",
    ] {
        let keys = [
            ("CHATZZ_AUTH", "trusted"),
            ("CHATZZ_MONGODB_URI", NOWHERE),
            ("CHATZZ_USER_COLLECTION", "people"),
            (key, "people"),
        ];
        let ended = Binary::run(&["serve"], &keys).await;
        refused(&ended, 2, &[key, "CHATZZ_USER_COLLECTION", "people"]);
    }
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_key() {
    let database = TestDatabase::shared().await;
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = other.local_addr().unwrap().to_string();
    for key in ["CHATZZ_LISTEN", "CHATZZ_METRICS_LISTEN"] {
        let ended = serve(&database, &[(key, &addr)]).await;
        refused(&ended, 1, &[key, &addr, "choose another"]);
    }
    assert_eq!(database.collections().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_unprepared_database_is_refused_when_serve_may_not_prepare_it() {
    let database = TestDatabase::shared().await;
    let no = [("CHATZZ_MIGRATE_ON_START", "false")];

    let ended = serve(&database, &no).await;

    refused(&ended, 1, &["chatzz migrate", "0001_create_collections"]);
    assert_eq!(database.collections().await, Vec::<String>::new());
    let migrated = Binary::run(&["migrate"], &database.keys()).await;
    assert!(migrated.status.success(), "{migrated:?}");
    let mut keys = database.keys().to_vec();
    keys.extend(no);
    Binary::serve(&keys).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_string_of_the_application_works_and_weakens_nothing() {
    let database = TestDatabase::shared().await;
    let foreign = "socketTimeoutMS=45000&useUnifiedTopology=true&w=0&readPreference=secondary";
    let uri = format!("{}&{foreign}", database.uri());
    let mut keys = database.keys().to_vec();
    keys.retain(|(key, _)| *key != "CHATZZ_MONGODB_URI");
    keys.push(("CHATZZ_MONGODB_URI", &uri));

    let server = Binary::serve(&keys).await;

    let log = server.log();
    for name in ["socketTimeoutMS", "useUnifiedTopology", "readPreference"] {
        assert!(log.contains(name), "no {name} in: {log}");
    }
    // a write that nobody confirms cannot be refused as a duplicate
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let (alice, _) = server.login(&alice).await;
    alice.add(&bob).await.unwrap();
    let sent = alice.send_with(&bob, "hello", "key").await.unwrap();
    let again = alice.send_with(&bob, "hello", "key").await.unwrap();
    assert_eq!(
        (&again["_id"], &again["duplicate"]),
        (&sent["_id"], &true.into())
    );
}
