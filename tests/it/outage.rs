//! MongoDB becomes unavailable while people talk, and comes back.

use std::time::Duration;

use chatzz_dev::mongod::Mongod;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::user::{Outcome, Person};
use crate::support::{http, mongod, poll};

/// The longest any event may wait for its answer.
const ANSWERED: Duration = Duration::from_secs(5);
/// The longest healing may take once MongoDB is back.
const HEALED: Duration = Duration::from_secs(30);

struct Scene {
    mongod: Mongod,
    database: TestDatabase,
    server: Binary,
    alice: Person,
    bob: Person,
}

impl Scene {
    /// Two people who have exchanged ten messages, on a MongoDB of their own.
    async fn set(name: &str) -> Self {
        let mongod = mongod::start(name, |options| options).await;
        let database = TestDatabase::on(&mongod.uri()).await;
        let server = Binary::serve(&database.keys()).await;
        let (alice, bob) = (database.user("alice").await, database.user("bob").await);
        let (alice, _) = server.login(&alice).await;
        let (bob, _) = server.login(&bob).await;
        alice.add(&bob.id).await.unwrap();
        for number in 1..=10 {
            let text = format!("before {number}");
            alice.send(&bob.id, &text).await.unwrap();
        }
        Self {
            mongod,
            database,
            server,
            alice,
            bob,
        }
    }

    /// Every event that needs the database says so, and in time, also those
    /// that wait behind others on their socket.
    async fn everything_is_refused_in_time(&self, newcomer: &Person, stranger: &Value) {
        let (alice, bob) = (&self.alice, &self.bob);
        let history = json!({ "userId": bob.id });
        let stranger_too = json!({ "userId": stranger });
        let everybody = json!({ "whitelistOnly": false });
        let answers = tokio::join!(
            refused("connect-user", newcomer.login()),
            refused("add-chat-user", alice.add(stranger)),
            refused("send-message", send_lost(alice, &bob.id)),
            refused("get-old-messages", alice.history(history)),
            refused("message-read", bob.read_up_to(&alice.id, 9)),
            refused("message-delivered", bob.delivered_up_to(&alice.id, 9)),
            refused("block-user", alice.ask("block-user", stranger_too.clone())),
            refused(
                "unblock-user",
                alice.ask("unblock-user", stranger_too.clone())
            ),
            refused("set-privacy", bob.ask("set-privacy", everybody)),
            refused("get-blocked-users", bob.ask("get-blocked-users", json!({}))),
            refused("get-active-users", bob.ask("get-active-users", json!({}))),
        );
        let ((), (), (), (), (), (), (), (), (), (), ()) = answers;
    }

    async fn is_ready(&self) -> bool {
        http::get(self.server.addr(), "/readyz").await.status == 200
    }

    async fn heals(&self) {
        poll::until("the server is ready again", HEALED, async || {
            self.is_ready().await.then_some(())
        })
        .await;
    }

    /// The retry of a lost send, until it is answered well.
    async fn lost_send_is_found_again(&self) -> Value {
        poll::until("a retry succeeds", HEALED, async || {
            send_lost(&self.alice, &self.bob.id).await.ok()
        })
        .await
    }

    /// Everybody and the database agree, and nothing is there twice.
    async fn nothing_is_lost(&self, acknowledged: &[Value]) {
        let stored = self.database.messages().await;
        let seqs: Vec<i64> = stored.iter().map(|m| m.get_i64("seq").unwrap()).collect();
        let gapless: Vec<i64> = (1..).take(stored.len()).collect();
        assert_eq!(seqs, gapless);
        let ids: Vec<String> = stored
            .iter()
            .map(|message| message.get_object_id("_id").unwrap().to_hex())
            .collect();
        for message in acknowledged {
            let seq = usize::try_from(message["seq"].as_u64().unwrap()).unwrap();
            assert_eq!(message["_id"], ids[seq - 1], "{message}");
        }
        for (person, other) in [(&self.alice, &self.bob), (&self.bob, &self.alice)] {
            let query = json!({ "userId": other.id, "limit": 500 });
            let page = person.history(query).await.unwrap();
            let seen = page["messages"].as_array().unwrap();
            let seen: Vec<&str> = seen.iter().map(|m| m["_id"].as_str().unwrap()).collect();
            assert_eq!(seen, ids);
        }
    }

