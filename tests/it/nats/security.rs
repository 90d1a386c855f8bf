//! Logins, TLS, and people who do not want to hear from each other.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{NOTHING_MORE, Node, World, assert_nothing_comes};
use crate::support::canary;
use crate::support::database::TestDatabase;
use crate::support::nats::NatsServer;
use crate::support::poll::eventually;

/// A password that must not be in any log.
fn password() -> String {
    format!("{}-of-nats", canary::DATABASE)
}

fn folder() -> PathBuf {
    let name = format!("nats-{}", uuid::Uuid::new_v4());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A nats-server that asks for TLS and a password, and its certificate.
async fn guarded() -> (NatsServer, PathBuf) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let folder = folder();
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&cert, made.cert.pem()).unwrap();
    let [cert_text, key] = [&cert, &key].map(|path| path.to_str().unwrap());
    let password = password();
    let nats = NatsServer::with(&[
        "--tls",
        "--tlscert",
        cert_text,
        "--tlskey",
        key,
        "--user",
        "chatzz",
        "--pass",
        &password,
    ])
    .await;
    (nats, cert)
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_and_a_password_are_used_and_never_shown() {
    let (nats, cert) = guarded().await;
    let url = format!("tls://chatzz:{}@localhost:{}", password(), nats.port());
    let file = folder().join("url");
    fs::write(&file, url).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let database = TestDatabase::shared().await;
    let keys = [
        ("CHATZZ_NATS_URL_FILE", file.to_str().unwrap()),
        ("CHATZZ_NATS_CA_FILE", cert.to_str().unwrap()),
        ("CHATZZ_LOG", "trace"),
    ];

    let one = Node::start(&database, "one", &keys).await;

    one.wait_for_bus(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_a_foreign_certificate_are_named_in_the_log() {
    let (nats, cert) = guarded().await;
    let database = TestDatabase::shared().await;
    let wrong = format!(
        "tls://chatzz:wrong-{}@localhost:{}",
        password(),
        nats.port()
    );
    let ca = ("CHATZZ_NATS_CA_FILE", cert.to_str().unwrap());
    let one = Node::start(&database, "one", &[("CHATZZ_NATS_URL", &wrong), ca]).await;
    eventually("the login is refused", async || {
        let log = one.server.log();
        log.contains("NATS does not let this server in")
            .then_some(())
    })
    .await;

    let right = format!("tls://chatzz:{}@localhost:{}", password(), nats.port());
    let two = Node::start(&database, "two", &[("CHATZZ_NATS_URL", &right)]).await;
    eventually("the certificate is refused", async || {
        let log = two.server.log();
        log.contains("NATS is away").then_some(())
    })
    .await;
    for node in [&one, &two] {
        tokio::time::sleep(NOTHING_MORE).await;
        node.wait_for_bus(false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_blocked_at_another_server_a_moment_ago_does_not_get_through() {
    let world = World::with(NatsServer::start().await, &[("CHATZZ_PRIVACY_CACHE", "1m")]).await;
    let (alice, bob) = (&world.alice, &world.bob);
    // from now on the first server believes for a minute that there is no block
    alice.signal(&bob.id, json!("before")).await.unwrap();
    bob.client.wait_for("user-signal").await;

    bob.block(&alice.id).await.unwrap();
    // refused by a server that has heard of the block, and sent by one that has not
    let answer = alice.signal(&bob.id, json!("after")).await;
    alice.types_to(&bob.id).await.unwrap();

    if let Ok(answer) = answer {
        assert_eq!(answer, json!({ "online": true }));
    }
    assert_nothing_comes(bob).await;
    bob.unblock(&alice.id).await.unwrap();
    eventually("a signal is sent again", async || {
        alice.signal(&bob.id, json!("again")).await.ok()
    })
    .await;
    assert_eq!(bob.client.wait_for("user-signal").await["data"], "again");
}
