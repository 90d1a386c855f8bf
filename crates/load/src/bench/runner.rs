//! Runs this very program for each measurement.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use chatzz_dev::mongod::Mongod;
use tokio::process::Command;
use tokio::time::timeout;

use crate::measure::Report;
use crate::servers::Server;

/// The longest one measurement or one seeding may take.
const LIMIT: Duration = Duration::from_mins(30);

/// Writes a line of progress.
pub(super) fn say(line: &str) {
    // a closed stderr is no failure
    let _ = writeln!(std::io::stderr().lock(), "bench: {line}");
}

/// Where everything is, and whether all went well so far.
#[derive(Debug)]
pub(super) struct Runner {
    program: PathBuf,
    server: PathBuf,
    work: PathBuf,
    uri: String,
    mongod: u32,
    log: std::fs::File,
    clean: bool,
}

impl Runner {
    pub(super) fn new(work: &Path, mongod: &Mongod, server: PathBuf) -> anyhow::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            server: std::path::absolute(server)?,
            work: work.to_owned(),
            uri: mongod.uri(),
            mongod: mongod.pid().context("mongod has ended")?,
            log: std::fs::File::create(work.join("runs.jsonl"))?,
            clean: true,
        })
    }

    /// Whether no measurement found anything wrong.
    pub(super) fn is_clean(&self) -> bool {
        self.clean
    }

    pub(super) fn work(&self) -> &Path {
        &self.work
    }

    /// Starts chatzz on a database of that name.
    pub(super) async fn chatzz(&self, database: &str) -> anyhow::Result<Server> {
        Server::chatzz(&self.server, (&self.work, &self.uri, database), &[]).await
    }

    /// Starts the Node peer on a database of that name.
    pub(super) async fn peer(&self, database: &str, batched: bool) -> anyhow::Result<Server> {
        Server::peer(batched, (&self.work, &self.uri, database)).await
    }

    /// Stores users, chat rooms and messages for a server.
    pub(super) async fn seed(&self, server: &Server, arguments: &str) -> anyhow::Result<()> {
        let Self { uri, .. } = self;
        let Server { database, .. } = server;
        say(&format!("{database}: storing {arguments}"));
        let peer = if server.is_peer { "--peer" } else { "" };
        let line = format!("seed --uri {uri} --database {database} {peer} {arguments}");
        let (_, success) = self.run(&line).await?;
        anyhow::ensure!(success, "seeding failed");
        Ok(())
    }

    /// One measurement on a server.
    pub(super) async fn load(
        &mut self,
        server: &Server,
        arguments: &str,
    ) -> anyhow::Result<Report> {
        let (addr, pid, mongod) = (server.addr, server.pid, self.mongod);
        let peer = if server.is_peer { "--peer" } else { "" };
        let at = format!("--addr {addr} --pid {pid} --mongod-pid {mongod} {peer}");
        self.measure(&server.database, &format!("{arguments} {at}"))
            .await
    }

    /// One measurement of the database alone.
    pub(super) async fn raw(&mut self, arguments: &str) -> anyhow::Result<Report> {
        let Self { uri, mongod, .. } = self;
        let line = format!("raw --uri {uri} --database raw --mongod-pid {mongod} {arguments}");
        self.measure("database", &line).await
    }

    async fn measure(&mut self, who: &str, line: &str) -> anyhow::Result<Report> {
        let (out, success) = self.run(line).await?;
        let report: Report = serde_json::from_str(out.trim())
            .with_context(|| format!("no report came from: chatzz-load {line}"))?;
        let run = serde_json::json!({ "who": who, "line": line, "report": &report });
        writeln!(self.log, "{run}")?;
        let (rate, latency) = (report.per_second, report.latency_ms);
        say(&format!(
            "{who}: {} {}: {rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms",
            report.mode, report.parameters, latency.p50, latency.p99
        ));
        if !success || !report.checks.are_clean() {
            self.clean = false;
            say(&format!("{who}: WRONG: {:?}", report.checks));
        }
        Ok(report)
    }

    /// Runs this program; returns its output, and whether it found nothing wrong.
    async fn run(&self, line: &str) -> anyhow::Result<(String, bool)> {
        let mut command = Command::new(&self.program);
        command
            .args(line.split_ascii_whitespace())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let ended = timeout(LIMIT, command.output()).await;
        let ended = ended.context("a measurement does not end")??;
        let success = ended.status.success();
        if !success {
            let said = String::from_utf8_lossy(&ended.stderr);
            let last = said.lines().rev().find(|line| !line.is_empty());
            say(&format!("chatzz-load {line}: {}", last.unwrap_or_default()));
        }
        Ok((String::from_utf8(ended.stdout)?, success))
    }
}
