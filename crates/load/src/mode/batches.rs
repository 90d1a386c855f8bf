//! Messages that a back end sends in batches, and whether each was stored once.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::Context as _;
use serde::Deserialize;

use crate::measure::{Checks, Order};
use crate::wire::{self, Api, Text, number_after, user};

/// Messages of one page at a check.
const PAGE: u64 = 100;

/// Somebody who writes to somebody else.
#[derive(Debug)]
struct Line {
    from: u32,
    to: u32,
    /// Messages sent so far.
    sent: u64,
    /// Those that were refused.
    failed: BTreeSet<u64>,
    /// Of the first and the last that was stored.
    seqs: Option<(u64, u64)>,
}

/// One client of the API, with pairs of users of its own.
#[derive(Debug)]
pub(super) struct Batches {
    api: Api,
    run: u32,
    text_bytes: usize,
    lines: Vec<Line>,
    /// Whose turn it is.
    next: usize,
    checks: Checks,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    results: Vec<Outcome<'a>>,
}

#[derive(Deserialize)]
struct Outcome<'a> {
    status: u16,
    #[serde(borrow)]
    message: Option<&'a serde_json::value::RawValue>,
}

impl Batches {
    /// The first of each pair of users writes to the second.
    pub(super) fn new(
        api: Api,
        (run, text_bytes): (u32, usize),
        pairs: impl Iterator<Item = (u32, u32)>,
    ) -> Self {
        let lines = pairs.map(|(from, to)| Line {
            from,
            to,
            sent: 0,
            failed: BTreeSet::new(),
            seqs: None,
        });
        Self {
            api,
            run,
            text_bytes,
            lines: lines.collect(),
            next: 0,
            checks: Checks::default(),
        }
    }

    /// Sends the next messages, the pairs in turn; returns how many were stored.
    pub(super) async fn send(&mut self, at: u64, size: usize) -> anyhow::Result<u64> {
        let mut body = String::with_capacity(size * (220 + self.text_bytes));
        let mut batch = Vec::with_capacity(size);
        body.push_str("{\"messages\":[");
        for i in 0..size {
            let turn = self.next;
            self.next = (turn + 1) % self.lines.len().max(1);
            let line = self.lines.get_mut(turn).context("no pairs")?;
            let (run, from, n) = (self.run, line.from, line.sent);
            line.sent += 1;
            batch.push((turn, n));
            // writing into a String does not fail
            let _ = write!(
                body,
                "{}{{\"from\":\"{}\",\"to\":\"{}\",\"key\":\"{run}-{from}-{n}\",\"message\":\"",
                if i > 0 { "," } else { "" },
                user(from),
                user(line.to),
            );
            wire::write(&mut body, &Text { run, from, n, at }, self.text_bytes);
            body.push_str("\"}");
        }
        body.push_str("]}");
        let answer = self.api.post("/v1/messages/batch", body).await?;
        let answer: Answer<'_> = serde_json::from_str(&answer).context("an answer")?;
        self.checks.lost += u64::try_from(batch.len().abs_diff(answer.results.len()))?;
        let mut stored = 0;
        for ((turn, n), outcome) in batch.into_iter().zip(answer.results) {
            stored += u64::from(self.take((turn, n), &outcome));
        }
        Ok(stored)
    }

    /// Notes what became of a message; true if it was stored now.
    fn take(&mut self, (turn, n): (usize, u64), outcome: &Outcome<'_>) -> bool {
        let Some(line) = self.lines.get_mut(turn) else {
            return false;
        };
        let json = outcome.message.map_or("", |message| message.get());
        let (Some(text), Some(seq)) = (Text::find(json), number_after(json, "\"seq\":")) else {
            line.failed.insert(n);
            self.checks.errors += 1;
            return false;
        };
        let is_answer = (text.run, text.from, text.n) == (self.run, line.from, n);
        self.checks.errors += u64::from(!is_answer);
        // nothing is sent twice
        self.checks.duplicate += u64::from(outcome.status != 201);
        let (first, last) = line.seqs.unwrap_or((seq, seq.saturating_sub(1)));
        // nobody else writes: a number that is skipped belongs to a message stored twice
        self.checks.disorder += u64::from(seq != last + 1);
        line.seqs = Some((first, seq));
        true
    }

    /// What went wrong so far.
    pub(super) fn checks(&self) -> Checks {
        self.checks
    }

    /// Reads everything back: each message must be there once, in order.
    pub(super) async fn read_back(&self) -> anyhow::Result<Checks> {
        let mut checks = Checks::default();
        for line in &self.lines {
            let Some((first, last)) = line.seqs else {
                continue;
            };
            let (from, to) = (user(line.from), user(line.to));
            let room = format!("/v1/chat-rooms?user={from}&with={to}");
            let room = self.api.get(&room).await?;
            let room = wire::text_after(&room, "\"_id\":\"").context("no chat room")?;
            let mut order = Order::default();
            let mut after = first - 1;
            while after < last {
                let path = format!("/v1/chat-rooms/{room}/messages?after={after}&limit={PAGE}");
                let page = self.api.get(&path).await?;
                let before = after;
                for (text, rest) in Text::find_all(&page) {
                    let seq = number_after(rest, "\"seq\":").unwrap_or_default();
                    after = after.max(seq);
                    if text.run == self.run && text.from == line.from {
                        order.see(text.n, seq);
                    }
                }
                if after == before {
                    break;
                }
            }
            checks.add(Checks {
                lost: order.lost(line.sent, &line.failed),
                duplicate: order.duplicate,
                disorder: order.disorder,
                errors: 0,
            });
        }
        Ok(checks)
    }

    /// Who wrote, how many messages, and which of them were refused.
    pub(super) fn sent(&self) -> impl Iterator<Item = (u32, u64, &BTreeSet<u64>)> {
        self.lines
            .iter()
            .map(|line| (line.from, line.sent, &line.failed))
    }
}
