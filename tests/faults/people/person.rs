//! One person: comes, works a while, leaves, comes again.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::back_end::{BackEnd, is_certain};
use super::connection::{Connection, Manner, answered, is_definite};
use super::memory::Memory;
use super::{World, count};
use crate::support::frame::{Eio, Transport, WIRES};

/// How long open sends are tried to their end when the work is over.
const SETTLE_WITHIN: Duration = Duration::from_secs(40);
/// How long it may take until every chat room takes a message once nothing is
/// wrong any more.
const ALIVE_WITHIN: Duration = Duration::from_secs(30);

/// A person with everything to remember across their connections.
pub(crate) struct Person {
    pub(super) world: Arc<World>,
    pub(super) memory: Arc<Memory>,
    pub(super) id: String,
    pub(super) contacts: Vec<String>,
    pub(super) rng: Rng,
    /// Sends whose outcome is not known, to be tried again before all else.
    pub(super) open: Vec<Value>,
    /// Sends to be repeated some time although their outcome is known.
    pub(super) past: Vec<Value>,
    /// Whether they connect over the separate link of some people; by chance unless set.
    pub(crate) apart: Option<bool>,
    /// Whom the person has blocked at the moment.
    pub(super) blocked: Option<String>,
    /// Whether an open send is tried even after it certainly failed.
    must_arrive: bool,
    /// Whether their contacts have been added.
    pub(super) acquainted: bool,
}

impl Person {
    pub(crate) fn new(world: &Arc<World>, id: String, contacts: Vec<String>, rng: Rng) -> Self {
        Self {
            world: Arc::clone(world),
            memory: Arc::default(),
            id,
            contacts,
            rng,
            open: Vec::new(),
            past: Vec::new(),
            apart: None,
            blocked: None,
            must_arrive: false,
            acquainted: false,
        }
    }

    /// Works until there is no more work, and settles what is open then.
    pub(crate) async fn work(mut self) -> Self {
        while self.world.is_working() {
            self.now("arrives");
            let Some(connection) = self.arrive().await else {
                sleep(Duration::from_millis(self.rng.u64(20..150))).await;
                continue;
            };
            self.now("works");
            self.session(&connection).await;
            self.now("leaves");
            self.leave(connection).await;
            self.now("is away");
            self.stay_away().await;
        }
        self.now("settles what is open");
        self.settle(SETTLE_WITHIN, "was not answered").await;
        self.now("greets everybody");
        self.greet_all().await;
        self.world.progress.done(&self.id);
        self
    }

    /// Says what the person is doing from now on.
    pub(super) fn now(&self, what: &str) {
        self.world.progress.person(&self.id, what);
    }

