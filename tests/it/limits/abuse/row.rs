//! One row of `fixtures/abuse.jsonl`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::support::frame::{Eio, Transport, WIRES};

/// What somebody does, and what has to come of it. Without an expectation a row
/// is no row.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) id: String,
    /// What kind of abuse it is.
    pub(super) class: String,
    /// Over which transports; all of them when it is not said.
    #[serde(default)]
    wires: Vec<String>,
    /// Whether `alice` has logged in before.
    #[serde(default = "yes")]
    pub(super) login: bool,
    /// An Engine.IO packet.
    pub(super) frame: Option<String>,
    /// How often the packet is sent, to a server whose limits are on.
    pub(super) times: Option<usize>,
    /// Bytes that follow the upgrade to a websocket, in hex.
    pub(super) bytes: Option<String>,
    /// How a session is opened.
    pub(super) handshake: Option<Handshake>,
    /// A request.
    pub(super) http: Option<Http>,
    /// A POST to a polled session of its own.
    pub(super) post: Option<Post>,
    /// A code, `ok`, an HTTP status, or `none` when nothing is said.
    pub(super) expect: String,
    pub(super) socket: Fate,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Handshake {
    pub(super) headers: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Http {
    pub(super) method: String,
    pub(super) target: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Post {
    /// The revision of Engine.IO; both when it is not said.
    eio: Option<u8>,
    pub(super) body: String,
    /// How many bytes each chunk has; without it the body has a length.
    pub(super) chunk: Option<usize>,
    /// How many bytes of the body never come.
    #[serde(default)]
    pub(super) withheld: usize,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Fate {
    Kept,
    Closed,
}

fn yes() -> bool {
    true
}

impl Row {
    /// Whether it is played over this wire.
    pub(super) fn is_over(&self, (eio, transport): (Eio, Transport)) -> bool {
        let name = match transport {
            Transport::Websocket => "websocket",
            Transport::Polling => "polling",
        };
        let revision = if eio == Eio::V4 { 4 } else { 3 };
        let only = self.post.as_ref().and_then(|post| post.eio);
        only.is_none_or(|only| only == revision)
            && (self.wires.is_empty() || self.wires.iter().any(|wire| wire == name))
    }

    /// That it does exactly one thing, over at least one wire.
    pub(super) fn assert_sensible(&self) {
        let deeds = [
            self.frame.is_some(),
            self.bytes.is_some(),
            self.handshake.is_some(),
            self.http.is_some(),
            self.post.is_some(),
        ];
        let deeds = deeds.iter().filter(|done| **done).count();
        assert_eq!(deeds, 1, "{}", self.id);
        assert!(
            WIRES.iter().any(|wire| self.is_over(*wire)),
            "{}: no wire",
            self.id
        );
        assert!(self.times.is_none() || self.frame.is_some(), "{}", self.id);
        assert!(!self.expect.is_empty(), "{}: expects nothing", self.id);
    }
}

/// Puts in what a text names: `<alice>`, `<repeat 3 x>` and `<keys 2>`.
pub(super) fn filled(text: &str, names: &BTreeMap<&str, String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('<') {
        let (name, after) = tail.split_once('>').expect("a name ends with >");
        filled += before;
        rest = after;
        let mut words = name.splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("repeat"), Some(count), Some(what)) => {
                filled += &what.repeat(count.parse().expect("a number"));
            }
            (Some("keys"), Some(count), None) => {
                let count: usize = count.parse().expect("a number");
                let keys: Vec<_> = (0..count).map(|n| format!("\"k{n}\":{n}")).collect();
                filled += &keys.join(",");
            }
            _ => filled += names.get(name).unwrap_or_else(|| panic!("what is {name}?")),
        }
    }
    filled + rest
}
