//! The wire protocol of `MongoDB`, as far as it takes to lose chosen replies.
//!
//! A message is `length, requestID, responseTo, opcode` (each a little-endian `i32`), then for
//! `OP_MSG` (2013): `flagBits: u32`, and sections. The driver writes the command's document (kind 0)
//! first, whose first key is the command's name. Compressed messages (2012) and legacy ones have no
//! name and always pass; the driver negotiates no compression unless its connection string asks.
//! Source: "MongoDB Wire Protocol" in the manual of `MongoDB` 6.0.

use std::collections::VecDeque;
use std::time::Duration;

use super::fault::LostReplies;
use super::link::Link;

const HEADER: usize = 16;
const OP_MSG: i32 = 2013;
/// Where the first key of an `OP_MSG`'s document begins: header, flags, kind, length, type.
const NAME: usize = HEADER + 4 + 1 + 4 + 1;
/// Bytes of a request that are looked at; no command's name is as long as that leaves.
const LOOKED_AT: usize = 96;
/// Requests remembered per connection; a driver has one on its way.
const REMEMBERED: usize = 64;

/// The part of a message that is still to come.
enum Rest {
    /// Collecting the beginning of a message.
    Beginning(Vec<u8>),
    /// So many bytes pass.
    Passing(usize),
    /// So many bytes are lost, as part of a lost reply.
    Losing(usize),
    /// This is not the protocol of `MongoDB`; everything passes.
    Opaque,
}

/// Both directions of a connection to a `mongod`.
pub(super) struct Tap {
    requests: Rest,
    replies: Rest,
    /// Ids and commands of requests without a reply yet.
    open: VecDeque<(i32, String)>,
}

/// What becomes of bytes from the target.
pub(super) struct Verdict {
    /// What is passed on.
    pub(super) pass: Vec<u8>,
    /// A reply was swallowed whole: when to reset the connection, and nothing passes any more.
    pub(super) lost: Option<Duration>,
}

impl Tap {
    pub(super) fn new() -> Self {
        Self {
            requests: Rest::Beginning(Vec::new()),
            replies: Rest::Beginning(Vec::new()),
            open: VecDeque::new(),
        }
    }

    /// Reads what a client sends.
    pub(super) fn requests(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.requests {
                Rest::Opaque => return,
                Rest::Passing(left) | Rest::Losing(left) => {
                    skip(&mut bytes, left);
                    if *left == 0 {
                        self.requests = Rest::Beginning(Vec::new());
                    }
                }
                Rest::Beginning(seen) => {
                    let Some(length) = collect(&mut bytes, seen, LOOKED_AT) else {
                        continue;
                    };
                    if let Some(name) = command(seen) {
                        if self.open.len() == REMEMBERED {
                            self.open.pop_front();
                        }
                        self.open.push_back((number(seen, 4), name.to_owned()));
                    }
                    let seen = seen.len();
                    self.requests = after(length, seen, Rest::Passing);
                }
            }
        }
    }

    /// Sorts what the target answers; `link` knows which replies are to be lost.
    pub(super) fn replies(&mut self, mut bytes: &[u8], link: &Link) -> Verdict {
        let mut pass = Vec::with_capacity(bytes.len() + HEADER);
        while !bytes.is_empty() {
            match &mut self.replies {
                Rest::Opaque => {
                    pass.extend_from_slice(bytes);
                    break;
                }
                Rest::Passing(left) => {
                    pass.extend_from_slice(skip(&mut bytes, left));
                    if *left == 0 {
                        self.replies = Rest::Beginning(Vec::new());
                    }
                }
                Rest::Losing(left) => {
                    skip(&mut bytes, left);
                    if *left == 0 {
                        let lost = Some(link.lost_a_reply());
                        return Verdict { pass, lost };
                    }
                }
                Rest::Beginning(seen) => {
                    let Some(length) = collect(&mut bytes, seen, HEADER) else {
                        continue;
                    };
                    let answered = number(seen, 8);
                    let open = self.open.iter().position(|(id, _)| *id == answered);
                    let name = open.and_then(|open| self.open.remove(open));
                    let name = name.as_ref().map_or("", |(_, name)| name);
                    if length > HEADER && link.claims_reply_to(name) {
                        self.replies = Rest::Losing(length - HEADER);
                    } else {
                        pass.extend_from_slice(seen);
                        self.replies = after(length, HEADER, Rest::Passing);
                    }
                }
            }
        }
        Verdict { pass, lost: None }
    }
}

/// Moves up to `left` bytes off the front and returns them.
fn skip<'a>(bytes: &mut &'a [u8], left: &mut usize) -> &'a [u8] {
    let (skipped, rest) = bytes.split_at(bytes.len().min(*left));
    *left -= skipped.len();
    *bytes = rest;
    skipped
}

/// Collects the beginning of a message, of at most `wanted` bytes; returns the whole one's length
/// once the beginning is there.
fn collect(bytes: &mut &[u8], seen: &mut Vec<u8>, wanted: usize) -> Option<usize> {
    let mut missing = HEADER.saturating_sub(seen.len());
    seen.extend_from_slice(skip(bytes, &mut missing));
    if missing > 0 {
        return None;
    }
    let length = usize::try_from(number(seen, 0)).unwrap_or_default();
    let mut missing = wanted.min(length).saturating_sub(seen.len());
    seen.extend_from_slice(skip(bytes, &mut missing));
    (missing == 0).then_some(length)
}

/// The state after the first `seen` bytes of a message of `length`.
fn after(length: usize, seen: usize, rest: fn(usize) -> Rest) -> Rest {
    match length {
        ..HEADER => Rest::Opaque,
        _ if length == seen => Rest::Beginning(Vec::new()),
        _ => rest(length - seen),
    }
}

fn number(bytes: &[u8], at: usize) -> i32 {
    let number = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    number.map_or(0, i32::from_le_bytes)
}

/// The name of the command that a message begins with.
fn command(message: &[u8]) -> Option<&str> {
    if number(message, 12) != OP_MSG || message.get(HEADER + 4) != Some(&0) {
        return None;
    }
    let name = message.get(NAME..)?.split(|byte| *byte == 0).next()?;
    std::str::from_utf8(name).ok()
}

impl LostReplies {
    /// Whether the reply to this command is lost; counts it if so.
    pub(super) fn claims(&mut self, name: &str) -> bool {
        let matches = self.commands.is_empty() || self.commands.contains(&name);
        if !matches || self.times == 0 {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.times -= 1;
        true
    }
}
