//! One run, part by part.

use std::time::Instant;

use chrono::SecondsFormat;
use futures::StreamExt as _;

use super::look::{Look, Looker};
use super::state::{Phase, State};
use super::suspect::Suspect;
use super::{Finding, Options, Progress, Report, VerifyError};
use crate::store::Store;

/// Suspects that are collected before they are checked again.
const MAX_SUSPECTS: usize = 5_000;
/// Suspects checked at the same time.
const LOOKS_AT_ONCE: usize = 8;
/// Checks of a suspect; the pause doubles before each.
const LOOKS: usize = 3;

/// A run in progress.
pub(super) struct Run<'a> {
    pub(super) store: &'a Store,
    pub(super) options: &'a Options,
    pub(super) report: Report,
    pub(super) suspects: Vec<Suspect>,
    /// Names of the indexes that are as declared.
    pub(super) sound: Vec<String>,
    part: Phase,
    messages: u64,
    began: Instant,
    /// Seconds that earlier parts of the run took.
    before: f64,
    saved: Instant,
}

impl<'a> Run<'a> {
    /// Begins, or resumes where the state file says.
    pub(super) async fn begin(store: &'a Store, options: &'a Options) -> Result<Self, VerifyError> {
        let now = options.clock.now().to_chrono();
        let started_at = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        let name = store.database_name().to_owned();
        let new = Report::new(name, started_at, options.repair);
        let mut state = State::new(Phase::Schema, new);
        if let Some(path) = &options.state {
            if let Some(left) = State::load(path).await? {
                left.check(path, &state.report)?;
                state = left;
            }
            // a file that cannot be written is reported now, not after hours
            state.save(path).await?;
        }
        Ok(Self {
            store,
            options,
            before: state.report.took,
            report: state.report,
            suspects: Vec::new(),
            sound: Vec::new(),
            part: state.part,
            messages: store.messages.estimate().await?,
            began: Instant::now(),
            saved: Instant::now(),
        })
    }

    /// Goes through the remaining parts.
    pub(super) async fn finish(mut self) -> Result<Report, VerifyError> {
        if self.part == Phase::Schema {
            // first: nothing is written to a database that is refused
            self.migrations().await?;
        }
        self.indexes().await?;
        if self.part == Phase::Schema {
            self.boundary(Phase::Duplicates).await?;
        }
        if self.part == Phase::Duplicates {
            self.duplicates().await?;
            self.boundary(Phase::People(None)).await?;
        }
        if let Phase::People(after) = self.part {
            self.people(after).await?;
            self.boundary(Phase::Roomless).await?;
        }
        if self.part == Phase::Roomless {
            self.roomless().await?;
            self.boundary(Phase::Rooms(None)).await?;
        }
        if let Phase::Rooms(after) = self.part {
            self.rooms(after).await?;
        }
        self.log().await?;
        self.settle().await?;
        if let Some(path) = &self.options.state {
            State::remove(path).await?;
        }
        self.report.took = self.took();
        self.report.sort();
        Ok(self.report)
    }

    /// Whether schema findings are in the report already.
    pub(super) fn is_past_schema(&self) -> bool {
        self.part != Phase::Schema
    }

    fn took(&self) -> f64 {
        self.before + self.began.elapsed().as_secs_f64()
    }

    /// Whether it is time to write the state, or to end the run.
    pub(super) fn is_due(&self) -> bool {
        self.options.stop.is_cancelled()
            || self.saved.elapsed() >= self.options.save_every
            || self.suspects.len() >= MAX_SUSPECTS
    }

    /// Everything before `next` is done: a position to resume from.
    pub(super) async fn boundary(&mut self, next: Phase) -> Result<(), VerifyError> {
        self.tell();
        self.part = next;
        if !self.is_due() {
            return Ok(());
        }
        self.settle().await?;
        self.saved = Instant::now();
        if let Some(path) = &self.options.state {
            self.report.took = self.took();
            let state = State::new(next, self.report.clone());
            state.save(path).await?;
        }
        self.heed_stop()
    }

    /// Between boundaries: nothing is saved, but memory stays bounded.
    pub(super) async fn midway(&mut self) -> Result<(), VerifyError> {
        self.tell();
        if self.suspects.len() >= MAX_SUSPECTS {
            self.settle().await?;
        }
        self.heed_stop()
    }

    fn heed_stop(&self) -> Result<(), VerifyError> {
        if self.options.stop.is_cancelled() {
            let resumable = self.options.state.is_some();
            return Err(VerifyError::Interrupted { resumable });
        }
        Ok(())
    }

    fn tell(&self) {
        (self.options.progress)(Progress {
            checked: self.report.checked,
            messages: self.messages,
        });
    }

    /// Checks all suspects again, and reports those that remain.
    async fn settle(&mut self) -> Result<(), VerifyError> {
        let mut left = Vec::new();
        for suspect in std::mem::take(&mut self.suspects) {
            match suspect {
                Suspect::Sure(finding) => self.report_finding(finding),
                other => left.push(other),
            }
        }
        let mut pause = self.options.pause;
        for number in 1..=LOOKS {
            if left.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            left = self.look_again(left, number).await?;
        }
        Ok(())
    }

    /// One check of each; returns those to be checked once more.
    async fn look_again(
        &mut self,
        suspects: Vec<Suspect>,
        number: usize,
    ) -> Result<Vec<Suspect>, VerifyError> {
        let looker = Looker::new(self.store.clone(), self.options);
        let mut looks = futures::stream::iter(suspects)
            .map(|suspect| {
                let looker = looker.clone();
                async move {
                    let last = number >= suspect.looks();
                    let look = looker.look(&suspect, last).await;
                    (suspect, last, look)
                }
            })
            .buffered(LOOKS_AT_ONCE);
        let mut left = Vec::new();
        let mut found = Vec::new();
        while let Some((suspect, last, look)) = looks.next().await {
            match look? {
                Look::Fine => {}
                _ if !last => left.push(suspect),
                Look::Stands(findings) => found.extend(findings),
            }
        }
        for finding in found {
            self.report_finding(finding);
        }
        Ok(left)
    }

    /// Adds a finding; with `--repair` each says whether it was repaired.
    pub(super) fn report_finding(&mut self, mut finding: Finding) {
        if self.options.repair {
            finding.repaired.get_or_insert(false);
        }
        self.report.add(finding);
    }
}
