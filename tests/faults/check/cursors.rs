//! I17: how far messages got follows from cursors that only grow, and everybody sees
//! the same history of their moves.
//!
//! *In the dump*: the counts of each message are what a recount says, a cursor stands
//! at a position that there is and no lower than anybody was shown, and the count of a
//! read one belongs to its position. *On the wire*: each move of a cursor is announced
//! as one range; on one connection the ranges of a kind come ascending and never again,
//! and for nobody two of them with different times overlap. A page shows one state of
//! the cursors: nothing unread below what is read. What is withheld is in no range of
//! `read`, and nowhere `read`.
//!
//! That `read` comes only from a receipt, and that no status goes back, is judged as I8;
//! what the counts of logins say, as I10.

use std::collections::{BTreeMap, HashMap};

use super::facts::{Facts, How, Msg, Room, Seen, Sym};
use super::{Invariant, Report};
use crate::history::Status;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    counts(facts, report);
    dump(facts, report);
    ranges(facts, report);
    pages(facts, report);
    withheld(facts, report);
}

fn counts(facts: &Facts<'_>, report: &mut Report) {
    for stored in &facts.stored {
        if stored.counts != stored.recount {
            report.add(Invariant::I17, &[], || {
                let message = facts.message(&stored.msg);
                let (noted, counted) = (stored.counts, stored.recount);
                format!("{message} has the counts {noted:?}, and there are {counted:?}")
            });
        }
    }
}

/// A position that was shown, and the line.
type Shown = (u64, usize);

/// The furthest of them, by chat room and member.
type Furthest = HashMap<(usize, Sym), Shown>;

fn dump(facts: &Facts<'_>, report: &mut Report) {
    let (sent, read) = shown(facts);
    for (index, room) in facts.rooms.iter().enumerate() {
        for (place, user) in room.users.into_iter().enumerate() {
            let member = Member {
                facts,
                index,
                place,
                user,
            };
            member.stands(room, report);
            let key = (index, user);
            if let Some(shown) = read.get(&key).copied() {
                let stands = room.cursors[place].read;
                member.not_below("read", stands, shown, report);
            }
            if let Some(shown) = sent.get(&key).copied() {
                let stands = room.cursors[place].sent.max(room.cursors[place].read);
                member.not_below("sent", stands, shown, report);
            }
        }
    }
}

/// How far each member was shown to have been sent messages, later than at birth, and to
/// have read, with the first line that says so.
fn shown(facts: &Facts<'_>) -> (Furthest, Furthest) {
    let (mut sent, mut read) = (Furthest::new(), Furthest::new());
    for seen in &facts.seen {
        let Some(stored) = facts.stored_by_id.get(&seen.msg.id) else {
            continue;
        };
        let stored = &facts.stored[*stored];
        let known = match seen.msg.status {
            Status::Read => &mut read,
            Status::Sent if stored.msg.sent.is_none() => &mut sent,
            Status::Sent | Status::NotSent => continue,
        };
        let key = (stored.room, stored.msg.to);
        let furthest = known.entry(key).or_default();
        if !stored.withheld && stored.msg.seq > furthest.0 {
            *furthest = (stored.msg.seq, seen.at.line);
        }
    }
    (sent, read)
}

/// A member of a chat room, by its number.
struct Member<'a> {
    facts: &'a Facts<'a>,
    index: usize,
    place: usize,
    user: Sym,
}

impl Member<'_> {
    fn stands(&self, room: &Room, report: &mut Report) {
        let (facts, cursors) = (self.facts, room.cursors[self.place]);
        let last = facts.messages(self.index).last();
        let last = last.map_or(0, |last| last.msg.seq);
        let named = [
            ("delivered", cursors.delivered),
            ("sent", cursors.sent),
            ("read", cursors.read),
        ];
        for (name, stands) in named.into_iter().filter(|(_, stands)| *stands > last) {
            report.add(Invariant::I17, &[], || {
                let cursor = self.name(name);
                format!("{cursor} stands at {stands}, and {last} is the last message")
            });
        }
        let other = room.other(self.user);
        let counted = facts.sent_up_to(self.index, other, cursors.read);
        if cursors.read_count != counted {
            report.add(Invariant::I17, &[], || {
                let (cursor, noted, stands) = (self.name("read"), cursors.read_count, cursors.read);
                format!("{cursor} stands at {stands} and counts {noted} messages, not {counted}")
            });
        }
    }

    fn not_below(&self, name: &str, stands: u64, (shown, line): Shown, report: &mut Report) {
        if stands < shown {
            report.add(Invariant::I17, &[line], || {
                let cursor = self.name(name);
                format!("{cursor} stands at {stands}, and was shown at {shown}")
            });
        }
    }

    fn name(&self, name: &str) -> String {
        let (user, room) = (self.facts.user(self.user), self.facts.room(self.index));
        format!("the {name} cursor of {user} in chat room {room}")
    }
}

