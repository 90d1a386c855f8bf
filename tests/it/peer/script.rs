//! With a script.

use serde_json::{Value, json};

use super::{Peer, args, next_from, script};
use crate::api::free_addr;
use crate::support::binary::Binary;
use crate::support::server::Server;
use crate::support::user::Person;

/// A peer that is `bob` and plays these steps with somebody.
fn play(server: &Server, bob: &Value, with: &Person, steps: &str) -> Peer {
    let with = with.id.as_str().unwrap();
    let mut bobs = args(server, bob);
    bobs.script = Some(script(&format!(
        "with: {with}\npatience: 2s\nsteps:\n{steps}"
    )));
    Peer::start(bobs)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_is_seen_by_the_other_in_its_order() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let bob = server.user("bob").await;
    let steps = "  - expect: hello\n  - read: 100ms\n  - type: 200ms\n  - say: \"Hi, Alice\"\n  \
                 - burst: 3\n  - block\n  - unblock\n  - offline\n  - wait: 100ms\n  - online\n  \
                 - say: back\n";
    let peer = play(&server, &bob, &alice, steps);
    alice.client.wait_for("chat-user-added").await;
    alice.send(&bob, "what?").await.unwrap();

    alice.send(&bob, "well, hello!").await.unwrap();

    let read = alice.client.wait_for("message-status-changed").await;
    assert_eq!(read["range"], json!({ "from": 1, "to": 2 }));
    let typing = alice.client.wait_for("user-typing").await;
    assert_eq!(typing["user"]["_id"], bob);
    for text in ["Hi, Alice", "1 of 3", "2 of 3", "3 of 3"] {
        assert_eq!(next_from(&alice, &bob).await["message"], text);
    }
    // blocked, unblocked, offline, online again
    for status in ["offline", "online", "offline", "online"] {
        let news = alice.client.wait_for("chat-user-status-changed").await;
        assert_eq!(news["status"], status);
    }
    assert_eq!(next_from(&alice, &bob).await["message"], "back");
    peer.end().await.unwrap();
    let news = alice.client.wait_for("chat-user-status-changed").await;
    assert_eq!(news["status"], "offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_over_the_limit_waits_as_long_as_the_server_says() {
    let server = Server::with(&[
        ("CHATZZ_RATE_LIMITS", "on"),
        ("CHATZZ_LIMIT_SENDS", "socket=4/1s"),
    ])
    .await;
    let alice = server.person("alice").await;
    let bob = server.user("bob").await;
    let peer = play(&server, &bob, &alice, "  - burst: 12\n");

    for number in 1..=12 {
        let text = format!("{number} of 12");
        assert_eq!(next_from(&alice, &bob).await["message"], text);
    }

    let said = std::sync::Arc::clone(&peer.said);
    peer.end().await.unwrap();
    let said = said.lock();
    let waits: Vec<_> = said
        .iter()
        .filter(|line| line.contains("over a limit"))
        .collect();
    assert_eq!(waits.len(), 1, "{said:?}");
    assert!(waits[0].contains("CHATZZ_RATE_LIMITS=off"), "{said:?}");
    assert_eq!(
        said.iter()
            .filter(|line| line.contains("is online"))
            .count(),
        1
    );
}

/// How a peer ends that plays these steps alone: from the line on.
async fn ends(steps: &str) -> String {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let bob = server.user("bob").await;
    let peer = play(&server, &bob, &alice, steps);
    alice.client.wait_for("chat-user-added").await;
    alice.send(&bob, "something else").await.unwrap();
    let error = peer.end().await.unwrap_err();
    let (_, rest) = error.split_once(".yml:").expect("the file and the line");
    rest.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_reported_with_its_line() {
    let unheard = ends("  - wait: 0\n  - expect: hello\n").await;
    assert_eq!(
        unheard,
        "5: expect: no message with “hello” came within 2s; \
         there were “something else” from alice"
    );
    let offline = ends("  - offline\n  - say: x\n").await;
    assert!(offline.starts_with("5: say: "), "{offline}");
    assert!(
        offline.ends_with(" is offline: put `online` before this"),
        "{offline}"
    );
    let refused = ends("  - say: \" \"\n").await;
    assert_eq!(
        refused,
        "4: say: send-message was refused: bad-request: message: must not be empty"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_name_it_is_about_whoever_writes_first() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    bob.client.close().await;
    let mut bobs = args(&server, &bob.id);
    bobs.script = Some(script("steps:\n  - expect: \"\"\n  - say: you\n"));
    let peer = Peer::start(bobs);
    alice.send(&bob.id, "anything").await.unwrap();
    peer.end().await.unwrap();
    let messages = server.messages().await;
    assert_eq!(messages[1].get_str("message").unwrap(), "you");

    let mut bobs = args(&server, &bob.id);
    bobs.script = Some(script("steps:\n  - say: to whom\n"));
    let error = Peer::start(bobs).end().await.unwrap_err();
    assert!(error.contains(".yml:2: say: to whom? "), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_what_is_wrong_and_ends_with_one() {
    let server = Server::start().await;
    let url = format!("http://{}", server.addr());
    let wrong = script("steps:\n  - say: x\n  - sing: y\n");
    let wrong = wrong.to_str().unwrap();
    let nowhere = format!("http://{}", free_addr());
    for (args, words) in [
        (vec!["--script", wrong, "--url", &url], ".yml:3: "),
        (vec!["--url", &url], "the server knows no user bob"),
        (
            vec!["--url", &nowhere],
            "no chatzz answers at http://127.0.0.1",
        ),
        (
            vec!["--url", "https://chat.test"],
            "--url https://chat.test cannot be used",
        ),
        (
            vec!["--script", "no-such-file.yml"],
            "cannot read no-such-file.yml",
        ),
    ] {
        let args = [&["peer", "--as", "bob"], args.as_slice()].concat();
        let ended = Binary::run(&args, &[]).await;
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {ended:?}");
        assert!(
            ended.err.starts_with("chatzz: ") && ended.err.contains(words),
            "{args:?}: {ended:?}"
        );
    }
    let bob = server.user("bob").await;
    let fine = script("steps:\n  - wait: 10ms\n");
    let args = ["peer", "--as", bob.as_str().unwrap(), "--url", &url];
    let args = [&args[..], &["--script", fine.to_str().unwrap()]].concat();
    let ended = Binary::run(&args, &[]).await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(ended.out.contains("is online at") && ended.out.contains("the script is over"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_come_from_the_environment_where_nobody_else_sees_it() {
    let secret = "the-secret-of-the-peer-tests-0123";
    let keys = [("CHATZZ_AUTH", "jwt"), ("CHATZZ_JWT_SECRET", secret)];
    let server = Server::with(&keys).await;
    let bob = server.user("bob").await;
    let claims = json!({ "sub": bob, "exp": 9_999_999_999_u64 });
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    let url = format!("http://{}", server.addr());
    let fine = script("steps:\n  - wait: 10ms\n");
    let args = ["peer", "--as", bob.as_str().unwrap(), "--url", &url];
    let args = [&args[..], &["--script", fine.to_str().unwrap()]].concat();

    for (token, code) in [(token.as_str(), 0), ("", 1), ("nonsense", 1)] {
        let ended = Binary::run(&args, &[("CHATZZ_PEER_TOKEN", token)]).await;
        assert_eq!(ended.status.code(), Some(code), "{token:?}: {ended:?}");
        let advised = ended.err.matches("set CHATZZ_PEER_TOKEN").count();
        assert_eq!(advised, usize::from(code == 1), "{ended:?}");
    }
    let help = Binary::run(&["peer", "--help"], &[("CHATZZ_PEER_TOKEN", &token)]).await;
    assert!(help.out.contains("CHATZZ_PEER_TOKEN"), "{}", help.out);
    assert!(!help.out.contains(&token), "{}", help.out);
}
