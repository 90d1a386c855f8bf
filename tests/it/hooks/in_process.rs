//! Hooks that are part of the server's program.

use std::sync::Arc;

use chatzz::config::SigningSecrets;
use chatzz::hooks::{
    AddVerdict, Answer, BeforeAdd, BeforeSend, CannotAsk, Granted, Hook, HookFailure, Hooks,
    InProcess, LoginAsked, LoginVerdict, Refusal, SendVerdict, StoredMessage,
};
use parking_lot::Mutex;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::SECRETS;
use crate::support::frame::{Client, ConnectError, ConnectOptions};
use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::user::{Person, code};

fn with(hooks: impl Hooks, failure: HookFailure) -> InProcess {
    InProcess {
        hooks: Arc::new(hooks),
        failure,
        secrets: SigningSecrets::parse(SECRETS).unwrap(),
    }
}

fn object(value: &Value) -> Option<Map<String, Value>> {
    value.as_object().cloned()
}

/// Everything at once.
#[derive(Default)]
struct House {
    stored: Arc<Mutex<Vec<(String, i64, bool)>>>,
}

impl Hooks for House {
    fn login<'a>(&'a self, asked: &'a LoginAsked) -> Answer<'a, LoginVerdict> {
        Box::pin(async move {
            let token = asked
                .token
                .as_ref()
                .map(|token| token.expose_secret().to_owned());
            Ok(match token.as_deref() {
                None => LoginVerdict::Pass,
                Some("no") => {
                    let meta = object(&json!({ "pay": "/plans" }));
                    LoginVerdict::Refuse(Refusal::new("your trial is over").with_meta(meta))
                }
                Some("broken") => return Err(CannotAsk("it is broken".to_owned())),
                Some(user) => LoginVerdict::Grant(Granted {
                    user: user.to_owned(),
                    expires_at: None,
                    meta: object(&json!({ "plan": "gold" })),
                }),
            })
        })
    }

    fn before_send<'a>(&'a self, asked: &'a BeforeSend) -> Answer<'a, SendVerdict> {
        Box::pin(async move {
            Ok(match asked.message.as_str() {
                "refuse" => SendVerdict::Refuse(Refusal::new("no")),
                "replace" => SendVerdict::Replace("***".to_owned()),
                "withhold" => SendVerdict::Withhold,
                "hang" => std::future::pending().await,
                _ => SendVerdict::Allow,
            })
        })
    }

    fn before_add<'a>(&'a self, asked: &'a BeforeAdd) -> Answer<'a, AddVerdict> {
        Box::pin(async move {
            Ok(match asked.to.to_key().as_str() {
                "carol" => AddVerdict::Refuse(Refusal::new("not carol")),
                _ => AddVerdict::Allow,
            })
        })
    }

    fn user_details<'a>(
        &'a self,
        users: &'a [Map<String, Value>],
    ) -> Answer<'a, Vec<Map<String, Value>>> {
        Box::pin(async move {
            let mut users = users.to_vec();
            for user in &mut users {
                user.insert("shaped".to_owned(), json!(true));
                user.insert("_id".to_owned(), json!("somebody else"));
            }
            Ok(users)
        })
    }

    fn stored(&self, message: &StoredMessage<'_>) {
        let heard = (message.message.to_owned(), message.seq, message.is_withheld);
        self.stored.lock().push(heard);
    }
}

async fn house(failure: HookFailure) -> (Server, Arc<Mutex<Vec<(String, i64, bool)>>>) {
    let house = House::default();
    let stored = Arc::clone(&house.stored);
    let keys = [("CHATZZ_HOOK_TIMEOUT", "300ms")];
    let server = Server::with_hooks(with(house, failure), &keys).await;
    for id in ["alice", "bob", "carol"] {
        server
            .store_user(bson::doc! { "_id": id, "username": id })
            .await;
    }
    (server, stored)
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_of_the_program_decide_at_every_point_and_hear_what_is_stored() {
    let (server, stored) = house(HookFailure::Refuse).await;
    let (alice, details) = server.arrive(&json!("alice")).await;
    assert_eq!(
        details["user"],
        json!({ "_id": "alice", "shaped": true, "username": "alice" })
    );
    assert_eq!(code(alice.add(&json!("carol")).await), "refused");
    let bob = json!("bob");
    alice.add(&bob).await.unwrap();
    alice.send(&bob, "hello").await.unwrap();
    assert_eq!(code(alice.send(&bob, "refuse").await), "refused");
    let replaced = alice.send_with(&bob, "replace", "c1").await.unwrap();
    assert_eq!(replaced["message"], "***");
    assert_eq!(
        alice.send_with(&bob, "replace", "c1").await.unwrap()["duplicate"],
        true
    );
    alice.send(&bob, "withhold").await.unwrap();
    // it is called once the message is stored, and nobody waits for it
    let heard = eventually("it has heard of all three", async || {
        let heard = stored.lock().clone();
        (heard.len() >= 3).then_some(heard)
    })
    .await;
    let expected = [
        ("hello", 1, false),
        ("***", 2, false),
        ("withhold", 3, true),
    ];
    let expected = expected.map(|(text, seq, withheld)| (text.to_owned(), seq, withheld));
    assert_eq!(heard, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_of_the_program_that_hangs_is_given_up_under_either_policy() {
    for failure in [HookFailure::Refuse, HookFailure::Allow] {
        let (server, _) = house(failure).await;
        let alice = server.login(&json!("alice")).await;
        alice.add(&json!("bob")).await.unwrap();
        let sent = alice.send(&json!("bob"), "hang").await;
        match failure {
            HookFailure::Refuse => assert_eq!(code(sent), "unavailable"),
            HookFailure::Allow => drop(sent.unwrap()),
        }
    }
}

async fn connect(server: &Server, token: &str) -> Result<Client, ConnectError> {
    let mut options = ConnectOptions::new(server.addr());
    options.auth = Some(json!({ "token": token }));
    Client::connect(options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_of_the_program_decides_on_logins_before_the_configured_mode() {
    let (server, _) = house(HookFailure::Allow).await;
    let person = Person::new(connect(&server, "alice").await.unwrap(), json!("alice"));
    let login = person.login().await.unwrap();
    assert_eq!(login["meta"], json!({ "plan": "gold" }));
    let other = Person::new(connect(&server, "alice").await.unwrap(), json!("bob"));
    assert_eq!(code(other.login().await), "forbidden");
    let Err(ConnectError::Refused { message }) = connect(&server, "no").await else {
        panic!("it is refused");
    };
    assert_eq!(
        message,
        "unauthorized: your trial is over\n{\"pay\":\"/plans\"}"
    );
    // whatever the policy: nobody is let in unchecked
    let Err(ConnectError::Refused { message }) = connect(&server, "broken").await else {
        panic!("it is refused");
    };
    assert!(message.starts_with("unavailable: "), "{message}");
}

/// One that is asked about nothing but what it hears.
struct Ears;

impl Hooks for Ears {
    fn asks(&self, hook: Hook) -> bool {
        let _ = hook;
        false
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_with_the_defaults_change_nothing() {
    struct Defaults;
    impl Hooks for Defaults {}
    for hooks in [
        with(Defaults, HookFailure::Refuse),
        with(Ears, HookFailure::Refuse),
    ] {
        let server = Server::with_hooks(hooks, &[]).await;
        let (alice, bob) = server.pair().await;
        alice.send(&bob.id, "hello").await.unwrap();
        let heard = bob.client.expect_envelope("new-message").await;
        assert_eq!(heard["message"], "hello");
        bob.client.assert_silent_for_roundtrip().await;
    }
}