    /// Has a break.
    async fn stay_away(&mut self) {
        let away = self.rng.u64(..=self.world.habits.away_ms);
        let until = Instant::now() + Duration::from_millis(away);
        while self.world.is_working() && Instant::now() < until {
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Tries open sends, without any new ones, until each has an answer.
    async fn settle(&mut self, within: Duration, trouble: &str) {
        let deadline = Instant::now() + within;
        while !self.open.is_empty() && Instant::now() < deadline {
            self.try_open_by_api().await;
            if let Some(connection) = self.arrive().await {
                self.try_open(&connection).await;
                connection.close().await;
            }
            sleep(Duration::from_millis(100)).await;
        }
        for payload in self.open.drain(..) {
            let (me, to) = (&self.id, &payload["userId"]);
            let why = format!("a send of {me} to {to} {trouble} in {within:?}: {payload}");
            self.world.fail(why);
        }
    }

    /// One message into each room: none may be stuck.
    async fn greet_all(&mut self) {
        for contact in self.contacts.clone() {
            let greeting = self.compose_to(&contact, true);
            count(&self.world.tally.sent);
            self.open.push(greeting);
        }
        self.must_arrive = true;
        self.settle(ALIVE_WITHIN, "was not acknowledged").await;
    }

    /// Connects somehow and logs in.
    pub(super) async fn arrive(&mut self) -> Option<Connection> {
        let manner = self.manner();
        let connection = Connection::open(&self.world, &self.memory, &self.id, manner).await?;
        if !self.log_in(&connection, manner.acks).await {
            connection.cut().await;
            return None;
        }
        Some(connection)
    }

    /// Logs in and, the first time, adds the contacts; `false` when it fails.
    async fn log_in(&mut self, connection: &Connection, acks: bool) -> bool {
        let mut payload = json!({ "userId": self.id, "protocol": 3 });
        if acks {
            payload["deliveryAcks"] = true.into();
        }
        let login = connection.ask("connect-user", &payload, None);
        // everything in one burst, as clients do
        let adds: Vec<_> = self
            .contacts
            .iter()
            .filter(|_| !self.acquainted)
            .map(|contact| connection.ask("add-chat-user", &json!({ "userToAdd": contact }), None))
            .collect();
        if answered(&login.await) != "ok" {
            return false;
        }
        let mut all = true;
        for add in adds {
            all &= answered(&add.await) == "ok";
        }
        self.acquainted |= all;
        all
    }

    fn manner(&mut self) -> Manner {
        let server = self.rng.usize(..self.world.servers.len());
        let wire = match self.rng.u8(..10) {
            0..7 => (Eio::V4, Transport::Websocket),
            _ => WIRES[self.rng.usize(..WIRES.len())],
        };
        let acks = wire.0 == Eio::V4 && self.rng.u8(..10) < 4;
        Manner {
            server,
            apart: self.apart.unwrap_or(self.rng.u8(..10) < 2),
            wire,
            acks,
        }
    }

    /// Ends a connection in one of the ways in which they end.
    async fn leave(&mut self, connection: Connection) {
        if connection.has_ended() {
            return;
        }
        match self.rng.u8(..10) {
            0..5 => connection.close().await,
            5..9 => connection.cut().await,
            _ if self.world.habits.restless => connection.fall_silent(Duration::from_secs(8)),
            _ => connection.close().await,
        }
    }

    /// A back end that acts for the person, at any server.
    pub(super) fn back_end(&mut self) -> BackEnd {
        let server = self.rng.usize(..self.world.apis.len());
        BackEnd::open(&self.world, &self.id, server)
    }

    /// Has the application send again what it had no definite answer to.
    pub(super) async fn try_open_by_api(&mut self) {
        let (open, others) = self.open.drain(..).partition(is_by_api);
        self.open = others;
        let open: Vec<Value> = open;
        if open.is_empty() {
            return;
        }
        let mut back_end = self.back_end();
        for payload in open {
            count(&self.world.tally.repeats);
            if back_end.has_ended() {
                back_end = self.back_end();
            }
            let outcome = back_end.send(&payload).await;
            if outcome.is_ok() {
                count(&self.world.tally.acknowledged);
            } else if !is_certain(&outcome) || self.world.is_working() {
                self.open.push(payload);
            }
        }
    }

    /// Sends again what has no definite answer yet.
    pub(super) async fn try_open(&mut self, connection: &Connection) {
        let (open, others) = self.open.drain(..).partition(|payload| !is_by_api(payload));
        self.open = others;
        let open: Vec<Value> = open;
        let asked: Vec<_> = open
            .iter()
            .map(|payload| {
                if !self.must_arrive {
                    count(&self.world.tally.repeats);
                }
                connection.ask("send-message", payload, None)
            })
            .collect();
        for (payload, answer) in open.into_iter().zip(asked) {
            let outcome = answer.await;
            if answered(&outcome) == "ok" {
                count(&self.world.tally.acknowledged);
            } else if answered(&outcome) == "refused" && !self.must_arrive {
                // the application does not want it, however often it is sent
            } else if !is_definite(&outcome) || self.world.is_working() || self.must_arrive {
                self.open.push(payload);
            }
        }
    }
}

/// Whether a message is sent by the application, under a key of its own.
pub(super) fn is_by_api(payload: &Value) -> bool {
    payload.get("key").is_some()
}
