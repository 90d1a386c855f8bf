//! The connection to NATS. It comes back by itself, and a server does without it meanwhile.
//!
//! Whether it works is not what the socket says: a NATS that is frozen, a cut in one
//! direction, or an account that may send and not receive look alike there. So a server
//! tells itself something on the way that all frames take, and listens for it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ClientError, ConnectOptions, Event, Message, ServerError, Subscriber};
use futures::StreamExt as _;
use parking_lot::Mutex;
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::frame::{self, Item};
use super::queue::Content;
use super::seal::{Opener, Sealer};
use super::{Bus, Others, Receive, count_refused};
use crate::config::{NatsLogin, NatsUrl};

/// How often a server tells itself something.
const BEAT_EVERY: Duration = Duration::from_millis(200);
/// Every how many beats it also tells the other servers, so that they know that it is there
/// and that nothing is missing.
const BEATS_PER_GREETING: u32 = 5;
/// How long it waits to hear it.
const LOST_AFTER: Duration = Duration::from_millis(600);
/// How long handing a frame to the connection may take.
const SEND_LIMIT: Duration = Duration::from_millis(500);
/// How long the last frames may take when the server stops.
const FLUSH_LIMIT: Duration = Duration::from_millis(300);
/// How long a connection may take to open.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// How often the library asks whether NATS is there; after two without an answer it
/// connects anew.
const PING_EVERY: Duration = Duration::from_secs(2);
/// The longest pause between two attempts to connect; the first is 200 ms.
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// Frames that the connection may hold: what it holds grows old there.
const FRAMES_TO_SEND: usize = 16;
/// Frames received that may wait; more are dropped, and missed.
const FRAMES_RECEIVED: usize = 512;

/// What is heard of the connection.
#[derive(Default)]
struct Health {
    /// When the first beat was sent that was not heard yet.
    unheard_since: Mutex<Option<Instant>>,
    /// What was warned of since the bus worked last.
    warned: Mutex<HashSet<Trouble>>,
    /// A beat is to be sent now.
    beat: tokio::sync::Notify,
    /// The other servers are to learn now that this one is there.
    greet: tokio::sync::Notify,
}

/// What an operator is warned of, once each until the bus works again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Trouble {
    /// NATS cannot be reached, or does not pass on what it is sent.
    Away,
    /// NATS does not let this server in.
    Login,
    /// NATS does not let it send or receive.
    Rights,
}

impl Bus {
    /// Connects, sends and receives until `stop`; what waits then is sent if that takes no
    /// longer than 300 ms. A NATS that is away is tried again every two seconds at most.
    pub async fn run(self: Arc<Self>, outlet: Arc<dyn Receive>, stop: CancellationToken) {
        let health = Arc::new(Health::default());
        let client = match self.connect(&health).await {
            Ok(client) => client,
            Err(cause) => {
                tracing::error!(cause, "NATS cannot be used; the server goes on without it");
                return;
            }
        };
        tokio::join!(
            self.send(&client, &health, &stop),
            self.receive(&client, &health, &*outlet, &stop),
        );
        self.set_connected(false);
    }

    /// Begins to connect, which does not fail because NATS is away.
    async fn connect(self: &Arc<Self>, health: &Arc<Health>) -> Result<Client, String> {
        let Some(url) = &self.config.url else {
            return Err("no URL".to_owned());
        };
        // cannot fail but for one that was installed before
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut options = self.login(url)?;
        if let Some(file) = &self.config.ca_file {
            options = options.add_root_certificates(file.clone());
        }
        let (bus, health) = (Arc::downgrade(self), Arc::clone(health));
        let options = options
            .name("chatzz")
            .require_tls(url.is_encrypted())
            .connection_timeout(CONNECT_LIMIT)
            .ping_interval(PING_EVERY)
            .client_capacity(FRAMES_TO_SEND)
            .subscription_capacity(FRAMES_RECEIVED)
            .ignore_discovered_servers()
            .retry_on_initial_connect()
            .max_reconnects(None)
            .reconnect_delay_callback(pause)
            .event_callback(move |event| {
                if let Some(bus) = bus.upgrade() {
                    bus.heard(&health, &event);
                }
                std::future::ready(())
            });
        let servers: Vec<String> = url.servers().iter().map(ToString::to_string).collect();
        let connected = options.connect(servers).await;
        connected.map_err(|error| error.to_string())
    }

