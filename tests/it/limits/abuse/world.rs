//! Those who are abused, and what they have stored.

use std::collections::BTreeMap;
use std::time::Duration;

use bson::{Document, doc};
use serde_json::Value;

use crate::support::frame::{Client, ConnectOptions, Eio, Transport};
use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::user::Person;

/// Without a change for so long, everything that is written behind was written.
const SETTLED: Duration = Duration::from_secs(3);
/// The page that may connect.
const PAGE: &str = "https://app.example.org";

/// A server, on which `alice` misbehaves.
pub(super) struct World {
    pub(super) server: Server,
    /// What rows name, by name.
    pub(super) names: BTreeMap<&'static str, String>,
    alice: Value,
    bob: Value,
    before: Vec<Vec<Document>>,
    _friends: (Person, Person),
}

impl World {
    pub(super) async fn new(keys: &[(&str, &str)]) -> Self {
        let mut all = vec![
            ("CHATZZ_ALLOWED_ORIGINS", PAGE),
            ("CHATZZ_OFFLINE_GRACE", "0"),
            // nothing counts as delivered because somebody stayed
            ("CHATZZ_PING_INTERVAL", "5m"),
            // no row takes so long, but for bodies that never come to their end
            ("CHATZZ_CONNECT_TIMEOUT", "2s"),
        ];
        all.extend(keys);
        let server = Server::with(&all).await;
        let (alice, bob) = server.pair().await;
        let carol = server.person("carol").await;
        carol.add(&bob.id).await.unwrap();
        let to_bob = alice.send(&bob.id, "to bob").await.unwrap();
        let to_alice = bob.send(&alice.id, "to alice").await.unwrap();
        let of_others = carol.send(&bob.id, "of others").await.unwrap();
        alice.client.close().await;

        let text = |value: &Value| value.as_str().expect("an id").to_owned();
        let names = BTreeMap::from([
            ("alice", text(&alice.id)),
            ("bob", text(&bob.id)),
            ("carol", text(&carol.id)),
            ("to-bob", text(&to_bob["_id"])),
            ("to-alice", text(&to_alice["_id"])),
            ("of-others", text(&of_others["_id"])),
        ]);
        let mut world = Self {
            names,
            alice: alice.id.clone(),
            bob: bob.id.clone(),
            before: Vec::new(),
            _friends: (bob, carol),
            server,
        };
        world.before = eventually("what was begun is written", async || {
            let dump = world.dump().await;
            tokio::time::sleep(SETTLED).await;
            (world.dump().await == dump).then_some(dump)
        })
        .await;
        assert_eq!(world.before[1].len(), 3, "three messages");
        world
    }

    async fn dump(&self) -> Vec<Vec<Document>> {
        let mut all = Vec::new();
        for name in ["chatrooms", "chatmessages", "chatprivacy", "users"] {
            all.push(self.server.dump(name).await);
        }
        let mut people = self.server.dump("chatusers").await;
        for person in &mut people {
            // the rest is presence, and misbehaving peers come and go
            let of = |field: &str| person.get(field).cloned().unwrap_or_default();
            *person = doc! { "_id": of("_id"), "user": of("user") };
        }
        all.push(people);
        all
    }

    /// That nothing was stored, and the server serves others.
    pub(super) async fn assert_unharmed(&self, what: &str) {
        let health = crate::support::http::get(self.server.addr(), "/readyz").await;
        assert_eq!(health.status, 200, "{what}");
        let now = self.dump().await;
        for (now, before) in now.iter().zip(&self.before) {
            assert_eq!(now, before, "{what}: something was stored");
        }
    }

    /// A connection of `alice`, logged in if need be, its envelopes taken off.
    pub(super) async fn alice(&self, wire: (Eio, Transport), login: bool) -> Person {
        let options = ConnectOptions::new(self.server.addr()).over(wire);
        let client = Client::connect(options).await.unwrap();
        let alice = Person::new(client, self.alice.clone());
        if login {
            alice.login().await.unwrap();
            alice.client.expect_envelope("user-details").await;
        }
        alice
    }

    /// That a connection still works.
    pub(super) async fn assert_works(&self, alice: &Person, login: bool, what: &str) {
        let asked = if login {
            let page = serde_json::json!({ "userId": self.bob, "limit": 1 });
            alice.history(page).await
        } else {
            alice.login().await
        };
        asked.unwrap_or_else(|error| panic!("{what}: the socket does not work: {error}"));
    }
}