    async fn end(self) {
        drop(self.server);
        self.mongod.stop().await.unwrap();
    }
}

async fn send_lost(sender: &Person, to: &Value) -> Outcome {
    sender.send_with(to, "lost and found", "lost-1").await
}

/// Checks that an event is refused in time, with a code that says why.
async fn refused(event: &str, answer: impl Future<Output = Outcome>) {
    let answer = timeout(ANSWERED, answer).await;
    let answer = answer.unwrap_or_else(|_| panic!("{event}: no answer within {ANSWERED:?}"));
    let error = answer.expect_err("the database is away");
    let code = error["code"].as_str().unwrap();
    assert!(
        code == "unavailable" || code == "unknown-outcome",
        "{event}: {error}"
    );
}

fn with_text<'a>(stored: &'a [bson::Document], text: &str) -> Vec<&'a bson::Document> {
    let has_text = |message: &&bson::Document| message.get_str("message").unwrap() == text;
    stored.iter().filter(has_text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_mongod_is_reported_in_time_and_its_return_heals_everything() {
    let mut scene = Scene::set("outage-kill").await;
    let (carol, dave) = (
        scene.database.user("carol").await,
        scene.database.user("dave").await,
    );
    let dave = scene.server.socket_of(&dave).await;

    scene.mongod.kill().await.unwrap();
    scene.everything_is_refused_in_time(&dave, &carol).await;
    assert!(!scene.is_ready().await);
    assert_eq!(http::get(scene.server.addr(), "/healthz").await.status, 200);
    assert!(scene.server.is_running());

    scene.mongod.restart().await.unwrap();
    scene.heals().await;
    let found = scene.lost_send_is_found_again().await;
    dave.login().await.unwrap();
    dave.client.wait_for("user-details").await;
    scene.alice.add(&carol).await.unwrap();
    assert_eq!(
        with_text(&scene.database.messages().await, "lost and found").len(),
        1
    );
    scene.nothing_is_lost(&[found]).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_mongod_is_reported_in_time_and_its_thaw_heals_everything() {
    let scene = Scene::set("outage-freeze").await;
    let (carol, dave) = (
        scene.database.user("carol").await,
        scene.database.user("dave").await,
    );
    let dave = scene.server.socket_of(&dave).await;

    scene.mongod.signal(Signal::SIGSTOP).unwrap();
    scene.everything_is_refused_in_time(&dave, &carol).await;
    assert!(!scene.is_ready().await);
    scene.mongod.signal(Signal::SIGCONT).unwrap();

    scene.heals().await;
    let found = scene.lost_send_is_found_again().await;
    dave.login().await.unwrap();
    assert_eq!(
        with_text(&scene.database.messages().await, "lost and found").len(),
        1
    );
    scene.nothing_is_lost(&[found]).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongod_killed_under_load_loses_and_repeats_nothing() {
    let mut scene = Scene::set("outage-load").await;
    let (alice, bob) = (&scene.alice, &scene.bob);
    let (mongod, started) = (&mut scene.mongod, Instant::now());
    let sends = async {
        let mut acknowledged = Vec::new();
        for number in 0..120 {
            let (text, client_id) = (format!("load {number}"), format!("load-{number}"));
            let send = async || alice.send_with(&bob.id, &text, &client_id).await.ok();
            acknowledged.push(poll::until("a retry succeeds", HEALED, send).await);
        }
        acknowledged
    };
    let accident = async {
        poll::until("some are on their way", HEALED, async || {
            let seen = bob.client.drain().len();
            (seen > 0 && started.elapsed() > Duration::from_millis(50)).then_some(())
        })
        .await;
        mongod.kill().await.unwrap();
        mongod.restart().await.unwrap();
    };

    let (acknowledged, ()) = tokio::join!(sends, accident);

    let seqs: Vec<i64> = acknowledged
        .iter()
        .filter_map(|m| m["seq"].as_i64())
        .collect();
    let in_order: Vec<i64> = (11..=130).collect();
    assert_eq!(seqs, in_order);
    scene.nothing_is_lost(&acknowledged).await;
    scene.end().await;
}
