//! A person who comes back through the load balancer whenever their connection ends.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::support::frame::{Client, ConnectOptions, Transport};
use crate::support::poll::PAUSE;
use crate::support::user::Person;

/// How often each of them writes.
const WRITES_EVERY: Duration = Duration::from_millis(700);
/// How long coming back, and getting what was missed, may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What all travelers share.
#[derive(Default)]
pub(super) struct World {
    /// The texts that were acknowledged, by whom they are for; with the number in the chat room.
    pub(super) acknowledged: Mutex<BTreeMap<String, BTreeMap<String, u64>>>,
    /// Those who write no more, and wait for no ack.
    pub(super) silent: Mutex<BTreeSet<String>>,
    /// Nothing new is written from then on.
    pub(super) enough: CancellationToken,
    /// Everybody is silent.
    pub(super) complete: CancellationToken,
}

pub(super) struct Traveler {
    pub(super) name: String,
    pub(super) id: Value,
    pub(super) partner: Value,
    pub(super) through: SocketAddr,
    pub(super) from: Ipv4Addr,
    pub(super) transport: Transport,
    pub(super) world: Arc<World>,
}

/// What a traveler has seen.
#[derive(Default)]
pub(super) struct Journey {
    pub(super) logins: usize,
    /// The messages of the other one: number and text.
    heard: BTreeMap<u64, String>,
    /// Its own messages so far.
    written: usize,
    /// Written and not acknowledged: under the same `clientId` until it is.
    pending: Option<String>,
}

fn key(id: &Value) -> String {
    id.as_str().expect("an ObjectId").to_owned()
}

impl Journey {
    fn hear(&mut self, message: &Value, from: &Value) {
        let sender = message["from"].get("_id").unwrap_or(&message["from"]);
        if sender != from {
            return;
        }
        let text = message["message"].as_str().unwrap().to_owned();
        let before = self
            .heard
            .insert(message["seq"].as_u64().unwrap(), text.clone());
        // what is repeated after a reconnect is the same
        assert!(before.is_none_or(|before| before == text), "{message}");
    }
}

impl Traveler {
    /// Travels until everything that was acknowledged to the other one has been heard.
    pub(super) async fn travel(self) -> Journey {
        let mut journey = Journey::default();
        let mut until = Instant::now() + PATIENCE;
        while !self.has_heard_all(&journey) {
            assert!(Instant::now() < until, "{} does not get back in", self.name);
            match self.log_in(&mut journey).await {
                Some(person) => {
                    self.stay(&person, &mut journey).await;
                    until = Instant::now() + PATIENCE;
                }
                None => sleep(PAUSE * 5).await,
            }
        }
        journey
    }

    async fn log_in(&self, journey: &mut Journey) -> Option<Person> {
        let options = ConnectOptions {
            from: Some(self.from),
            transport: self.transport,
            ..super::at(self.through)
        };
        let client = Client::connect(options).await.ok()?;
        let person = Person::new(client, self.id.clone());
        person.login_acking_deliveries().await.ok()?;
        journey.logins += 1;
        Some(person)
    }

    /// Writes and listens until the connection ends or there is nothing more to come.
    async fn stay(&self, person: &Person, journey: &mut Journey) {
        let mut next = Instant::now() + WRITES_EVERY;
        while person.client.closed(Duration::ZERO).await.is_err() && !self.has_heard_all(journey) {
            self.listen(person, journey);
            let is_enough = self.world.enough.is_cancelled();
            if journey.pending.is_none() && is_enough {
                self.world.silent.lock().insert(self.name.clone());
            } else if Instant::now() >= next {
                next += WRITES_EVERY;
                self.write(person, journey).await;
            }
            sleep(PAUSE).await;
        }
        self.listen(person, journey);
    }

    fn listen(&self, person: &Person, journey: &mut Journey) {
        for envelope in person.client.drain() {
            match envelope.kind.as_str() {
                "new-message" => journey.hear(&envelope.data, &self.partner),
                "user-details" => {
                    let missed = &envelope.data["missedMessages"][key(&self.partner)];
                    for message in missed.as_array().into_iter().flatten() {
                        journey.hear(message, &self.partner);
                    }
                }
                _ => {}
            }
        }
    }

    async fn write(&self, person: &Person, journey: &mut Journey) {
        let text = journey.pending.take().unwrap_or_else(|| {
            journey.written += 1;
            format!("{} {}", self.name, journey.written)
        });
        match person
            .send_with(&self.partner, &text, &text.replace(' ', "-"))
            .await
        {
            Ok(message) => {
                let seq = message["seq"].as_u64().unwrap();
                let mut acknowledged = self.world.acknowledged.lock();
                let mine = acknowledged.entry(key(&self.partner)).or_default();
                assert!(mine.insert(text, seq).is_none(), "written once: {message}");
            }
            Err(_) => journey.pending = Some(text),
        }
    }

    fn has_heard_all(&self, journey: &Journey) -> bool {
        if !self.world.complete.is_cancelled() {
            return false;
        }
        let acknowledged = self.world.acknowledged.lock();
        let Some(mine) = acknowledged.get(&key(&self.id)) else {
            return true;
        };
        mine.iter()
            .all(|(text, seq)| journey.heard.get(seq) == Some(text))
    }
}
