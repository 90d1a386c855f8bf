//! What happens while the application is asked.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use super::{allowing, server};
use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::poll::eventually;
use crate::support::service::Service;
use crate::support::user::{Person, code, outcome};

/// How long a slow answer takes.
const SLOW: Duration = Duration::from_millis(1_500);
const PATIENT: (&str, &str) = ("CHATZZ_HOOK_TIMEOUT", "4s");

/// A message that is sent again while the application is asked about it.
fn twice(to: &Person) -> Value {
    json!({ "userId": to.id, "message": "call +1 555 0100", "clientId": "c1" })
}

/// Answers each question in its turn, each after a while.
fn answer(service: &Service, answers: Vec<(Duration, Value)>) {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    service.decide(move |_| {
        let number = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        answers[number].clone()
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_shares_the_question_and_its_answer() {
    let allow = json!({ "action": "allow" });
    let replace = json!({ "action": "replace", "message": "***" });
    let refuse = json!({ "action": "refuse", "reason": "no phone numbers" });
    for (verdict, stored) in [
        (allow, Some("call +1 555 0100")),
        (replace, Some("***")),
        (refuse, None),
    ] {
        let service = allowing().await;
        let server = server(&service, "before-send", "refuse", &[PATIENT]).await;
        let (alice, bob) = server.pair().await;
        // a second question would be answered at once, and otherwise
        let other = json!({ "action": "refuse", "reason": "you have sent that" });
        answer(&service, vec![(SLOW, verdict), (Duration::ZERO, other)]);

        let first = alice.client.emit_ack_pipelined("send-message", twice(&bob));
        asked_about(&service, 1).await;
        let device = server.another_of(&alice).await;
        let second = device.ask("send-message", twice(&bob)).await;

        let first = outcome(first.await);
        assert_eq!(service.asked().len(), 1);
        if let Some(text) = stored {
            let (first, second) = (first.unwrap(), second.unwrap());
            assert_eq!(first["message"], text);
            assert_eq!(second["message"], text);
            assert_eq!(second["_id"], first["_id"]);
        } else {
            for refused in [first, second] {
                assert_eq!(refused.unwrap_err()["reason"], "no phone numbers");
            }
            // once the question is answered, a repeat is one of its own
            let again = alice.ask("send-message", twice(&bob)).await;
            assert_eq!(again.unwrap_err()["reason"], "you have sent that");
        }
        assert_eq!(server.messages().await.len(), usize::from(stored.is_some()));
    }
}

/// Sends the same message at two servers at once, which the application answers so, one after
/// the other; what the sender is answered.
async fn sent_at_two_servers(answers: [(Duration, Value); 2]) -> [Result<Value, Value>; 2] {
    let service = allowing().await;
    let url = service.url("/internal/hook");
    let database = TestDatabase::shared().await;
    let node = async |id: &str| {
        let mut keys = database.keys().to_vec();
        keys.extend([
            ("CHATZZ_NODE_ID", id),
            ("CHATZZ_HOOKS", "before-send"),
            ("CHATZZ_HOOK_URL", url.as_str()),
            ("CHATZZ_HOOK_SECRET", super::SECRETS),
            ("CHATZZ_HOOK_FAILURE", "refuse"),
            PATIENT,
        ]);
        Binary::serve(&keys).await
    };
    let (one, two) = tokio::join!(node("one"), node("two"));
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let (device, _) = two.login(&alice).await;
    let (alice, _) = one.login(&alice).await;
    let (bob, _) = one.login(&bob).await;
    alice.add(&bob.id).await.unwrap();
    answer(&service, answers.to_vec());

    let first = alice.client.emit_ack_pipelined("send-message", twice(&bob));
    asked_about(&service, 1).await;
    let second = device
        .client
        .emit_ack_pipelined("send-message", twice(&bob));

    let (first, second) = tokio::join!(first, second);
    assert_eq!(service.asked().len(), 2);
    assert_eq!(database.messages().await.len(), 1);
    [outcome(first), outcome(second)]
}

async fn asked_about(service: &Service, count: usize) {
    eventually("the application is asked", async || {
        (service.asked().len() == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_at_another_server_is_answered_with_what_is_stored_whatever_is_decided() {
    let replace = json!({ "action": "replace", "message": "***" });
    let allow = json!({ "action": "allow" });
    let refuse = json!({ "action": "refuse", "reason": "you have sent that" });
    let cases = [
        (&allow, &refuse, "call +1 555 0100"),
        (&replace, &refuse, "***"),
        (&replace, &allow, "***"),
        (&allow, &replace, "call +1 555 0100"),
    ];
    let sent = cases.map(|(first, second, _)| {
        // asked about at the same time, and answered once the first is stored
        sent_at_two_servers([(SLOW, first.clone()), (2 * SLOW, second.clone())])
    });
    for ((_, _, text), answers) in cases.into_iter().zip(join_all(sent).await) {
        let [first, second] = answers.map(Result::unwrap);
        assert_eq!(first["message"], text);
        assert_eq!(second["_id"], first["_id"]);
        assert_eq!(second["message"], text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_blocks_while_the_application_is_asked_gets_no_message_and_no_chat_room() {
    let service = allowing().await;
    let server = server(&service, "before-send,before-add", "refuse", &[PATIENT]).await;
    let (alice, bob) = server.pair().await;
    let carol = server.person("carol").await;
    let before = service.asked().len();
    service.delay(SLOW);
    let send = json!({ "userId": bob.id, "message": "hello" });
    let send = alice.client.emit_ack_pipelined("send-message", send);
    asked_about(&service, before + 1).await;
    bob.block(&alice.id).await.unwrap();
    assert_eq!(code(outcome(send.await)), "blocked");
    assert!(server.messages().await.is_empty());

    let add = json!({ "userToAdd": carol.id });
    let add = alice.client.emit_ack_pipelined("add-chat-user", add);
    asked_about(&service, before + 2).await;
    carol.block(&alice.id).await.unwrap();
    assert_eq!(code(outcome(add.await)), "blocked");
    assert_eq!(server.dump("chatrooms").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_hangs_delays_no_other() {
    let service = allowing().await;
    let one = ("CHATZZ_HOOK_CONCURRENCY", "1");
    let hooks = "before-send,user-details";
    let server = server(&service, hooks, "refuse", &[PATIENT, one]).await;
    let (alice, bob) = server.pair().await;
    service.decide(|asked| {
        let is_slow = asked["type"] == "user-details";
        let takes = if is_slow { 2 * SLOW } else { Duration::ZERO };
        (takes, json!({ "action": "allow" }))
    });
    let before = service.asked().len();
    let carol = server.user("carol").await;
    let carol: Person = server.socket_of(&carol).await;
    let login = carol.login();
    let sent = async {
        asked_about(&service, before + 1).await;
        alice.send(&bob.id, "meanwhile").await
    };

    let sent = tokio::select! {
        biased;
        sent = sent => sent,
        _ = login => panic!("the message waited for the hook of the login"),
    };

    assert_eq!(sent.unwrap()["message"], "meanwhile");
}
