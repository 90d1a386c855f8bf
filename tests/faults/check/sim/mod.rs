//! A small messenger that keeps every promise, and writes down what a run with
//! it looks like: clean histories, for the checker's own tests.
//!
//! Time stands still but for [`World::wait`] and a millisecond for each line.

mod ending;
mod people;
mod play;
mod talk;

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::history::{Event, Invoke, Line, Open, Outcome, Phase, Run, Sample};

pub(crate) use play::{Random, Step, play};
pub(crate) use talk::{Draft, Reply};

/// When the runs begin, in milliseconds since 1970.
const EPOCH: i64 = 1_790_000_000_000;

/// The settings of the runs.
pub(crate) const RUN: Run = Run {
    seed: 7,
    deadline_ms: 5_000,
    grace_ms: 1_000,
    silent_ms: 3_000,
    lease_ms: 4_000,
    slack_ms: 500,
    cross_ms: 1_500,
    pulls: false,
    pushes: false,
    hooks: None,
};

/// Everything there is.
pub(crate) struct World {
    lines: Vec<Line>,
    /// Microseconds.
    t: u64,
    people: Vec<Person>,
    rooms: BTreeMap<(usize, usize), Room>,
    conns: BTreeMap<u64, Conn>,
    last_number: u64,
    /// Who may go offline, and when.
    leaving: Vec<(u64, usize)>,
    /// Most messages of a page of the final walks.
    pub(crate) page: u64,
    /// Whether samples are written.
    samples: bool,
}

struct Person {
    id: String,
    chat_id: String,
    /// Sockets that the server believes in, logged in.
    conns: Vec<u64>,
    shown: bool,
}

struct Conn {
    person: usize,
    /// Whether somebody still receives what is sent to it.
    hears: bool,
    /// When the server notices the silence.
    ends: Option<u64>,
}

struct Room {
    id: String,
    messages: Vec<Message>,
    /// Confirmed by the first and the second of the pair.
    cursors: [u64; 2],
}

#[derive(Clone)]
struct Message {
    id: String,
    from: usize,
    to: usize,
    body: String,
    client: Option<String>,
    seq: u64,
    status: &'static str,
    created: i64,
    sent: Option<i64>,
    read: Option<i64>,
}

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).unwrap()
}

fn date(ms: i64) -> String {
    let date = chrono::DateTime::from_timestamp_millis(ms).unwrap();
    date.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

impl World {
    /// A run with people whom nobody knows yet.
    pub(crate) fn of(people: usize) -> Self {
        let person = |number| Person {
            id: format!("65a0{number:020x}"),
            chat_id: format!("65c0{number:020x}"),
            conns: Vec::new(),
            shown: false,
        };
        let mut world = Self {
            lines: Vec::new(),
            t: 0,
            people: (1..=people).map(person).collect(),
            rooms: BTreeMap::new(),
            conns: BTreeMap::new(),
            last_number: 0,
            leaving: Vec::new(),
            page: 3,
            samples: true,
        };
        world.write(Event::Run(RUN));
        world.sample("baseline");
        world.write(Event::Phase(Phase::Work));
        world
    }

    /// Two people who know each other, both logged in: the connections 0 and 1.
    pub(crate) fn pair() -> (Self, u64, u64) {
        let mut world = Self::of(2);
        let (one, other) = (world.enter(0), world.enter(1));
        world.befriend(one, 1);
        (world, one, other)
    }

    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn now(&self) -> i64 {
        EPOCH + i64::try_from(self.t / 1000).unwrap()
    }

    /// The number of the last line.
    pub(crate) fn line(&self) -> usize {
        self.lines.len()
    }

    fn write(&mut self, event: Event) {
        self.t += 1_000;
        self.lines.push(Line { t: self.t, event });
        self.settle();
    }

    /// Lets time go by.
    pub(crate) fn wait(&mut self, ms: u64) {
        let until = self.t + ms * 1_000;
        while let Some(due) = self.leaving.iter().map(|(due, _)| *due).min() {
            if due > until {
                break;
            }
            self.t = self.t.max(due);
            self.settle();
        }
        self.t = self.t.max(until);
    }

    fn sample(&mut self, label: &str) {
        if self.samples {
            self.write(Event::Sample(Sample {
                server: 0,
                label: label.to_owned(),
                rss_kib: 40_000,
                fds: 30,
                sockets: 0,
                sessions: Some(0),
                tasks: Some(20),
            }));
        }
    }

    /// A fault begins; its id.
    pub(crate) fn fault(&mut self, what: &str) -> u64 {
        let id = self.number();
        self.write(Event::Fault {
            id: json!(id),
            what: what.to_owned(),
            of: None,
            stops_answers: true,
            loses_writes: true,
        });
        id
    }

    /// A fault is over.
    pub(crate) fn heal(&mut self, id: u64) {
        self.write(Event::Healed { id: json!(id) });
    }

    fn open(&mut self, person: usize) -> u64 {
        let c = self.number();
        let conn = Conn {
            person,
            hears: true,
            ends: None,
        };
        self.conns.insert(c, conn);
        let u = self.people[person].id.clone();
        self.write(Event::Open(Open {
            c,
            u,
            server: 0,
            acks: false,
            wire: "ws4".to_owned(),
        }));
        c
    }

    fn invoke(&mut self, c: u64, event: &str, payload: &Value, walk: Option<u64>) -> u64 {
        let op = self.number();
        self.write(Event::Invoke(Invoke {
            c,
            op,
            event: event.into(),
            payload: raw(payload),
            walk,
        }));
        op
    }

    fn answer(&mut self, c: u64, op: u64, ok: &Value) {
        let outcome = Outcome::Ok(raw(ok));
        self.write(Event::Answer { c, op, outcome });
    }

    fn refuse(&mut self, c: u64, op: u64, code: &str) {
        let outcome = Outcome::Error(raw(&json!({"code": code, "message": "no"})));
        self.write(Event::Answer { c, op, outcome });
    }

    /// Sends an envelope to a connection, if somebody receives it.
    fn tell(&mut self, c: u64, kind: &str, data: &Value) {
        if self.conns.get(&c).is_some_and(|conn| conn.hears) {
            self.write(Event::Envelope {
                c,
                kind: kind.into(),
                data: raw(data),
            });
        }
    }

    fn tell_all(&mut self, person: usize, except: Option<u64>, kind: &str, data: &Value) {
        for c in self.people[person].conns.clone() {
            if Some(c) != except {
                self.tell(c, kind, data);
            }
        }
    }
}
