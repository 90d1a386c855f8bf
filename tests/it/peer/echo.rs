//! Without a script.

use serde_json::{Value, json};

use super::{Peer, args, next_from};
use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::user::Person;

/// Sees a message answered: read, typed, and said again.
async fn assert_answered(alice: &Person, bob: &Value, text: &str) {
    alice.send(bob, text).await.unwrap();
    let read = alice.client.wait_for("message-status-changed").await;
    assert_eq!(
        (&read["status"], &read["message"]),
        (&json!("read"), &json!(text))
    );
    let typing = alice.client.wait_for("user-typing").await;
    assert_eq!(typing["user"]["_id"], *bob);
    assert_eq!(next_from(alice, bob).await["message"], text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_read_typed_about_and_answered() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let bob = server.user("bob").await;
    let mut bobs = args(&server, &bob);
    bobs.with = Some(alice.id.as_str().unwrap().to_owned());
    let peer = Peer::start(bobs);

    let added = alice.client.wait_for("chat-user-added").await;

    assert_eq!(added["_id"], bob);
    for text in ["hello", "ünd 😀"] {
        assert_answered(&alice, &bob, text).await;
    }
    let said = peer.said.lock().clone();
    for line in ["alice: hello", "ünd 😀", "is typing", "has read it"] {
        assert!(
            said.iter().any(|said| said.contains(line)),
            "{line}: {said:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_what_it_missed_and_comes_back_with_the_server() {
    let mut server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    alice.send(&bob, "while you were away").await.unwrap();
    let peer = Peer::start(args(&server, &bob));
    let answer = next_from(&alice, &bob).await;
    assert_eq!(answer["message"], "while you were away");

    server.restart().await;

    eventually("it has come back", async || {
        let said = peer.said.lock();
        let online = said.iter().filter(|line| line.contains("is online"));
        (online.count() == 2).then_some(())
    })
    .await;
    let alice = server.arrive(&alice.id).await.0;
    assert_answered(&alice, &bob, "again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_them_do_not_answer_each_other_for_ever() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let text = json!({ "userId": bob.id, "message": "x", "clientId": "chatzz-peer-1" });
    alice.ask("send-message", text).await.unwrap();
    alice.client.drain();
    let _bob = Peer::start(args(&server, &bob.id));

    let read = alice.client.wait_for("message-status-changed").await;

    assert_eq!(read["status"], "read");
    alice.client.assert_silent_for_roundtrip().await;
    assert_eq!(server.messages().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_again_and_again_is_said_once_with_advice() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    for text in ["one", "two", "three"] {
        alice.send(&bob, text).await.unwrap();
    }
    alice.block(&bob).await.unwrap();
    let peer = Peer::start(args(&server, &bob));

    eventually(
        "it has read all of them, and answered the last",
        async || {
            let said = peer.said.lock();
            (said
                .iter()
                .filter(|line| line.contains("has read it"))
                .count()
                == 3)
                .then_some(())
        },
    )
    .await;
    eventually("it says so", async || {
        let said = peer.said.lock();
        said.iter()
            .any(|line| line.contains("blocked"))
            .then_some(())
    })
    .await;

    let said = peer.said.lock();
    let refusals: Vec<_> = said
        .iter()
        .filter(|line| line.contains("blocked"))
        .collect();
    assert_eq!(refusals.len(), 1, "{said:?}");
    assert!(
        refusals[0].ends_with("Unblock the person there"),
        "{said:?}"
    );
}
