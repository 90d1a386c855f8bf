//! A back end that takes the events about the messages.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use clap::{Args, ValueEnum};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::Sent;
use super::times::Times;
use crate::measure::{Checks, Latency, Order, Report, Stage};
use crate::wire::{Api, ApiTarget, Text, number_after};

/// How long the last events may take.
const ARRIVING: Duration = Duration::from_secs(20);

/// How events are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Consumer {
    /// The server posts them
    Push,
    /// The load generator asks for them
    Pull,
}

/// Whether and how events are taken.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventOptions {
    /// Take the event of each message, too
    #[arg(long, value_enum)]
    events: Option<Consumer>,
    /// Where the server posts them (`CHATZZ_EVENTS_URL`)
    #[arg(long, default_value = "127.0.0.1:3902")]
    #[serde(skip)]
    listen: SocketAddr,
}

/// What came of one sender's messages.
#[derive(Debug, Default)]
struct OfSender {
    order: Order,
    at: Times,
    again: u64,
}

/// What came.
type Heard = Arc<Mutex<HashMap<u32, OfSender>>>;

/// The consumer. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Events {
    heard: Heard,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Events {
    /// Starts it, if it is asked for.
    pub(super) async fn start(
        options: EventOptions,
        api: &ApiTarget,
        stage: Arc<Stage>,
        run: u32,
    ) -> anyhow::Result<Option<Self>> {
        let heard = Heard::default();
        let ear = Ear {
            heard: Arc::clone(&heard),
            stage,
            run,
        };
        let running = match options.events {
            None => return Ok(None),
            Some(Consumer::Push) => {
                let listener = TcpListener::bind(options.listen).await;
                let listener = listener.context("listening for events")?;
                tokio::spawn(take_posted(listener, ear))
            }
            Some(Consumer::Pull) => {
                let api = Api::of(api)?;
                let cursor = pull(&api, "head", "").await?.cursor;
                tokio::spawn(take_pulled(api, cursor, ear))
            }
        };
        Ok(Some(Self { heard, running }))
    }

    /// Waits until everything that was acknowledged is here, and reports on it.
    pub(super) async fn report(
        self,
        stage: &Stage,
        sent: &[(u32, &Sent)],
        report: &mut Report,
    ) -> anyhow::Result<Checks> {
        let deadline = Instant::now() + ARRIVING;
        let lost = || {
            let heard = self.heard.lock();
            let each = sent.iter().map(|(from, sent)| match heard.get(from) {
                Some(of) => of.order.lost(sent.total, &sent.failed),
                None => Order::default().lost(sent.total, &sent.failed),
            });
            each.sum::<u64>()
        };
        while lost() > 0 && Instant::now() < deadline && !self.running.is_finished() {
            sleep(Duration::from_millis(20)).await;
        }
        let mut checks = Checks {
            lost: lost(),
            // a consumer that has ended has failed
            errors: u64::from(self.running.is_finished()),
            ..Checks::default()
        };
        let (mut latency, mut again) = (Latency::default(), 0);
        let heard = self.heard.lock();
        for (from, sent) in sent {
            if let Some(of) = heard.get(from) {
                sent.acked.until(&of.at, stage, &mut latency);
                checks.disorder += of.order.disorder;
                again += of.again;
            }
        }
        report.also("event", &latency);
        #[expect(clippy::cast_precision_loss, reason = "below 2^52")]
        report.figure("eventsThatCameAgain", again as f64);
        Ok(checks)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// What hears events.
#[derive(Clone, Debug)]
struct Ear {
    heard: Heard,
    stage: Arc<Stage>,
    run: u32,
}

impl Ear {
    /// Notes each message in some JSON.
    fn hear(&self, json: &str) {
        let now = self.stage.now();
        let mut heard = self.heard.lock();
        for (text, rest) in Text::find_all(json).filter(|(text, _)| text.run == self.run) {
            let seq = number_after(rest, "\"seq\":").unwrap_or_default();
            let of = heard.entry(text.from).or_default();
            of.order.see_again(text.n, seq);
            of.again += u64::from(!of.at.note(text.n, now));
        }
    }
}

async fn take_posted(listener: TcpListener, ear: Ear) -> anyhow::Result<()> {
    let router = Router::new().fallback(async move |body: String| {
        if body.contains("\"message.created\"") {
            ear.hear(&body);
        }
    });
    Ok(axum::serve(listener, router).await?)
}

async fn take_pulled(api: Api, mut cursor: String, ear: Ear) -> anyhow::Result<()> {
    loop {
        let page = pull(&api, &cursor, "&wait=20s").await?;
        ear.hear(&page.json);
        cursor = page.cursor;
    }
}

/// An answer of `GET /v1/events`.
pub(in crate::mode) struct EventPage {
    /// The whole of it.
    pub(in crate::mode) json: String,
    /// Where to go on.
    pub(in crate::mode) cursor: String,
    pub(in crate::mode) has_more: bool,
}

/// Asks for what was sent after a cursor, as much as one answer may have.
pub(in crate::mode) async fn pull(api: &Api, after: &str, more: &str) -> anyhow::Result<EventPage> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        cursor: String,
        has_more: bool,
    }
    let path = format!("/v1/events?types=message.created&limit=500&after={after}{more}");
    let json = api.get(&path).await?;
    let Answer { cursor, has_more } = serde_json::from_str(&json).context("an answer")?;
    Ok(EventPage {
        json,
        cursor,
        has_more,
    })
}
