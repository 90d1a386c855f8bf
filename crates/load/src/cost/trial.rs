//! One case on servers of its own.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::cases::Case;
use super::token::{SECRET, token};
use super::world::World;
use crate::measure::{Watched, forget_most_resident, most_resident, time_of};
use crate::servers::Server;
use crate::wire::{Refused, Socket, Target, user};

/// The database of all of it.
pub(super) const DATABASE: &str = "cost";
/// How long the server goes on with an event after its answer: cursors are written a
/// quarter of a second later.
const SETTLE: Duration = Duration::from_millis(500);
/// Gives back at once what is not used.
const FRUGAL: (&str, &str) = ("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0");
/// Nothing is pinged, so that nothing is confirmed, and no cache forgets.
const COMMON: [(&str, &str); 1] = [("CHATZZ_PING_INTERVAL", "10m")];

/// Where servers run.
pub(super) struct Place {
    pub(super) server: PathBuf,
    pub(super) work: PathBuf,
    pub(super) uri: String,
    pub(super) mongod: u32,
}

impl Place {
    /// Starts a server.
    pub(super) async fn start(&self, settings: &[(&str, &str)]) -> anyhow::Result<Server> {
        let place = (self.work.as_path(), self.uri.as_str(), DATABASE);
        let settings = [COMMON.as_slice(), settings].concat();
        Server::chatzz(&self.server, place, &settings).await
    }
}

/// What an event costs: once, when nothing is cached, and then again and again.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Figures {
    /// Milliseconds of the server's processor, of the first.
    pub(super) server_first_ms: f64,
    /// The same of each further one.
    pub(super) server_again_ms: f64,
    /// Milliseconds of mongod's processor, of the first.
    pub(super) mongod_first_ms: f64,
    /// The same of each further one.
    pub(super) mongod_again_ms: f64,
    /// KiB that the first sent to the socket that asked.
    pub(super) answer_kib: f64,
    /// KiB of memory, the most that the first took at a time.
    pub(super) memory_kib: f64,
}

/// Measures a case.
pub(super) async fn figures(place: &Place, world: &World, case: &Case) -> anyhow::Result<Figures> {
    world.reset().await?;
    let server = place.start(&case.settings).await?;
    let measured = time(place, &server, case).await;
    server.stop().await?;
    let mut figures = measured?;
    world.reset().await?;
    let settings = [case.settings.as_slice(), &[FRUGAL]].concat();
    let server = place.start(&settings).await?;
    let measured = memory(&server, case).await;
    server.stop().await?;
    figures.memory_kib = measured?;
    Ok(figures)
}

/// Somebody who is about to send the event, and those who hear of it.
struct Stage {
    asker: Socket,
    sent: u32,
    _others: JoinSet<()>,
}

impl Stage {
    async fn set(server: &Server, case: &Case) -> anyhow::Result<Self> {
        let target = Target {
            addr: server.addr,
            eio: 4,
            path: "/socket.io".to_owned(),
            peer: false,
        };
        let mut others = JoinSet::new();
        for (who, sockets) in &case.others {
            for _ in 0..*sockets {
                let mut socket = Socket::connect(&target, None).await?;
                socket.login(*who, |_| {}).await?;
                others.spawn(async move { while socket.next().await.is_ok() {} });
            }
        }
        let auth = match case.event {
            "refresh-token" => format!("{{\"token\":\"{}\"}}", token(&user(case.who), 0)?),
            _ => String::new(),
        };
        let mut asker = Socket::connect_with(&target, &auth).await?;
        if case.event != "connect-user" {
            asker.login(case.who, |_| {}).await?;
        }
        let mut stage = Self {
            asker,
            sent: 0,
            _others: others,
        };
        stage.settle().await?;
        Ok(stage)
    }

    /// Sends the event once; how many bytes came back until its answer.
    async fn send(&mut self, case: &Case) -> anyhow::Result<usize> {
        let payload = (case.payload)(self.sent)?;
        self.sent += 1;
        let mut bytes = 0;
        let hear = |arguments: &str| bytes += arguments.len();
        let answer = self.asker.call(case.event, &payload, hear).await;
        match answer {
            Ok(answer) => Ok(bytes + answer.len()),
            Err(error) => match error.downcast_ref::<Refused>() {
                Some(refused) if case.is_refused => Ok(bytes + refused.answer.len()),
                _ => Err(error),
            },
        }
    }

    /// Waits until nothing is left to do.
    async fn settle(&mut self) -> anyhow::Result<()> {
        sleep(SETTLE).await;
        while self.asker.next_if_there().await?.is_some() {}
        Ok(())
    }
}

/// Processor time of both.
struct Used(Instant, [Duration; 2]);

impl Used {
    fn now(place: &Place, server: &Server) -> anyhow::Result<Self> {
        let both = [time_of(server.pid)?, time_of(place.mongod)?];
        Ok(Self(Instant::now(), both))
    }

    /// Milliseconds since, without what both use of themselves, by the second.
    fn since(&self, earlier: &Self, idle: [f64; 2]) -> [f64; 2] {
        let seconds = (self.0 - earlier.0).as_secs_f64();
        let ms = |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64() * 1e3;
        let [server, mongod] = self.1;
        let [server_then, mongod_then] = earlier.1;
        let [idle_server, idle_mongod] = idle;
        [
            (ms(server, server_then) - idle_server * seconds).max(0.0),
            (ms(mongod, mongod_then) - idle_mongod * seconds).max(0.0),
        ]
    }
}

async fn time(place: &Place, server: &Server, case: &Case) -> anyhow::Result<Figures> {
    let mut stage = Stage::set(server, case).await?;
    let begin = Used::now(place, server)?;
    sleep(SETTLE * 2).await;
    let now = Used::now(place, server)?;
    let idle = now.since(&begin, [0.0; 2]);
    let idle = idle.map(|ms| ms / (now.0 - begin.0).as_secs_f64());
    let begin = Used::now(place, server)?;
    let bytes = stage.send(case).await?;
    stage.settle().await?;
    let once = Used::now(place, server)?;
    let [server_first_ms, mongod_first_ms] = once.since(&begin, idle);
    let mut figures = Figures {
        server_first_ms,
        mongod_first_ms,
        answer_kib: f64::from(u32::try_from(bytes)?) / 1024.0,
        ..Figures::default()
    };
    if case.again > 0 {
        for _ in 0..case.again {
            stage.send(case).await?;
        }
        stage.settle().await?;
        let all = Used::now(place, server)?.since(&once, idle);
        let [server, mongod] = all.map(|ms| ms / f64::from(case.again));
        figures.server_again_ms = server;
        figures.mongod_again_ms = mongod;
    }
    stage.asker.close().await?;
    Ok(figures)
}

async fn memory(server: &Server, case: &Case) -> anyhow::Result<f64> {
    let mut stage = Stage::set(server, case).await?;
    let watched = Watched {
        pid: vec![server.pid],
        mongod_pid: None,
    };
    let before = watched.memory().map_or(0, |memory| memory.resident_kib);
    forget_most_resident(server.pid)?;
    stage.send(case).await?;
    stage.settle().await?;
    let most = most_resident(server.pid).unwrap_or_default();
    stage.asker.close().await?;
    Ok(f64::from(u32::try_from(most.saturating_sub(before))?))
}

/// The settings of a server that checks tokens.
pub(super) fn with_tokens() -> Vec<(&'static str, &'static str)> {
    vec![("CHATZZ_AUTH", "jwt"), ("CHATZZ_JWT_SECRET", SECRET)]
}