    fn login(&self, url: &NatsUrl) -> Result<ConnectOptions, String> {
        let options = ConnectOptions::new();
        if let Some(credentials) = self.config.credentials()? {
            let options = options.credentials(credentials.expose_secret());
            // the library's own text might repeat a part of it
            return options.map_err(|_| "the credentials cannot be read".to_owned());
        }
        Ok(match url.login() {
            Some(NatsLogin::Password { user, password }) => {
                options.user_and_password(user.clone(), password.expose_secret().to_owned())
            }
            Some(NatsLogin::Token(token)) => options.token(token.expose_secret().to_owned()),
            None => options,
        })
    }

    /// Takes in what the library says.
    fn heard(&self, health: &Health, event: &Event) {
        tracing::debug!(%event, "NATS");
        match event {
            Event::Connected => health.beat.notify_one(),
            Event::Disconnected | Event::Closed => self.lose(health, "the connection ended"),
            Event::ClientError(error) => {
                let text = match error {
                    ClientError::Other(text) => text.clone(),
                    other => other.to_string(),
                };
                let is_refused = text.contains("auth");
                let trouble = if is_refused {
                    Trouble::Login
                } else {
                    Trouble::Away
                };
                health.warn(trouble, &text);
            }
            Event::ServerError(ServerError::AuthorizationViolation) => {
                health.warn(Trouble::Login, "authorization violation");
            }
            Event::ServerError(ServerError::Other(text)) => health.warn(Trouble::Rights, text),
            _ => {}
        }
    }

    /// The bus does not work any more.
    fn lose(&self, health: &Health, why: &str) {
        *health.unheard_since.lock() = None;
        if self.set_connected(false) {
            health.warn(Trouble::Away, why);
        }
    }

