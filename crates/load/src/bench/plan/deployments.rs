//! A back end beside the sockets, and several servers on one database.

use chatzz_dev::mongod::Environment;
use chatzz_dev::nats;

use super::Plan;
use crate::bench::page::IDLE;
use crate::bench::results::{Key, Part, Results, Who};
use crate::fresh::{self, Setup};
use crate::mode::send::Consumer;
use crate::runner::{Runner, say};

/// What is stored before each of these loads.
const SEED: &str = "--users 100";

impl Plan {
    /// The HTTP API, hooks and events.
    pub(super) async fn back_end(
        &self,
        runner: &mut Runner,
        results: &mut Results,
    ) -> anyhow::Result<()> {
        let plain = |line: &str| Setup::of(&self.timed(line));
        let hooked = |line: &str| Setup {
            hook: Some(2.0),
            ..plain(line)
        };
        let backlog = format!("backlog --pairs 40 --messages {}", self.backlog);
        let work = [
            ("API, 1 × 1", plain("api --batch 1 --in-flight 1")),
            ("API, 100 × 4", plain("api --batch 100 --in-flight 4")),
            ("API, 500 × 4", plain("api --batch 500 --in-flight 4")),
            ("send, 1 × 1", plain("send --pairs 1")),
            ("send, 1 × 1, hook", hooked("send --pairs 1")),
            ("send, 10 × 1", plain("send --pairs 10")),
            ("send, 10 × 1, hook", hooked("send --pairs 10")),
            ("send, 500/s", plain("send --pairs 10 --rate 500")),
            (
                "send, 500/s, events posted",
                Setup {
                    events: Some(Consumer::Push),
                    ..plain("send --pairs 10 --rate 500")
                },
            ),
            ("events asked for", Setup::of(&backlog)),
        ];
        for repeat in 0..self.repeats {
            for (x, (what, setup)) in (0..).zip(&work) {
                let database = format!("back_end_{x}_{repeat}");
                let (report, _) = fresh::run(runner, setup, &database, SEED).await?;
                results.add(key(Part::BackEnd, x, (what, Who::Chatzz)), report);
            }
        }
        Ok(())
    }

    /// Servers that share a database and a load.
    pub(super) async fn several_servers(
        &self,
        runner: &mut Runner,
        results: &mut Results,
    ) -> anyhow::Result<()> {
        let mut means = vec![Who::Chatzz];
        if nats::find(&Environment::from_process())?.is_some() {
            means.push(Who::Nats);
        } else {
            say("there is no nats-server: left out");
        }
        let send = self.timed("send --pairs 16 --both-ways --rate 1000");
        let idle = self.timed(IDLE);
        for repeat in 0..self.repeats {
            for servers in self.servers {
                for who in &means {
                    for (what, line) in [("send", &send), (IDLE, &idle)] {
                        let setup = Setup {
                            servers: *servers,
                            nats: *who == Who::Nats,
                            ..Setup::of(line)
                        };
                        let by = if setup.nats { "nats" } else { "mongodb" };
                        let database = format!("{what}_{servers}_{by}_{repeat}");
                        let (report, _) = fresh::run(runner, &setup, &database, SEED).await?;
                        results.add(key(Part::Servers, (*servers).into(), (what, *who)), report);
                    }
                }
            }
        }
        Ok(())
    }
}

fn key(part: Part, x: u32, (what, who): (&str, Who)) -> Key {
    Key {
        part,
        x,
        what: what.to_owned(),
        who,
    }
}
