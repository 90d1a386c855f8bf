//! What a history and a dump say, sorted for the checks.
//!
//! Lines are numbered from 1, times are microseconds since the run began, and
//! ids and texts are [`Sym`]s. Everything is in the order of the history.

mod faults;
mod gather;
mod names;
mod outside;
mod received;
mod rooms;
mod sends;
mod show;
mod walks;

use std::collections::{HashMap, HashSet};

pub(crate) use crate::history::Verdict;
use crate::history::{Close, Dump, History, Phase, Run, Status};

pub(crate) use faults::{Fault, NEVER, extended};
pub(crate) use names::{Names, Sym};
pub(crate) use outside::{Asked, Heard};
pub(crate) use rooms::{Room, Stored};
pub(crate) use sends::{Fate, Key, Send};
pub(crate) use walks::Walk;

/// The codes that say that nothing was stored.
pub(crate) const FAILURES: [&str; 16] = [
    "bad-request",
    "unauthorized",
    "forbidden",
    "not-connected",
    "user-not-found",
    "no-chat-room",
    "blocked",
    "message-too-long",
    "client-id-conflict",
    "already-connected",
    "cannot-add-self",
    "message-not-found",
    "rate-limited",
    "refused",
    "overloaded",
    "unavailable",
];

/// A moment of the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) line: usize,
    pub(crate) t: u64,
}

/// A connection.
#[derive(Clone, Debug)]
pub(crate) struct Conn {
    pub(crate) c: u64,
    pub(crate) user: Sym,
    pub(crate) server: u64,
    /// Whether it stands for calls of the application, not for a socket.
    pub(crate) is_api: bool,
    pub(crate) open: At,
    pub(crate) close: Option<(At, Close)>,
    /// Its first `user-details`.
    pub(crate) details: Option<At>,
    /// Its `connect-user` operations.
    pub(crate) logins: Vec<usize>,
}

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Connect,
    Add,
    Page(PageRequest),
    Send(usize),
    ReadOne(Sym),
    ReadUpTo(Sym, u64),
    DeliveredUpTo(Sym, u64),
    Block(Sym),
    /// What a message says is to be removed.
    Redact(Sym),
    /// `get-changes` of somebody after a `rev`.
    Changes(Sym, u64),
    /// Answered by the close.
    Disconnect,
    /// What the checker has no question about, nonsense included.
    Other,
}

/// `get-old-messages`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageRequest {
    pub(crate) with: Sym,
    pub(crate) before: Option<u64>,
    pub(crate) after: Option<u64>,
    /// Whether a date was given.
    pub(crate) dated: bool,
    pub(crate) walk: Option<u64>,
}

impl PageRequest {
    /// Whether the page is the newest there is.
    pub(crate) fn is_newest(&self) -> bool {
        self.before.is_none() && !self.is_ascending()
    }

    /// Whether the page begins at its oldest end.
    pub(crate) fn is_ascending(&self) -> bool {
        self.after.is_some() || self.dated
    }
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Result {
    Ok,
    /// A code that says that nothing was done.
    Failed,
    /// Any other code.
    Unknown,
}

/// An operation.
#[derive(Clone, Debug)]
pub(crate) struct Op {
    /// As it is called in the history.
    pub(crate) number: u64,
    pub(crate) conn: usize,
    pub(crate) invoke: At,
    pub(crate) request: Request,
    pub(crate) answer: Option<(At, Result)>,
    /// Lines of answers after the first.
    pub(crate) again: Vec<usize>,
    /// How many messages a receipt moved.
    pub(crate) moved: u64,
    /// What a page held: its messages, among [`Facts::seen`], and `hasMore`.
    pub(crate) page: Option<(std::ops::Range<usize>, bool)>,
    /// What a page of changes held.
    pub(crate) changes: Option<ChangedPage>,
}

/// A page of changes.
#[derive(Clone, Debug)]
pub(crate) struct ChangedPage {
    /// Its messages, among [`Facts::seen`].
    pub(crate) seen: std::ops::Range<usize>,
    pub(crate) has_more: bool,
    /// Up to where it is whole.
    pub(crate) rev: u64,
}

/// A message as somebody saw it, or as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Msg {
    pub(crate) id: Sym,
    pub(crate) room: Sym,
    pub(crate) from: Sym,
    pub(crate) to: Sym,
    pub(crate) body: Sym,
    pub(crate) client: Option<Sym>,
    pub(crate) seq: u64,
    pub(crate) status: Status,
    pub(crate) created: i64,
    pub(crate) sent: Option<i64>,
    pub(crate) read: Option<i64>,
    pub(crate) rev: Option<u64>,
    /// Whether what it said was removed; `body` is what it had been.
    pub(crate) redacted: bool,
}

/// How a message was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// `new-message`.
    New,
    /// In `missedMessages` of this login.
    Missed(usize),
    /// In the page that this operation got.
    Page(usize),
    /// `old-messages`.
    OldMessages,
    /// `message-status-changed` about this range of positions.
    Status(u64, u64),
    /// The answer to this `send-message`, and whether it says `duplicate`.
    Sent(usize, bool),
    /// The answer to this `message-read`.
    Read(usize),
    /// `message-changed`.
    Changed,
    /// In the page of changes that this operation got.
    Change(usize),
    /// `lastMessage` of a contact, asked for in this line.
    Last(usize),
}

/// A message that a connection received.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: At,
    pub(crate) conn: usize,
    pub(crate) how: How,
    pub(crate) msg: Msg,
}

/// A `user-details`.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) at: At,
    pub(crate) conn: usize,
    /// The `connect-user` before it.
    pub(crate) op: Option<usize>,
    pub(crate) contacts: Vec<KnownContact>,
}

