//! `jobs`: importing, exporting and erasing through the HTTP API.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bson::DateTime;
use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::Common;
use crate::measure::{Checks, Latency, Measured, Order, Peak, Report, Stage};
use crate::wire::{self, Api, Text, number_after, user};

/// Imports messages, twice; exports those of a user; erases another one
///
/// Needs users without chat rooms, as `seed --users` stores them, at one server.
/// What is counted are the messages imported at first, without a latency; `--warm-up`
/// and `--seconds` mean nothing. Figures say how long each took, and how much more
/// memory the server had at most meanwhile.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    load: Load,
}

/// How much.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// Messages of the user that is exported
    #[arg(long, default_value_t = 100_000)]
    messages: u64,
    /// Messages of the user that is erased
    #[arg(long, default_value_t = 10_000)]
    erased: u64,
    /// Contacts of each
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    contacts: u32,
    /// Seconds before each, after which the server has given back the memory of the last one
    #[arg(long, default_value_t = 15.0)]
    settle: f64,
    /// Bytes of a message's text
    #[arg(long, default_value_t = 64)]
    text_bytes: usize,
    /// Number of the first user
    #[arg(long, default_value_t = 0)]
    first_user: u32,
}

/// The last line of an answer, whichever it is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct LastLine {
    end: bool,
    lines: u64,
    imported: u64,
    duplicates: u64,
    messages: u64,
}

/// What runs the jobs, and their figures.
struct Jobs {
    api: Api,
    common: Common,
    load: Load,
    number: u32,
    figures: Vec<(String, f64)>,
    checks: Checks,
}

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options { common, load } = options;
    let stage = Stage::new("jobs");
    let mut jobs = Jobs {
        api: Api::of(&common.api)?,
        common,
        load,
        number: super::run_number(),
        figures: Vec::new(),
        checks: Checks::default(),
    };
    let [exported, erased] = [load.first_user, load.first_user + 1];
    let contacts = load.first_user + 2;
    stage.say("importing");
    let measured = jobs.import(&stage, "import", (exported, contacts, load.messages), false);
    let measured = measured.await?;
    stage.say("importing the same again");
    jobs.import(&stage, "again", (exported, contacts, load.messages), true)
        .await?;
    stage.say("exporting");
    jobs.export(&stage, exported).await?;
    stage.say("importing what is erased");
    jobs.import(&stage, "further", (erased, contacts, load.erased), false)
        .await?;
    stage.say("erasing");
    jobs.erase(&stage, erased).await?;
    let parameters = super::parameters(&load)?;
    let latency = Latency::default();
    let mut report = Report::new("jobs", parameters, measured, load.messages, &latency);
    report.figures.extend(jobs.figures);
    report.checks = jobs.checks;
    Ok(report)
}

impl Jobs {
    /// Runs one call; hands its lines on and notes what it took.
    async fn call(
        &mut self,
        name: &str,
        (method, path, body): (Method, &str, String),
        line: impl FnMut(&str) + Send,
    ) -> anyhow::Result<Measured> {
        sleep(Duration::from_secs_f64(self.load.settle)).await;
        let peak = Peak::begin(&self.common.watched)?;
        let (began, before) = (Instant::now(), self.common.watched.cpu());
        self.api.lines((method, path), body, line).await?;
        let measured = Measured {
            seconds: began.elapsed().as_secs_f64(),
            cpu: self.common.watched.cpu().since(&before),
        };
        self.figures
            .push((format!("{name}Seconds"), measured.seconds));
        self.figures
            .extend(peak.into_iter().flat_map(|peak| peak.end(name)));
        Ok(measured)
    }

