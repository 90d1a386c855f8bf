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
pub(crate) fn say(line: &str) {
    // a closed stderr is no failure
    let _ = writeln!(std::io::stderr().lock(), "chatzz-load: {line}");
}

/// Where everything is, and whether all went well so far.
#[derive(Debug)]
pub(crate) struct Runner {
    program: PathBuf,
    server: PathBuf,
    work: PathBuf,
    uri: String,
    mongod: u32,
    log: std::fs::File,
    clean: bool,
}

impl Runner {
    pub(crate) fn new(work: &Path, mongod: &Mongod, server: PathBuf) -> anyhow::Result<Self> {
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
    pub(crate) fn is_clean(&self) -> bool {
        self.clean
    }

    /// Where mongod is.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// The server that is measured unless another one is named.
    pub(crate) fn server(&self) -> &Path {
        &self.server
    }

    /// The process id of mongod.
    pub(crate) fn mongod(&self) -> u32 {
        self.mongod
    }

    /// The folder of databases and logs.
    pub(crate) fn work(&self) -> &Path {
        &self.work
    }

    /// Starts chatzz on a database of that name.
    pub(crate) async fn chatzz(&self, database: &str) -> anyhow::Result<Server> {
        Server::chatzz(&self.server, (&self.work, &self.uri, database), &[]).await
    }

    /// Starts the Node peer on a database of that name.
    pub(crate) async fn peer(&self, database: &str, batched: bool) -> anyhow::Result<Server> {
        Server::peer(batched, (&self.work, &self.uri, database)).await
    }

    /// Stores users, chat rooms and messages for a server.
    pub(crate) async fn seed(&self, server: &Server, arguments: &str) -> anyhow::Result<()> {
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
    pub(crate) async fn load(
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
    pub(crate) async fn raw(&mut self, arguments: &str) -> anyhow::Result<Report> {
        let Self { uri, mongod, .. } = self;
        let line = format!("raw --uri {uri} --database raw --mongod-pid {mongod} {arguments}");
        self.measure("database", &line).await
    }

    /// One measurement.
    pub(crate) async fn measure(&mut self, who: &str, line: &str) -> anyhow::Result<Report> {
        let (report, success) = self.report(line).await?;
        self.note(who, line, &report, success)?;
        Ok(report)
    }

    /// Two measurements at the same time.
    pub(crate) async fn measure_two(
        &mut self,
        who: &str,
        (line, beside): (&str, &str),
    ) -> anyhow::Result<(Report, Report)> {
        let (first, second) = tokio::try_join!(self.report(line), self.report(beside))?;
        self.note(who, line, &first.0, first.1)?;
        self.note(who, beside, &second.0, second.1)?;
        Ok((first.0, second.0))
    }

    async fn report(&self, line: &str) -> anyhow::Result<(Report, bool)> {
        let (out, success) = self.run(line).await?;
        let report = serde_json::from_str(out.trim())
            .with_context(|| format!("no report came from: chatzz-load {line}"))?;
        Ok((report, success))
    }

    /// Writes a report down, and says whether it is good.
    fn note(
        &mut self,
        who: &str,
        line: &str,
        report: &Report,
        success: bool,
    ) -> anyhow::Result<()> {
        let run = serde_json::json!({ "who": who, "line": line, "report": report });
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
        Ok(())
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
