//! mongod, chatzz and the Node peer as processes of this one.

use std::ffi::OsStr;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chatzz_dev::mongod::{Environment, Mongod, Options, locate};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a server may take until it listens.
const START_LIMIT: Duration = Duration::from_mins(1);
/// How long it may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// How long npm may take to fetch what the peer needs.
const NPM_LIMIT: Duration = Duration::from_mins(5);

/// Starts a one-node replica set with its data in the folder.
pub(crate) async fn start_mongod(
    work: &Path,
    say: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Mongod> {
    let binary = locate(&Environment::from_process(), say).await?;
    let mut options = Options::new(binary, work.join("mongo"));
    options.cache_gb = 1.0;
    options.oplog_mb = 1024;
    Ok(Mongod::start(options).await?)
}

/// A server under load. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) pid: u32,
    pub(crate) addr: SocketAddr,
    pub(crate) database: String,
    pub(crate) is_peer: bool,
}

impl Server {
    /// Starts chatzz on a database, with nothing else set than what it needs and the
    /// given variables.
    pub(crate) async fn chatzz(
        program: &Path,
        place: (&Path, &str, &str),
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        Self::chatzz_beside(program, place, 0, settings).await
    }

    /// The same for a database that has so many servers already.
    pub(crate) async fn chatzz_beside(
        program: &Path,
        (work, uri, database): (&Path, &str, &str),
        others: usize,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.arg("serve").env_clear().envs([
            ("CHATZZ_AUTH", "trusted"),
            // the server is measured, not how soon it refuses
            ("CHATZZ_RATE_LIMITS", "off"),
            ("CHATZZ_LISTEN", "127.0.0.1:0"),
            ("CHATZZ_METRICS_LISTEN", "off"),
            ("CHATZZ_MONGODB_URI", uri),
            ("CHATZZ_DATABASE", database),
        ]);
        command.envs(settings.iter().copied());
        let name = match others {
            0 => database.to_owned(),
            _ => format!("{database}-{others}"),
        };
        let (child, line) = start(command, work, &name, "listening on http://").await?;
        let (_, addr) = line.split_once("http://").context("no address")?;
        Self::of(child, addr.trim().parse()?, database, false)
    }

    /// Starts the Node peer out of a folder in which [`install_peer`] has worked.
    pub(crate) async fn peer(
        batched: bool,
        (work, uri, database): (&Path, &str, &str),
    ) -> anyhow::Result<Self> {
        let addr = free_addr()?;
        let mut command = Command::new("node");
        command.arg(work.join("peer/node-peer.js")).envs([
            ("MONGO_URI", uri),
            ("DB", database),
            ("USERS", "0"),
            ("PORT", &addr.port().to_string()),
            ("BATCH", if batched { "1" } else { "0" }),
        ]);
        let (child, _) = start(command, work, database, "HOST listening").await?;
        Self::of(child, addr, database, true)
    }

    fn of(child: Child, addr: SocketAddr, database: &str, is_peer: bool) -> anyhow::Result<Self> {
        Ok(Self {
            pid: child.id().context("it has ended")?,
            child,
            addr,
            database: database.to_owned(),
            is_peer,
        })
    }

    /// Stops it in order, or kills it when that takes too long.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.pid)?);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM)?;
        if timeout(STOP_LIMIT, self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        Ok(())
    }
}

/// An address that was free a moment ago; other programs do not know that it is taken.
pub(crate) fn free_addr() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Starts a program in the folder `work` and waits for the line that says it listens.
async fn start(
    mut command: Command,
    work: &Path,
    name: &str,
    marker: &str,
) -> anyhow::Result<(Child, String)> {
    let log = work.join(format!("{name}.log"));
    command
        .current_dir(work)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(&log)?)
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .with_context(|| format!("starting {name}"))?;
    let out = child.stdout.take().context("it is piped")?;
    let mut lines = BufReader::new(out).lines();
    let listening = async {
        while let Some(line) = lines.next_line().await? {
            if line.contains(marker) {
                return Ok(line);
            }
        }
        bail!("it ended: see {}", log.display())
    };
    let line = timeout(START_LIMIT, listening).await;
    let line = line.with_context(|| format!("{name} does not listen"))??;
    // read on, so that it never waits for somebody to read its output
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((child, line))
}

/// Copies the peer into the work folder and lets npm fetch what it needs.
pub(crate) async fn install_peer(peer: &Path, work: &Path) -> anyhow::Result<()> {
    let folder = work.join("peer");
    std::fs::create_dir_all(&folder)?;
    for file in ["node-peer.js", "package.json"] {
        let from = peer.join(file);
        std::fs::copy(&from, folder.join(file))
            .with_context(|| format!("{} (give --peer or --no-peer)", from.display()))?;
    }
    let arguments = ["install", "--no-audit", "--no-fund", "--ignore-scripts"];
    let mut npm = Command::new("npm");
    npm.args(arguments.map(OsStr::new))
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    let status = timeout(NPM_LIMIT, npm.status()).await;
    let status = status.context("npm takes too long")?.context("npm")?;
    anyhow::ensure!(
        status.success(),
        "npm install failed in {}",
        folder.display()
    );
    Ok(())
}
