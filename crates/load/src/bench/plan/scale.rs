//! What grows: stored messages, contacts, sockets.

use super::{CONTACTS, PEOPLE_OF_MANY, PER_ROOM, Plan};
use crate::bench::results::{Key, Part, Results, Who};
use crate::runner::Runner;
use crate::servers::Server;

/// Sockets from one address: beyond about 14,000, half of its ports, the kernel looks
/// for a free one so long that it is the load that is measured (1,882 connects a second,
/// 8,195 from two).
const MAX_OF_SOURCE: u32 = 10_000;
/// The Node peer is asked to hold so many sockets at most.
const MAX_OF_PEER: u32 = 2_000;

impl Plan {
    /// The same work among more and more stored messages.
    pub(super) async fn growth(
        &self,
        runner: &mut Runner,
        results: &mut Results,
    ) -> anyhow::Result<()> {
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
    pub(super) async fn contacts(
        &self,
        runner: &mut Runner,
        results: &mut Results,
    ) -> anyhow::Result<()> {
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
    pub(super) async fn connections(
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
                    if who == Who::Peer && (!peers || *sockets > MAX_OF_PEER) {
                        continue;
                    }
                    let (server, seeded) = match (who, &mut seeded) {
                        (Who::Peer, [_, peer]) => (runner.peer("sockets_peer", false).await?, peer),
                        (_, [chatzz, _]) => (runner.chatzz("sockets").await?, chatzz),
                    };
                    if !std::mem::replace(seeded, true) {
                        runner.seed(&server, &format!("--users {most}")).await?;
                    }
                    let sources = sockets.div_ceil(MAX_OF_SOURCE);
                    let line = format!(
                        "connect --sockets {sockets} --sources {sources} --login --hold 3 --settle 3"
                    );
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
}

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
