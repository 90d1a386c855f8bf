//! The people of a run: they come, write, read, vanish and come again, and
//! keep to what `docs/guarantees.md` asks of a client.

mod back_end;
mod connection;
mod finale;
mod memory;
mod person;
mod session;
mod witness;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

pub(crate) use finale::{leave_some, read_everything};
pub(crate) use person::Person;
pub(crate) use witness::witnesses;

use crate::application::Api;
use crate::progress::Progress;
use crate::recorder::Recorder;

/// What the people of a run share.
pub(crate) struct World {
    pub(crate) recorder: Recorder,
    /// What everybody is doing.
    pub(crate) progress: Progress,
    /// Where the servers are reached, through the fault proxies: by most
    /// people, and by some.
    pub(crate) servers: Vec<[SocketAddr; 2]>,
    /// Where their APIs are reached, by number of the server.
    pub(crate) apis: Vec<SocketAddr>,
    /// What calls them.
    pub(crate) api: Api,
    /// What people do.
    pub(crate) habits: Habits,
    /// Set for good when no new work is to be begun.
    quiet: AtomicBool,
    /// Numbers of message bodies.
    bodies: AtomicU64,
    /// What was done.
    pub(crate) tally: Tally,
    /// What the system did not do although nothing was wrong with it any more.
    failures: Mutex<Vec<String>>,
}

/// What the people of a run do.
#[expect(
    clippy::struct_excessive_bools,
    reason = "it is said of each habit whether people have it"
)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// Whether they come and go by themselves.
    pub(crate) restless: bool,
    /// How long they stay away between two connections at most, milliseconds.
    pub(crate) away_ms: u64,
    /// Whether they say of single messages that they have read them, and nothing of
    /// positions, and read no history.
    pub(crate) one_by_one: bool,
    /// Whether they block each other for a while.
    pub(crate) blocks: bool,
    /// Whether the application removes what some messages say.
    pub(crate) redacts: bool,
    /// Sends that the application makes in their name, by the HTTP API, in percent.
    pub(crate) by_api: u8,
    /// Sends without a `clientId`, in percent.
    pub(crate) anonymous: u8,
    /// Bytes added to every message.
    pub(crate) padding: usize,
}

/// What the people of a run did.
#[derive(Default)]
pub(crate) struct Tally {
    /// Different messages that were acknowledged.
    pub(crate) acknowledged: AtomicU64,
    /// Different messages that were sent at all.
    pub(crate) sent: AtomicU64,
    /// Sends of a message that had been sent before.
    pub(crate) repeats: AtomicU64,
    /// Connections that were opened.
    pub(crate) connections: AtomicU64,
}

impl World {
    pub(crate) fn new(
        recorder: Recorder,
        servers: Vec<[SocketAddr; 2]>,
        apis: (Vec<SocketAddr>, Api),
        habits: Habits,
    ) -> Arc<Self> {
        Arc::new(Self {
            recorder,
            progress: Progress::new(),
            servers,
            apis: apis.0,
            api: apis.1,
            habits,
            quiet: AtomicBool::new(false),
            bodies: AtomicU64::new(0),
            tally: Tally::default(),
            failures: Mutex::default(),
        })
    }

    /// The run has failed, whatever its history says.
    pub(crate) fn fail(&self, why: String) {
        self.failures.lock().push(why);
    }

    /// Why the run has failed.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.failures.lock().clone()
    }

    /// Whether new work is begun.
    pub(crate) fn is_working(&self) -> bool {
        !self.quiet.load(Ordering::Relaxed)
    }

    /// No new work is begun from now on.
    pub(crate) fn hush(&self) {
        self.quiet.store(true, Ordering::Relaxed);
    }

    /// A body that no other message of the run has, and that says who may see it.
    pub(crate) fn body(&self, from: &str, to: &str) -> String {
        let number = self.bodies.fetch_add(1, Ordering::Relaxed);
        let padding = self.habits.padding;
        if padding == 0 {
            format!("{from} > {to} # {number}")
        } else {
            format!("{from} > {to} # {number} {:.<padding$}", "")
        }
    }
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
