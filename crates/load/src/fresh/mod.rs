//! One load on fresh servers and a fresh database, and what is beside them.

mod hook;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use chatzz::config::{ApiKey, ApiScope};
use chatzz_dev::nats::{self, Nats};
use clap::Args;

use crate::measure::Report;
use crate::mode::send::Consumer;
use crate::runner::Runner;
use crate::seed::Mongo;
use crate::servers::{Server, free_addr};
use hook::{Hook, SECRET};

/// The key of the API, at servers that only this program reaches.
const KEY: &str = "chatzz_load";
/// Modes that call the API.
const CALLERS: [&str; 3] = ["api", "backlog", "jobs"];

/// What is measured.
#[derive(Args, Clone, Debug)]
pub(crate) struct Setup {
    /// The server to measure; by default `chatzz` beside this program
    #[arg(long)]
    pub(crate) server: Option<PathBuf>,
    /// A setting of the servers, such as `CHATZZ_LANES=1`
    #[arg(long, value_parser = setting, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<(String, String)>,
    /// Have a hook asked about each message, which allows it after so many milliseconds
    #[arg(long, value_name = "MS")]
    pub(crate) hook: Option<f64>,
    /// Have `send` take the events, too
    #[arg(long, value_enum)]
    pub(crate) events: Option<Consumer>,
    /// How many servers share the database
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) servers: u8,
    /// Connect them by a nats-server
    #[arg(long)]
    pub(crate) nats: bool,
    /// A mode that runs at the same time, with its options
    #[arg(long, value_name = "LINE")]
    pub(crate) beside: Option<String>,
    /// The mode and its options
    #[arg(skip)]
    pub(crate) line: String,
}

impl Setup {
    /// This load on one server with its default settings, and nothing beside it.
    pub(crate) fn of(line: &str) -> Self {
        Self {
            server: None,
            set: Vec::new(),
            hook: None,
            events: None,
            servers: 1,
            nats: false,
            beside: None,
            line: line.to_owned(),
        }
    }
}

/// What differs at B.
#[derive(Args, Clone, Debug)]
#[expect(
    clippy::struct_field_names,
    reason = "they are the names of the options"
)]
pub(crate) struct Changes {
    /// B is this server
    #[arg(long)]
    b_server: Option<PathBuf>,
    /// A further setting of B
    #[arg(long, value_parser = setting, value_name = "KEY=VALUE")]
    b_set: Vec<(String, String)>,
    /// B has such a hook
    #[arg(long, value_name = "MS")]
    b_hook: Option<f64>,
    /// B has such a consumer of events
    #[arg(long, value_enum)]
    b_events: Option<Consumer>,
    /// B has so many servers
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..))]
    b_servers: Option<u8>,
    /// B has a nats-server
    #[arg(long)]
    b_nats: bool,
    /// B has this mode beside it
    #[arg(long, value_name = "LINE")]
    b_beside: Option<String>,
    /// B is under this load
    #[arg(long, value_name = "LINE")]
    b_line: Option<String>,
}

