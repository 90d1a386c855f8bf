//! What is measured, in which order.

use std::path::Path;

use super::Options;
use super::results::{Key, Part, Results, Who};
use super::runner::Runner;
use super::servers::{self, Server};

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
        }
    }

    /// Measures everything.
    pub(super) async fn measure(
        &self,
        runner: &mut Runner,
        peer: Option<&Path>,
    ) -> anyhow::Result<Results> {
        let mut results = Results::default();
        self.compare(runner, peer, &mut results).await?;
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

    /// The same work among more and more stored messages.
    async fn growth(&self, runner: &mut Runner, results: &mut Results) -> anyhow::Result<()> {
        let mut servers = Vec::new();
        for messages in &self.messages {
            let people = (messages / (CONTACTS * PER_ROOM)).max(1);
            let server = runner.chatzz(&format!("growth_{messages}")).await?;
            let first = people + CONTACTS;
            let world = format!("--people {people} --contacts {CONTACTS} --per-room {PER_ROOM}");
            let seed = format!("{world} --users {}", first + 20);
            runner.seed(&server, &seed).await?;
            servers.push((*messages, people, server));
        }
        for _ in 0..self.repeats {
            for (messages, people, server) in &servers {
                let first = people + CONTACTS;
                let world = format!("--people {people} --contacts {CONTACTS}");
                for (what, line) in [
                    (
                        "send, 10 × 1",
                        format!("send --first-user {first} --pairs 10"),
                    ),
                    ("login", format!("login {world}")),
                    ("history", format!("history {world} --per-room {PER_ROOM}")),
                ] {
                    let report = runner.load(server, &self.timed(&line)).await?;
                    results.add(key(Part::Growth, *messages, what), report);
                }
            }
        }
        stop_all(servers.into_iter().map(|(.., server)| server)).await
    }

    /// Logins with more and more contacts.
    async fn contacts(&self, runner: &mut Runner, results: &mut Results) -> anyhow::Result<()> {
        let mut servers = Vec::new();
        for contacts in self.contacts {
            let server = runner.chatzz(&format!("contacts_{contacts}")).await?;
            let world = format!("--people {PEOPLE_OF_MANY} --contacts {contacts} --per-room 2");
            runner.seed(&server, &world).await?;
            servers.push((*contacts, server));
        }
        for _ in 0..self.repeats {
            for (contacts, server) in &servers {
                let line = format!("login --people {PEOPLE_OF_MANY} --contacts {contacts}");
                let report = runner.load(server, &self.timed(&line)).await?;
                results.add(key(Part::Contacts, *contacts, "login"), report);
            }
        }
        stop_all(servers.into_iter().map(|(_, server)| server)).await
    }

    /// More and more sockets, each number on a server of its own.
    async fn connections(
        &self,
        runner: &mut Runner,
        peers: bool,
        results: &mut Results,
    ) -> anyhow::Result<()> {
        let most = self.sockets.iter().max().copied().unwrap_or_default();
        let mut seeded = [false; 2];
        for _ in 0..self.repeats {
            for sockets in self.sockets {
                for who in [Who::Chatzz, Who::Peer] {
                    if who == Who::Peer && (!peers || *sockets > MOST_OF_PEER) {
                        continue;
                    }
                    let (server, seeded) = match (who, &mut seeded) {
                        (Who::Peer, [_, peer]) => (runner.peer("sockets_peer", false).await?, peer),
                        (_, [chatzz, _]) => (runner.chatzz("sockets").await?, chatzz),
                    };
                    if !std::mem::replace(seeded, true) {
                        runner.seed(&server, &format!("--users {most}")).await?;
                    }
                    let line = format!("connect --sockets {sockets} --login --hold 3 --settle 3");
                    let report = runner.load(&server, &line).await?;
                    let mut key = key(Part::Connections, *sockets, "connect");
                    key.who = who;
                    results.add(key, report);
                    server.stop().await?;
                }
            }
        }
        Ok(())
    }

    fn timed(&self, line: &str) -> String {
        format!(
            "{line} --warm-up {} --seconds {}",
            self.warm_up, self.seconds
        )
    }
}

/// The Node peer is asked to hold so many sockets at most.
const MOST_OF_PEER: u32 = 2_000;

fn key(part: Part, x: u32, what: &str) -> Key {
    Key {
        part,
        x,
        what: what.to_owned(),
        who: Who::Chatzz,
    }
}

async fn stop_all(servers: impl Iterator<Item = Server>) -> anyhow::Result<()> {
    for server in servers {
        server.stop().await?;
    }
    Ok(())
}