/// An announced move of a cursor.
#[derive(Clone, Copy)]
struct Range {
    from: u64,
    to: u64,
    at: Option<i64>,
    line: usize,
}

impl Range {
    fn of(seen: &Seen) -> Option<Self> {
        let How::Status(from, to) = seen.how else {
            return None;
        };
        let at = match seen.msg.status {
            Status::NotSent => return None,
            Status::Sent => seen.msg.sent,
            Status::Read => seen.msg.read,
        };
        let line = seen.at.line;
        Some(Self { from, to, at, line })
    }
}

/// Whose cursor of which kind: (chat room, member, whether it is the read one).
type CursorKey = (Sym, Sym, bool);

fn ranges(facts: &Facts<'_>, report: &mut Report) {
    // moves that were made through different servers may be heard in another order
    let first = facts.conns.first().map(|conn| conn.server);
    let across = facts.conns.iter().any(|conn| Some(conn.server) != first);
    let mut heard: HashMap<(usize, CursorKey), BTreeMap<u64, Range>> = HashMap::new();
    let mut all: HashMap<CursorKey, BTreeMap<u64, Range>> = HashMap::new();
    for seen in &facts.seen {
        let Some(range) = Range::of(seen) else {
            continue;
        };
        let msg = &seen.msg;
        let key = (msg.room, msg.to, msg.status == Status::Read);
        let before = heard.entry((seen.conn, key)).or_default();
        let below = if across { range.to } else { u64::MAX };
        let nearest = before.range(..=below).next_back().map(|(_, one)| *one);
        if let Some(before) = nearest.filter(|before| before.to >= range.from) {
            let lines = [before.line, range.line];
            report.add(Invariant::I17, &lines, || {
                let conn = facts.conn(seen.conn);
                let [one, other] = [before, range].map(|range| (range.from, range.to));
                format!("{conn} was told of a move of {one:?}, then of {other:?}")
            });
        }
        before.insert(range.from, range);
        if key.2 {
            let known = all.entry(key).or_default();
            agree(facts, known, range, msg, report);
        }
    }
}

/// Moves of one read cursor: what two of them cover was read at one time.
fn agree(
    facts: &Facts<'_>,
    known: &mut BTreeMap<u64, Range>,
    range: Range,
    msg: &Msg,
    report: &mut Report,
) {
    // disjoint except for what is reported here: the one that begins last is the nearest
    let overlaps = |(_, one): &(&u64, &Range)| one.to >= range.from;
    let before = known.range(..=range.to).next_back().filter(overlaps);
    match before.map(|(_, one)| *one) {
        Some(one) if one.at != range.at => {
            report.add(Invariant::I17, &[one.line, range.line], || {
                let (user, other) = (facts.user(msg.to), facts.user(msg.from));
                format!(
                    "{user} read {} to {} of {other} at {:?}, and {} to {} at {:?}",
                    one.from, one.to, one.at, range.from, range.to, range.at
                )
            });
        }
        Some(_) => {}
        None => {
            known.insert(range.from, range);
        }
    }
}

/// What a page shows of one person's messages was read up to one position.
fn pages(facts: &Facts<'_>, report: &mut Report) {
    for op in &facts.ops {
        let Some((shown, _)) = &op.page else {
            continue;
        };
        let mut unread: HashMap<Sym, &Seen> = HashMap::new();
        for seen in &facts.seen[shown.clone()] {
            let msg = &seen.msg;
            if facts.is_withheld(msg.id) {
                continue;
            }
            match (msg.status, unread.get(&msg.from)) {
                (Status::Read, Some(below)) => {
                    report.add(Invariant::I17, &[seen.at.line], || {
                        let (below, message) = (facts.message(&below.msg), facts.message(msg));
                        format!("a page shows {message} as read, and {below} before it as not")
                    });
                    break;
                }
                (Status::Read, None) | (_, Some(_)) => {}
                (_, None) => {
                    unread.insert(msg.from, seen);
                }
            }
        }
    }
}

/// A withheld message is never read, and no receipt covers it.
fn withheld(facts: &Facts<'_>, report: &mut Report) {
    for seen in facts
        .seen
        .iter()
        .filter(|seen| seen.msg.status == Status::Read)
    {
        let msg = &seen.msg;
        let room = facts.room_by_id.get(&msg.room);
        let (from, to) = match seen.how {
            How::Status(from, to) => (from, to),
            _ => (msg.seq, msg.seq),
        };
        let covered = room.map(|room| facts.between(*room, from, to));
        let mut covered = covered.into_iter().flatten();
        let turned = covered.find(|stored| stored.withheld && stored.msg.from == msg.from);
        if let Some(turned) = turned {
            report.add(Invariant::I17, &[seen.at.line], || {
                let (conn, message) = (facts.conn(seen.conn), facts.message(&turned.msg));
                format!("{conn} was told that {message}, which is withheld, was read")
            });
        }
    }
}