    /// Sends what is put into the queue, and the beats.
    async fn send(&self, client: &Client, health: &Health, stop: &CancellationToken) {
        let mut boots = self.boot.clone();
        let mut me = boots.borrow_and_update().clone();
        let mut sealer = Sealer::new(&me);
        let mut others = self.others.clone();
        let mut beats: u32 = 0;
        let mut ticks = interval(BEAT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                changed = boots.changed() => {
                    let boot = boots.borrow_and_update().clone();
                    if changed.is_err() {
                        break;
                    }
                    // a sealer for the same run again would use its counters again
                    if boot != me {
                        sealer = Sealer::new(&boot);
                        me = boot;
                    }
                }
                () = self.queue.filled() => self.send_waiting(client, &mut sealer).await,
                _ = ticks.tick() => {
                    beats = beats.wrapping_add(1);
                    if beats.is_multiple_of(BEATS_PER_GREETING) {
                        self.greet(&others.borrow());
                    }
                    self.beat(client, health, &mut sealer, &me).await;
                }
                changed = others.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    self.greet(&others.borrow_and_update());
                }
                () = health.greet.notified() => self.greet(&others.borrow()),
                () = health.beat.notified() => self.beat(client, health, &mut sealer, &me).await,
            }
        }
        let last = async {
            self.send_waiting(client, &mut sealer).await;
            client.flush().await
        };
        if self.is_connected() {
            // whoever misses it finds it in MongoDB
            let _ = timeout(FLUSH_LIMIT, last).await;
        }
    }

    async fn send_waiting(&self, client: &Client, sealer: &mut Sealer) {
        let mut contents = self.queue.take().into_iter();
        while let Some(content) = contents.next() {
            if self.send_one(client, sealer, &content).await {
                continue;
            }
            self.queue.give_up(&content, 0);
            // it is held up: the others would be too old
            for content in contents.by_ref() {
                self.queue.give_up(&content, content.items);
            }
        }
    }

    /// Hands a frame to the connection; whether that worked. Its number is used up anyway.
    async fn send_one(&self, client: &Client, sealer: &mut Sealer, content: &Content) -> bool {
        let Ok(frame) = sealer.seal(&self.key, &content.to, content.lost, &content.bytes) else {
            return false;
        };
        let length = frame.len() as u64;
        let sent = client.publish(self.subject(&content.to), frame.into());
        let is_sent = matches!(timeout(SEND_LIMIT, sent).await, Ok(Ok(())));
        if is_sent {
            metrics::counter!("chatzz_bus_frames_total", "direction" => "out").increment(1);
            metrics::counter!("chatzz_bus_bytes_total", "direction" => "out").increment(length);
        }
        is_sent
    }

    /// Tells the other servers that this one is there.
    fn greet(&self, others: &Others) {
        // without a connection it would only be counted as dropped
        if self.is_connected() {
            self.publish(others.iter(), &Item::Beat);
        }
    }

    /// Tells this server something, unless it has waited too long to hear the last time.
    async fn beat(&self, client: &Client, health: &Health, sealer: &mut Sealer, me: &str) {
        if client.connection_state() != State::Connected {
            return;
        }
        let unheard = *health.unheard_since.lock();
        if unheard.is_some_and(|since| since.elapsed() > LOST_AFTER) && self.is_connected() {
            self.lose(health, "NATS does not pass on what it is sent");
        }
        let Some(beat) = Item::Beat.encode() else {
            return;
        };
        let Ok(frame) = sealer.seal(&self.key, me, 0, &beat) else {
            return;
        };
        health.unheard_since.lock().get_or_insert_with(Instant::now);
        // not waited for: one that is held up says enough
        let sent = client.publish(self.subject(me), frame.into());
        let _ = timeout(BEAT_EVERY, sent).await;
    }

    /// Receives the frames for this run, and those for the next after it.
    async fn receive(
        &self,
        client: &Client,
        health: &Health,
        outlet: &dyn Receive,
        stop: &CancellationToken,
    ) {
        let mut boots = self.boot.clone();
        let mut inbox = Inbox::new(&boots.borrow_and_update());
        while !stop.is_cancelled() {
            let me = boots.borrow_and_update().clone();
            // what the same run has received stays known, or it could be repeated
            if inbox.me != me {
                inbox = Inbox::new(&me);
            }
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = client.subscribe(self.subject(&me)) => outcome,
            };
            match outcome {
                Ok(subscriber) => {
                    let receive = self.receive_all(subscriber, &mut inbox, health, outlet);
                    tokio::select! {
                        () = stop.cancelled() => return,
                        changed = boots.changed() => if changed.is_err() { return },
                        () = receive => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the subject of this server cannot be subscribed to");
                    sleep(MAX_PAUSE).await;
                }
            }
        }
    }

    async fn receive_all(
        &self,
        mut subscriber: Subscriber,
        inbox: &mut Inbox,
        health: &Health,
        outlet: &dyn Receive,
    ) {
        let mut others = self.others.clone();
        loop {
            tokio::select! {
                changed = others.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    inbox.set_others(&others.borrow_and_update());
                    self.queue.retain(|boot| !inbox.has_ended(boot));
                    self.heard.lock().retain(|boot, _| !inbox.has_ended(boot));
                }
                message = subscriber.next() => {
                    let Some(message) = message else { return };
                    self.take_in(&message, inbox, health, outlet).await;
                }
            }
        }
    }

    /// Takes in one frame.
    async fn take_in(
        &self,
        message: &Message,
        inbox: &mut Inbox,
        health: &Health,
        outlet: &dyn Receive,
    ) {
        let frame = &message.payload;
        let opened = match inbox.opener.open(&self.key, frame) {
            Ok(opened) => opened,
            Err(refused) => return refused.count(),
        };
        if opened.from == inbox.me {
            *health.unheard_since.lock() = None;
            health.warned.lock().clear();
            if self.set_connected(true) {
                tracing::info!("NATS is connected: servers tell each other at once");
                health.greet.notify_one();
            }
            return;
        }
        if inbox.has_ended(&opened.from) {
            return count_refused("ended");
        }
        let length = frame.len() as u64;
        metrics::counter!("chatzz_bus_frames_total", "direction" => "in").increment(1);
        metrics::counter!("chatzz_bus_bytes_total", "direction" => "in").increment(length);
        if self.note_heard(&opened.from) {
            health.greet.notify_one();
        }
        if opened.gap {
            metrics::counter!("chatzz_bus_gaps_total").increment(1);
            self.missed.notify_one();
        }
        let (mut items, unreadable) = frame::decode(&opened.content);
        if unreadable > 0 {
            count_refused("unreadable");
        }
        items.retain(|item| !matches!(item, Item::Beat));
        if !items.is_empty() {
            outlet.receive(&opened.from, items).await;
        }
    }
}