/// A contact of a [`Login`].
#[derive(Clone, Debug)]
pub(crate) struct KnownContact {
    pub(crate) user: Sym,
    pub(crate) room: Sym,
    pub(crate) unread: Option<u64>,
    pub(crate) last: Option<(Sym, u64)>,
}

/// What a connection received about whether somebody is online.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) at: At,
    pub(crate) conn: usize,
    pub(crate) about: Sym,
    pub(crate) online: bool,
    /// When it was requested; what was announced in the meantime may be newer.
    pub(crate) asked: Option<At>,
    /// The chat room with them, if it was included.
    pub(crate) room: Option<Sym>,
}

/// Everything the checks look at.
pub(crate) struct Facts<'a> {
    pub(crate) history: &'a History,
    pub(crate) run: Run,
    pub(crate) names: Names,
    pub(crate) conns: Vec<Conn>,
    pub(crate) by_c: HashMap<u64, usize>,
    pub(crate) ops: Vec<Op>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) logins: Vec<Login>,
    pub(crate) announced: Vec<Told>,
    pub(crate) sends: Vec<Send>,
    pub(crate) send_of: HashMap<Key, usize>,
    /// The dump's messages, by chat room and position.
    pub(crate) stored: Vec<Stored>,
    pub(crate) stored_by_id: HashMap<Sym, usize>,
    pub(crate) rooms: Vec<Room>,
    pub(crate) room_by_id: HashMap<Sym, usize>,
    pub(crate) room_of: HashMap<(Sym, Sym), usize>,
    /// Whether the dump shows a user online.
    pub(crate) shown_online: HashMap<Sym, bool>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) phases: Vec<(At, Phase)>,
    /// The last moment.
    pub(crate) end: At,
    /// The history walks, by number.
    pub(crate) walks: Vec<Walk>,
    /// The complete walk of a user through a chat room in the final phase.
    pub(crate) final_walks: HashMap<(Sym, usize), usize>,
    /// Answers that nobody asked for.
    pub(crate) unasked: Vec<usize>,
    /// Lines of `error` envelopes.
    pub(crate) errors: Vec<usize>,
    /// When anybody first saw a message, by its id.
    pub(crate) first_seen: HashMap<Sym, usize>,
    /// Events that the application was given.
    pub(crate) heard: Vec<Heard>,
    /// What the application was asked about.
    pub(crate) asked: Vec<Asked>,
    /// Operations that were answered with `refused`, and when.
    pub(crate) refused: Vec<(usize, At)>,
    /// What messages said, by id.
    pub(crate) texts: HashMap<Sym, Sym>,
    /// What is in the final walk of a user: (user, message).
    pub(crate) walked: HashSet<(Sym, Sym)>,
}

impl<'a> Facts<'a> {
    /// Sorts a history and a dump. What cannot be understood is a violation:
    /// of I2 in an envelope, of I13 in an answer, of I4 in the dump.
    pub(super) fn gather(history: &'a History, dump: &'a Dump, report: &mut super::Report) -> Self {
        let mut facts = Self {
            history,
            run: history.run(),
            names: Names::default(),
            conns: Vec::new(),
            by_c: HashMap::new(),
            ops: Vec::new(),
            seen: Vec::new(),
            logins: Vec::new(),
            announced: Vec::new(),
            sends: Vec::new(),
            send_of: HashMap::new(),
            stored: Vec::new(),
            stored_by_id: HashMap::new(),
            rooms: Vec::new(),
            room_by_id: HashMap::new(),
            room_of: HashMap::new(),
            shown_online: HashMap::new(),
            faults: faults::gather(history),
            phases: Vec::new(),
            end: At::default(),
            walks: Vec::new(),
            final_walks: HashMap::new(),
            unasked: Vec::new(),
            errors: Vec::new(),
            first_seen: HashMap::new(),
            heard: Vec::new(),
            asked: Vec::new(),
            refused: Vec::new(),
            texts: HashMap::new(),
            walked: HashSet::new(),
        };
        facts.gather_lines(report);
        facts.restore_texts();
        facts.gather_rooms(dump, report);
        facts.gather_walks();
        for seen in &facts.seen {
            facts.first_seen.entry(seen.msg.id).or_insert(seen.at.line);
        }
        facts
    }

    /// Gives redacted messages the text that somebody was shown before, so that they are
    /// recognised; what is shown when, is judged by `redacted`.
    fn restore_texts(&mut self) {
        let created = |heard: &Heard| heard.created.clone();
        let heard: Vec<Msg> = self.heard.iter().filter_map(created).collect();
        let all = self.seen.iter().map(|seen| &seen.msg).chain(&heard);
        let whole = all.filter(|msg| !msg.redacted);
        self.texts = whole.map(|msg| (msg.id, msg.body)).collect();
        let seen = self.seen.iter_mut().map(|seen| &mut seen.msg);
        let heard = self.heard.iter_mut();
        let heard = heard.filter_map(|heard| heard.created.as_mut());
        for msg in seen.chain(heard).filter(|msg| msg.redacted) {
            msg.body = self.texts.get(&msg.id).copied().unwrap_or(msg.body);
        }
    }

    /// When a phase began.
    pub(crate) fn phase(&self, phase: Phase) -> Option<At> {
        let mut phases = self.phases.iter();
        phases.find(|(_, one)| *one == phase).map(|(at, _)| *at)
    }

    /// The chat room of two users.
    pub(crate) fn room_with(&self, one: Sym, other: Sym) -> Option<usize> {
        let pair = (one.min(other), one.max(other));
        self.room_of.get(&pair).copied()
    }
}