impl Changes {
    /// B, if anything differs.
    pub(crate) fn of(&self, a: &Setup) -> Option<Setup> {
        let Self {
            b_server,
            b_set,
            b_hook,
            b_events,
            b_servers,
            b_nats,
            b_beside,
            b_line,
        } = self.clone();
        let b = Setup {
            server: b_server.clone().or_else(|| a.server.clone()),
            set: [a.set.clone(), b_set.clone()].concat(),
            hook: b_hook.or(a.hook),
            events: b_events.or(a.events),
            servers: b_servers.unwrap_or(a.servers),
            nats: b_nats || a.nats,
            beside: b_beside.clone().or_else(|| a.beside.clone()),
            line: b_line.clone().unwrap_or_else(|| a.line.clone()),
        };
        let differs = b_server.is_some()
            || !b_set.is_empty()
            || b_hook.is_some()
            || b_events.is_some()
            || b_servers.is_some()
            || b_nats
            || b_beside.is_some()
            || b_line.is_some();
        differs.then_some(b)
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// What runs beside the servers.
#[derive(Default)]
struct Around {
    hook: Option<Hook>,
    nats: Option<Nats>,
    settings: Vec<(String, String)>,
    /// The options of each load that say where what is.
    options: Vec<String>,
    /// Those of the consumer of events.
    events: Option<String>,
}

impl Around {
    async fn start(setup: &Setup, work: &Path) -> anyhow::Result<Self> {
        let mut around = Self::default();
        around.settings.clone_from(&setup.set);
        if let Some(millis) = setup.hook {
            let hook = Hook::start(Duration::from_secs_f64(millis / 1_000.0)).await?;
            around.set("CHATZZ_HOOKS", "before-send");
            around.set("CHATZZ_HOOK_URL", &format!("http://{}", hook.addr));
            around.set("CHATZZ_HOOK_SECRET", SECRET);
            around.set("CHATZZ_HOOK_FAILURE", "refuse");
            around.hook = Some(hook);
        }
        if setup.nats {
            let nats = Nats::start(&nats::locate()?, work).await?;
            let url = format!("nats://127.0.0.1:{}", nats.port());
            around.set("CHATZZ_NATS_URL", &url);
            around.nats = Some(nats);
        }
        if let Some(Consumer::Push) = setup.events {
            let addr = free_addr()?;
            around.set("CHATZZ_EVENTS_URL", &format!("http://{addr}"));
            around.set("CHATZZ_EVENTS_SECRET", SECRET);
            around.events = Some(format!("--events push --listen {addr}"));
        }
        if let Some(Consumer::Pull) = setup.events {
            around.events = Some("--events pull".to_owned());
        }
        let lines = [Some(&setup.line), setup.beside.as_ref()];
        let mut modes = lines.iter().flatten().map(|line| line.split(' ').next());
        let calls = modes.any(|mode| mode.is_some_and(|mode| CALLERS.contains(&mode)));
        if calls || setup.events == Some(Consumer::Pull) {
            let file = work.join("api-keys");
            let key = ApiKey::new("load", ApiScope::ALL.to_vec(), KEY);
            std::fs::write(&file, key.map_err(anyhow::Error::msg)?.line())?;
            let addr = free_addr()?;
            around.set("CHATZZ_API_LISTEN", &addr.to_string());
            around.set("CHATZZ_API_KEYS_FILE", file.to_str().context("a path")?);
            around.set("CHATZZ_API_LIMIT", "off");
            around.options.push(format!("--api {addr} --key {KEY}"));
        }
        Ok(around)
    }

    fn set(&mut self, key: &str, value: &str) {
        self.settings.push((key.to_owned(), value.to_owned()));
    }
}

/// Runs the load once; gives its report, and that of what ran beside it.
pub(crate) async fn run(
    runner: &mut Runner,
    setup: &Setup,
    database: &str,
    seed: &str,
) -> anyhow::Result<(Report, Option<Report>)> {
    let work = runner.work().to_owned();
    let mut around = Around::start(setup, &work).await?;
    let program = setup.server.clone();
    let program = std::path::absolute(program.unwrap_or_else(|| runner.server().to_owned()))?;
    let mut servers = Vec::new();
    for others in 0..usize::from(setup.servers) {
        let settings = around.settings.iter();
        let settings: Vec<_> = settings
            .map(|(key, value)| (key.as_str(), value.as_str()))
            // one has the API
            .filter(|(key, _)| others == 0 || !key.starts_with("CHATZZ_API_"))
            .collect();
        let place = (work.as_path(), runner.uri(), database);
        let server = Server::chatzz_beside(&program, place, others, &settings).await?;
        let address = if others == 0 { "addr" } else { "other-addr" };
        let options = format!("--{address} {} --pid {}", server.addr, server.pid);
        around.options.push(options);
        servers.push(server);
    }
    around
        .options
        .push(format!("--mongod-pid {}", runner.mongod()));
    let options = around.options.join(" ");
    let first = servers.first().context("no servers")?;
    runner.seed(first, seed).await?;
    let events = around.events.unwrap_or_default();
    let line = format!("{} {options} {events}", setup.line);
    let reports = match &setup.beside {
        None => (runner.measure(database, &line).await?, None),
        Some(beside) => {
            let beside = format!("{beside} {options}");
            let both = runner.measure_two(database, (&line, &beside)).await?;
            (both.0, Some(both.1))
        }
    };
    for server in servers {
        server.stop().await?;
    }
    if let Some(nats) = around.nats {
        nats.stop().await;
    }
    drop(around.hook);
    Mongo::of(runner.uri(), database)
        .open()
        .await?
        .drop()
        .await?;
    Ok(reports)
}