impl Health {
    fn warn(&self, trouble: Trouble, cause: &str) {
        if !self.warned.lock().insert(trouble) {
            return;
        }
        match trouble {
            Trouble::Away => tracing::warn!(
                cause,
                "NATS is away: until it is back, servers find out through MongoDB, and typing \
                 and signals stay on this server"
            ),
            Trouble::Login => tracing::warn!(
                cause,
                "NATS does not let this server in: check the user, the password or the \
                 credentials"
            ),
            Trouble::Rights => tracing::warn!(
                cause,
                "NATS refuses what this server does: the account must be allowed to publish and \
                 to subscribe to every subject below CHATZZ_NATS_PREFIX"
            ),
        }
    }
}

/// What one run of this server has received.
struct Inbox {
    me: String,
    opener: Opener,
    others: HashSet<Arc<str>>,
    /// Runs of servers that were alive and are not any more; a boot id does not come back.
    ended: HashSet<Arc<str>>,
}

impl Inbox {
    fn new(me: &str) -> Self {
        Self {
            me: me.to_owned(),
            opener: Opener::new(me),
            others: HashSet::new(),
            ended: HashSet::new(),
        }
    }

    /// Takes in who is alive. A server that is not known yet is believed, since it knows
    /// the key: it is there a moment before this is announced.
    fn set_others(&mut self, others: &HashSet<Arc<str>>) {
        let gone = self.others.difference(others).cloned();
        self.ended.extend(gone);
        self.others.clone_from(others);
    }

    fn has_ended(&self, boot: &str) -> bool {
        self.ended.contains(boot)
    }
}

/// How long to wait before an attempt to connect.
fn pause(attempt: usize) -> Duration {
    let doubled = attempt.saturating_sub(1).min(5);
    let pause = Duration::from_millis(100 << doubled);
    if attempt <= 1 {
        Duration::ZERO
    } else {
        pause.min(MAX_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boots(names: &[&str]) -> HashSet<Arc<str>> {
        names.iter().map(|name| Arc::from(*name)).collect()
    }

    #[test]
    fn a_server_is_believed_until_it_was_seen_to_end() {
        let mut inbox = Inbox::new("me");
        inbox.set_others(&boots(&["a", "b"]));
        assert!(!inbox.has_ended("a") && !inbox.has_ended("not known yet"));
        inbox.set_others(&boots(&["b", "c"]));
        assert!(inbox.has_ended("a"));
        assert!(!inbox.has_ended("b") && !inbox.has_ended("c"));
        inbox.set_others(&boots(&["b"]));
        assert!(inbox.has_ended("a") && inbox.has_ended("c"));
    }

    #[test]
    fn attempts_to_connect_are_made_at_once_and_then_every_two_seconds() {
        let pauses: Vec<u128> = (0..9).map(|attempt| pause(attempt).as_millis()).collect();
        assert_eq!(pauses, [0, 0, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]);
    }
}
