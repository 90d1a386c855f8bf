//! What a run of the fault harness recorded: its history and the final dump.
//!
//! A history is a text of JSON lines, one [`Line`] each, in the order of
//! recording. Line numbers count from 1, as editors do; the first line is
//! `run`. What the server said (answers, envelopes) is kept as the text it was,
//! so that the checker judges exactly that.

mod dump;
mod line;
mod rules;
mod wire;

use std::io::{BufRead, Write};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

pub(crate) use dump::{Dump, DumpedCursors, DumpedMessage, DumpedRoom, DumpedUser, NOBODY};
pub(crate) use wire::{
    Changes, Contact, Details, Message, Page, Read, Status, StatusChanged, UserId,
};

/// A recorded run.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Its lines; the first is number 1.
    pub(crate) lines: Vec<Line>,
}

/// One recorded event.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Microseconds since the run began; never decreases.
    pub(crate) t: u64,
    /// What happened.
    pub(crate) event: Event,
}

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The run began.
    Run(Run),
    /// The socket.io CONNECT of a connection finished.
    Open(Open),
    /// A connection ended; nothing of it follows.
    Close { c: u64, how: Close },
    /// A client event is about to be written.
    Invoke(Invoke),
    /// The acknowledgement of one.
    Answer { c: u64, op: u64, outcome: Outcome },
    /// A `chatzz` event.
    Envelope {
        c: u64,
        kind: Box<str>,
        data: Box<RawValue>,
    },
    /// A fault begins. `of` says whom it hits: `{"c": 7}` one connection,
    /// `{"server": 0}` one server; absent or anything else, everybody.
    /// Without the two flags in a line, both are set.
    Fault {
        id: Value,
        what: String,
        of: Option<Value>,
        /// It may delay or prevent answers beyond the deadline.
        stops_answers: bool,
        /// What is written behind may be lost.
        loses_writes: bool,
    },
    /// A fault is over and the system can work again.
    Healed { id: Value },
    /// A part of the run begins.
    Phase(Phase),
    /// What a server uses.
    Sample(Sample),
    /// An event was given to a consumer of the application.
    Heard(Heard),
    /// The application was asked about a message, and decided.
    Asked {
        verdict: Verdict,
        /// Sender, receiver and text.
        data: Box<RawValue>,
    },
}

/// An event of the application's back end.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// The consumer: `pull` or `push`.
    pub(crate) by: Box<str>,
    /// Whether it took it; else it comes again.
    pub(crate) taken: bool,
    pub(crate) id: String,
    pub(crate) kind: Box<str>,
    pub(crate) data: Box<RawValue>,
}

/// What a hook said about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Allow,
    Refuse,
    /// Nothing that counts, or nothing in time.
    None,
}

/// What becomes of a message about which a hook cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Policy {
    Refuse,
    Allow,
}

/// How the run was set up. Times are milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    /// Where the random choices began.
    pub(crate) seed: u64,
    /// A client event is answered within this.
    pub(crate) deadline_ms: u64,
    /// A lost transport is announced as offline after this.
    pub(crate) grace_ms: u64,
    /// A silent death is announced as offline after this.
    pub(crate) silent_ms: u64,
    /// The users of a dead server are offline after this.
    pub(crate) lease_ms: u64,
    /// What the recorder may be late.
    pub(crate) slack_ms: u64,
    /// What one server knows of another's users is at most this old; 1,500 by
    /// default: they look once a second, and a look takes its time.
    #[serde(default = "cross_ms")]
    pub(crate) cross_ms: u64,
    /// Whether a consumer pulls events.
    #[serde(default)]
    pub(crate) pulls: bool,
    /// Whether a consumer is pushed events.
    #[serde(default)]
    pub(crate) pushes: bool,
    /// Whether the application is asked about messages, and what happens when it cannot be.
    #[serde(default)]
    pub(crate) hooks: Option<Policy>,
}

fn cross_ms() -> u64 {
    1_500
}

/// A connection of a user to a server.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) c: u64,
    /// The user's id.
    pub(crate) u: String,
    pub(crate) server: u64,
    /// Whether the client acknowledges each `new-message`.
    pub(crate) acks: bool,
    /// `ws4`, `ws3`, `poll4`, `poll3` or `official`.
    pub(crate) wire: String,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Close {
    /// This client said goodbye.
    Clean,
    /// This client dropped its TCP connection.
    Cut,
    /// This client went silent; the server does not know yet.
    Silent,
    /// It was ended from outside.
    Lost,
}

/// A client event.
#[derive(Clone, Debug)]
pub(crate) struct Invoke {
    pub(crate) c: u64,
    /// Unique in the run.
    pub(crate) op: u64,
    pub(crate) event: Box<str>,
    pub(crate) payload: Box<RawValue>,
    /// The history walk that the page belongs to.
    pub(crate) walk: Option<u64>,
}

/// What an acknowledgement said.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The result.
    Ok(Box<RawValue>),
    /// The error object, `{code, message, …}`.
    Error(Box<RawValue>),
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// The workload runs.
    Work,
    /// Nothing new is begun.
    Quiet,
    /// Every user has connected again, stays, and reads everything.
    Final,
    /// It is over.
    End,
}

/// What a server uses. `sessions` and `tasks` are absent where the server does
/// not export them: chatzz exports neither.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sample {
    pub(crate) server: u64,
    /// `baseline` or `after`.
    pub(crate) label: String,
    pub(crate) rss_kib: u64,
    pub(crate) fds: u64,
    pub(crate) sockets: u64,
    pub(crate) sessions: Option<u64>,
    pub(crate) tasks: Option<u64>,
}

impl History {
    /// Reads a history and makes sure that it keeps the rules of the format.
    ///
    /// # Errors
    /// The number of the first line that is no event or breaks a rule, and why.
    pub(crate) fn read(mut text: impl BufRead) -> anyhow::Result<Self> {
        let mut history = Self::default();
        let mut line = String::new();
        loop {
            line.clear();
            if text.read_line(&mut line)? == 0 {
                break;
            }
            let number = history.lines.len() + 1;
            let parsed = Line::parse(line.trim_end_matches('\n'));
            history
                .lines
                .push(parsed.with_context(|| format!("line {number}"))?);
        }
        rules::keep(&history)?;
        Ok(history)
    }

    /// Writes the lines.
    ///
    /// # Errors
    /// When the writer refuses.
    pub(crate) fn write(&self, mut to: impl Write) -> anyhow::Result<()> {
        for line in &self.lines {
            writeln!(to, "{}", line.to_json()?)?;
        }
        Ok(())
    }

    /// The run's settings; zeros for a history without its first line.
    pub(crate) fn run(&self) -> Run {
        match self.lines.first() {
            Some(Line {
                event: Event::Run(run),
                ..
            }) => *run,
            _ => Run::default(),
        }
    }
}
