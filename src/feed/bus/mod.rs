//! The bus: what servers tell each other at once, over NATS.
//!
//! Everything on it may be lost, and everything on it may come twice by another way:
//! MongoDB alone says what is true. So nothing here is stored, nothing is awaited by a
//! caller, and nothing but typing and signals depends on it. There is one subject for each
//! run of a server, and frames go to the servers where the receivers are.
//!
//! | file | what it does |
//! |---|---|
//! | `frame` | items as bytes, and the head of a frame |
//! | `seal` | seals and opens frames, and notices what is missing |
//! | `queue` | what waits to be sent, bounded |
//! | `link` | the connection: sends, receives, and hears whether it works |

mod frame;
mod link;
mod queue;
mod seal;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

pub use frame::{Carried, Direct, Item};

use crate::config::NatsConfig;
use crate::store::{Error, Store};
use queue::Queue;
use seal::{Refused, SharedKey};

/// How long a server that was not heard still counts as reached, 3 s: they beat each second.
const HEARD_WITHIN: Duration = Duration::from_secs(3);

/// Boot ids of the other servers whose lease is good.
pub type Others = Arc<HashSet<Arc<str>>>;

/// Who is given what other servers tell.
pub trait Receive: Send + Sync + 'static {
    /// Takes the items of one frame of the server with this boot id, in their order. The
    /// frames of one sender come one after the other; this must not wait for anything slow.
    fn receive<'a>(&'a self, from: &'a str, items: Vec<Item>) -> BoxFuture<'a, ()>;
}

/// Why there can be no bus.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The credentials cannot be used.
    #[error("CHATZZ_NATS_CREDENTIALS_FILE: {0}")]
    Credentials(String),
    /// The operating system has no random bytes.
    #[error("the system has no random bytes for a key")]
    Random,
    /// What stands in the place of the shared key is none.
    #[error("the key that the servers share was changed: remove `bus-key` from <prefix>meta")]
    Malformed,
    /// The shared key cannot be read or created.
    #[error("the key that the servers share cannot be read")]
    Key(#[from] Error),
}

/// The way to the other servers.
pub struct Bus {
    config: NatsConfig,
    key: SharedKey,
    /// The boot id of this run, which changes when the lease is lost.
    boot: watch::Receiver<String>,
    others: watch::Receiver<Others>,
    queue: Queue,
    connected: watch::Sender<bool>,
    missed: Notify,
    /// When each of the other servers was heard last.
    heard: Mutex<HashMap<String, Instant>>,
}

impl Bus {
    /// A bus that is not connected yet: [`Bus::run`] does that. Reads the key that the
    /// servers share, which the first one creates.
    ///
    /// # Errors
    /// When the credentials or the key cannot be read. A NATS that is away is none.
    pub async fn new(
        config: NatsConfig,
        store: &Store,
        boot: watch::Receiver<String>,
        others: watch::Receiver<Others>,
    ) -> Result<Self, BusError> {
        config.credentials().map_err(BusError::Credentials)?;
        let new = SharedKey::random().ok_or(BusError::Random)?;
        let key = store.get_or_create_bus_key(new).await?;
        let key = SharedKey::new(&key.ok_or(BusError::Malformed)?);
        Ok(Self {
            config,
            key,
            boot,
            others,
            queue: Queue::default(),
            connected: watch::Sender::new(false),
            missed: Notify::new(),
            heard: Mutex::default(),
        })
    }

    /// Sends an item to other servers, by their boot ids. Never waits: it is put into a
    /// queue of at most 8 MiB, where it is dropped after 1 s, and while NATS is away it is
    /// dropped at once. Returns whether it is on its way to at least one of them that was
    /// heard on the bus within 3 s: one without NATS never is.
    pub fn publish<'a>(&self, to: impl IntoIterator<Item = &'a Arc<str>>, item: &Item) -> bool {
        let encoded = item.encode();
        let mut is_on_its_way = false;
        for boot in to {
            match &encoded {
                None => self.queue.lose(boot, Dropped::Large),
                Some(_) if !self.is_connected() => self.queue.lose(boot, Dropped::Away),
                Some(item) => is_on_its_way |= self.queue.push(boot, item) && self.hears(boot),
            }
        }
        is_on_its_way
    }

    /// Whether the bus works: this server hears what it tells itself.
    pub fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    /// The same, for those who wait for a change.
    pub fn watch_connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }

    /// Waits until something was missed: a number was left out, or the bus is back after
    /// it was away. Then the log is to be read now. For one waiter; what was missed since
    /// it last waited resolves at once.
    pub async fn missed(&self) {
        self.missed.notified().await;
    }

    /// Notes that something which came by the bus could not be worked on.
    pub fn miss(&self) {
        self.missed.notify_one();
    }

    /// Whether every other server hears by the bus what this one tells, and the other way
    /// round.
    pub fn reaches_all(&self) -> bool {
        self.is_connected() && self.others.borrow().iter().all(|boot| self.hears(boot))
    }

    /// Whether another server was heard lately, and so hears this one.
    fn hears(&self, boot: &str) -> bool {
        let heard = self.heard.lock();
        heard.get(boot).is_some_and(is_recent)
    }

    /// Notes that a server was heard; whether it was not heard lately before.
    fn note_heard(&self, boot: &str) -> bool {
        let mut heard = self.heard.lock();
        let before = heard.insert(boot.to_owned(), Instant::now());
        !before.as_ref().is_some_and(is_recent)
    }

    /// The subject of a run of a server. A name of a node may hold what no subject may,
    /// and what is behind it is unique.
    fn subject(&self, boot: &str) -> String {
        let unique = boot.rsplit('#').next().unwrap_or(boot);
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let unique = unique.replace(|c| !fits(c), "_");
        format!("{}{unique}", self.config.prefix)
    }

    /// Notes whether the bus works; returns whether that is news.
    fn set_connected(&self, connected: bool) -> bool {
        let is_news = self.connected.send_if_modified(|known| {
            let is_news = *known != connected;
            *known = connected;
            is_news
        });
        metrics::gauge!("chatzz_bus_connected").set(if connected { 1.0 } else { 0.0 });
        if is_news && connected {
            // whatever came meanwhile did not come by the bus
            self.missed.notify_one();
        }
        is_news
    }
}

fn is_recent(heard: &Instant) -> bool {
    heard.elapsed() <= HEARD_WITHIN
}

/// Why something is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dropped {
    /// Too much waits.
    Full,
    /// It waited too long.
    Late,
    /// NATS is away.
    Away,
    /// It fits in no frame.
    Large,
    /// NATS did not take it.
    Failed,
}

impl Dropped {
    fn count(self, items: u64) {
        let why = match self {
            Self::Full => "full",
            Self::Late => "late",
            Self::Away => "away",
            Self::Large => "large",
            Self::Failed => "failed",
        };
        metrics::counter!("chatzz_bus_dropped_total", "why" => why).increment(items);
    }
}

/// Counts a frame that was not opened.
fn count_refused(why: &'static str) {
    metrics::counter!("chatzz_bus_refused_total", "why" => why).increment(1);
}

impl Refused {
    fn count(self) {
        count_refused(match self {
            Self::Large => "large",
            Self::Unsealed => "unsealed",
            Self::Replayed => "replayed",
        });
    }
}
