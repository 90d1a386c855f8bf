//! What is measured, in which order.

mod deployments;
mod scale;

use std::path::Path;

use super::Options;
use super::results::{Key, Part, Results, Who};
use crate::runner::Runner;
use crate::servers;

/// How much of everything.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) quick: bool,
    pub(super) repeats: u32,
    pub(super) seconds: f64,
    pub(super) warm_up: f64,
    messages: Vec<u32>,
    contacts: &'static [u32],
    sockets: &'static [u32],
    shapes: &'static [(u32, u32)],
    rates: &'static [u32],
    people: u32,
    servers: &'static [u8],
    backlog: u32,
}

/// Contacts of each person where that is not what is varied.
const CONTACTS: u32 = 50;
/// Messages in each chat room where pages are read.
const PER_ROOM: u32 = 100;
/// People who come and go at once where many contacts listen.
const PEOPLE_OF_MANY: u32 = 5;

impl Plan {
    pub(super) fn of(options: &Options) -> Self {
        let full = Self {
            quick: false,
            repeats: options.repeats,
            seconds: options.seconds,
            warm_up: options.warm_up,
            messages: options.messages.clone(),
            contacts: &[10, 100, 1_000],
            sockets: &[1_000, 2_000, 5_000, 10_000, 19_000],
            shapes: &[(1, 1), (10, 1), (50, 1), (10, 4), (50, 8)],
            rates: &[100, 500, 2_000],
            people: 100,
            servers: &[1, 2, 4, 8],
            backlog: 100_000,
        };
        if !options.quick {
            return full;
        }
        Self {
            quick: true,
            repeats: 1,
            seconds: 1.5,
            warm_up: 0.5,
            messages: vec![10_000, 50_000],
            contacts: &[10, 100],
            sockets: &[500, 2_000],
            shapes: &[(1, 1), (10, 1), (50, 8)],
            rates: &[500],
            people: 10,
            servers: &[1, 2],
            backlog: 5_000,
        }
    }

    /// The command that measures the same again.
    pub(super) fn command(&self) -> String {
        if self.quick {
            return "scripts/bench.sh --quick".to_owned();
        }
        let messages: Vec<String> = self.messages.iter().map(u32::to_string).collect();
        format!(
            "scripts/bench.sh --repeats {} --seconds {} --warm-up {} --messages {}",
            self.repeats,
            self.seconds,
            self.warm_up,
            messages.join(","),
        )
    }

    /// Measures everything.
    pub(super) async fn measure(
        &self,
        runner: &mut Runner,
        peer: Option<&Path>,
    ) -> anyhow::Result<Results> {
        let mut results = Results::default();
        self.compare(runner, peer, &mut results).await?;
        self.back_end(runner, &mut results).await?;
        self.several_servers(runner, &mut results).await?;
        self.growth(runner, &mut results).await?;
        self.contacts(runner, &mut results).await?;
        self.connections(runner, peer.is_some(), &mut results)
            .await?;
        Ok(results)
    }

    /// The same work for all, one after the other within each repeat, so that
    /// what disturbs the machine disturbs all alike.
    async fn compare(
        &self,
        runner: &mut Runner,
        peer: Option<&Path>,
        results: &mut Results,
    ) -> anyhow::Result<()> {
        let mut servers = vec![(Who::Chatzz, runner.chatzz("chatzz").await?)];
        if let Some(peer) = peer {
            servers::install_peer(peer, runner.work()).await?;
            servers.push((Who::Peer, runner.peer("peer", false).await?));
            servers.push((Who::Batched, runner.peer("batched", true).await?));
        }
        let first = self.people + CONTACTS;
        let seed = format!(
            "--people {} --contacts {CONTACTS} --per-room {PER_ROOM} --users {}",
            self.people,
            first + 200
        );
        for (_, server) in &servers {
            runner.seed(server, &seed).await?;
        }
        for _ in 0..self.repeats {
            for (part, x, what, line) in self.common_work(first) {
                for (who, server) in &servers {
                    let report = runner.load(server, &self.timed(&line)).await?;
                    let (what, who) = (what.clone(), *who);
                    results.add(Key { part, x, what, who }, report);
                }
            }
            for (x, what, line) in self.raw_work() {
                let report = runner.raw(&self.timed(&line)).await?;
                let (part, who) = (Part::Send, Who::Raw);
                results.add(Key { part, x, what, who }, report);
            }
        }
        // last, because it leaves messages behind that the others would count
        if let Some((who, server)) = servers.first() {
            for _ in 0..self.repeats {
                let (people, rate) = (self.people, 500);
                let line = format!("mixed --people {people} --contacts {CONTACTS} --rate {rate}");
                let report = runner.load(server, &self.timed(&line)).await?;
                let what = format!("mixed, {} people, {rate}/s", people + CONTACTS);
                let (part, x, who) = (Part::Work, 100, *who);
                results.add(Key { part, x, what, who }, report);
            }
        }
        for (_, server) in servers {
            server.stop().await?;
        }
        Ok(())
    }

    /// What chatzz and the peers are all asked to do.
    fn common_work(&self, first: u32) -> Vec<(Part, u32, String, String)> {
        let mut work = Vec::new();
        for (pairs, in_flight) in self.shapes {
            work.push((
                Part::Send,
                pairs * in_flight,
                format!("send, {pairs} × {in_flight}"),
                format!("send --first-user {first} --pairs {pairs} --in-flight {in_flight}"),
            ));
        }
        for rate in self.rates {
            work.push((
                Part::OpenLoop,
                *rate,
                format!("send, {rate}/s"),
                format!("send --first-user {first} --pairs 10 --rate {rate}"),
            ));
        }
        let world = format!("--people {} --contacts {CONTACTS}", self.people);
        for at_once in [1, 4] {
            work.push((
                Part::Work,
                10 + at_once,
                format!("login, {CONTACTS} contacts, {at_once} at once"),
                format!("login {world} --at-once {at_once}"),
            ));
            work.push((
                Part::Work,
                20 + at_once,
                format!("history, {PER_ROOM} messages, {at_once} at once"),
                format!("history {world} --per-room {PER_ROOM} --at-once {at_once}"),
            ));
        }
        work.push((
            Part::Work,
            30,
            format!("presence, {CONTACTS} contacts"),
            format!("presence {world}"),
        ));
        work
    }

    /// What the database alone is asked to do, at the same concurrency.
    fn raw_work(&self) -> Vec<(u32, String, String)> {
        let mut work = vec![(1, "`insert_one`, 1".to_owned(), "--how ones".to_owned())];
        for (pairs, in_flight) in self.shapes {
            let at_once = pairs * in_flight;
            work.push((
                at_once,
                format!("group commit, {at_once}"),
                format!("--at-once {at_once}"),
            ));
        }
        work
    }

    fn timed(&self, line: &str) -> String {
        format!(
            "{line} --warm-up {} --seconds {}",
            self.warm_up, self.seconds
        )
    }
}