    /// Imports messages between a user and contacts, in turn; all of them are stored, or
    /// all were there.
    async fn import(
        &mut self,
        stage: &Stage,
        name: &str,
        (who, contacts, messages): (u32, u32, u64),
        is_repeat: bool,
    ) -> anyhow::Result<Measured> {
        let body = self.lines(who, contacts, messages);
        let mut last = String::new();
        let call = (Method::POST, "/v1/messages/import", body);
        let measured = self.call(name, call, |line| line.clone_into(&mut last));
        let measured = measured.await?;
        let end: LastLine = serde_json::from_str(&last)?;
        ensure!(end.end, "the import did not end: {last}");
        let done = if is_repeat {
            end.duplicates
        } else {
            end.imported
        };
        if (done, end.lines) != (messages, messages) {
            stage.say(&last);
            self.checks.errors += 1;
        }
        #[expect(clippy::cast_precision_loss, reason = "below 2^52")]
        let rate = messages as f64 / measured.seconds;
        self.figures.push((format!("{name}PerSecond"), rate));
        Ok(measured)
    }

    /// The body of an import: the user and each contact write in turn, all of it read.
    fn lines(&self, who: u32, contacts: u32, messages: u64) -> String {
        let run = self.number;
        let mut body = String::new();
        for n in 0..messages {
            // below the number of contacts
            let contact = u32::try_from(n % u64::from(self.load.contacts)).unwrap_or_default();
            let round = n / u64::from(self.load.contacts);
            let (mut from, mut to) = (who, contacts + contact);
            if round % 2 == 1 {
                (from, to) = (to, from);
            }
            let at = DateTime::from_millis(BEGIN + i64::try_from(n).unwrap_or_default());
            let at = at.try_to_rfc3339_string().unwrap_or_default();
            // writing into a String does not fail
            let _ = write!(
                body,
                "{{\"from\":\"{}\",\"to\":\"{}\",\"createdAt\":\"{at}\",\
                 \"key\":\"{run}-{who}-{n}\",\"message\":\"",
                user(from),
                user(to),
            );
            // the number within the chat room, which an export has in order
            let text = Text {
                run,
                from: contact,
                n: round,
                at: 0,
            };
            wire::write(&mut body, &text, self.load.text_bytes);
            body.push_str("\"}\n");
        }
        body
    }

    /// Exports a user: every message must be there, once and in order.
    async fn export(&mut self, stage: &Stage, who: u32) -> anyhow::Result<()> {
        let (mut last, mut count) = (String::new(), 0_u64);
        let mut orders: HashMap<u32, Order> = HashMap::new();
        let path = format!("/v1/users/{}/export", user(who));
        let run = self.number;
        let call = (Method::GET, path.as_str(), String::new());
        self.call("export", call, |line| {
            let text = Text::find(line).filter(|text| text.run == run);
            if let (Some(text), Some(seq)) = (text, number_after(line, "\"seq\":")) {
                count += 1;
                orders.entry(text.from).or_default().see(text.n, seq);
            }
            line.clone_into(&mut last);
        })
        .await?;
        for order in orders.values() {
            self.checks.duplicate += order.duplicate;
            self.checks.disorder += order.disorder;
        }
        self.checks.lost += self.load.messages.saturating_sub(count);
        let end: LastLine = serde_json::from_str(&last).context("the end of the export")?;
        if !end.end || end.messages != self.load.messages {
            stage.say(&last);
            self.checks.errors += 1;
        }
        Ok(())
    }

    /// Erases a user: afterwards there is nothing to export.
    async fn erase(&mut self, stage: &Stage, who: u32) -> anyhow::Result<()> {
        let mut last = String::new();
        let path = format!("/v1/users/{}/erase", user(who));
        let call = (Method::POST, path.as_str(), String::new());
        self.call("erase", call, |line| line.clone_into(&mut last))
            .await?;
        stage.say(&last);
        let end: LastLine = serde_json::from_str(&last).context("the end of the erasure")?;
        self.checks.errors += u64::from(!end.end);
        let mut left = 0;
        let path = format!("/v1/users/{}/export", user(who));
        let call = (Method::GET, path.as_str());
        let line = |line: &str| left += u64::from(line.contains("\"kind\":\"message\""));
        self.api.lines(call, String::new(), line).await?;
        self.checks.errors += left;
        Ok(())
    }
}

/// 1 January 2020, when the imported messages begin, in milliseconds since 1970.
const BEGIN: i64 = 1_577_836_800_000;
