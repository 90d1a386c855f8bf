//! I12: nobody receives anything about a chat room they are not in: no text, no message,
//! no presence; nor anything that is withheld from them.
//!
//! Message texts of the workload are `<from> > <to> # <n>`, so every byte that a server
//! sent shows who may see it.

use super::facts::{Facts, Sym};
use super::{Invariant, Report};
use crate::history::{Event, Outcome};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    texts(facts, report);
    for seen in &facts.seen {
        let (user, msg) = (facts.conns[seen.conn].user, &seen.msg);
        let withheld = msg.from != user && facts.is_withheld(msg.id);
        if withheld || (msg.from != user && msg.to != user) {
            report.add(Invariant::I12, &[seen.at.line], || {
                format!("{} was shown {}", facts.conn(seen.conn), facts.message(msg))
            });
        }
    }
    for announced in &facts.announced {
        let user = facts.conns[announced.conn].user;
        let is_contact = facts.room_with(user, announced.about).is_some();
        let is_theirs = |room: Sym| {
            let room = facts.room_by_id.get(&room);
            room.is_none_or(|room| facts.rooms[*room].has(user))
        };
        if !is_contact || !announced.room.is_none_or(is_theirs) {
            report.add(Invariant::I12, &[announced.at.line], || {
                let (conn, about) = (facts.conn(announced.conn), facts.user(announced.about));
                format!("{conn} was told of {about}, a stranger, or of a strange chat room")
            });
        }
    }
}

fn texts(facts: &Facts<'_>, report: &mut Report) {
    for (number, line) in (1..).zip(&facts.history.lines) {
        let (c, text) = match &line.event {
            Event::Answer { c, outcome, .. } => match outcome {
                Outcome::Ok(text) | Outcome::Error(text) => (c, text.get()),
            },
            Event::Envelope { c, data, .. } => (c, data.get()),
            _ => continue,
        };
        let Some(conn) = facts.by_c.get(c) else {
            continue;
        };
        let user = facts.user(facts.conns[*conn].user);
        let foreign = people(text).find(|(from, to)| *from != user && *to != user);
        if let Some((from, to)) = foreign {
            report.add(Invariant::I12, &[number], || {
                format!("{} was sent a text of {from} to {to}", facts.conn(*conn))
            });
        }
    }
}

/// The pairs of ids in `<from> > <to> # `, wherever they stand.
fn people(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.match_indices(" > ").filter_map(move |(place, arrow)| {
        let (before, after) = (&text[..place], &text[place + arrow.len()..]);
        let length = before.bytes().rev().take_while(|b| is_id(*b)).count();
        let from = &before[before.len() - length..];
        let to = &after[..after.bytes().take_while(|b| is_id(*b)).count()];
        let is_tag = after[to.len()..].starts_with(" # ") && !from.is_empty() && !to.is_empty();
        is_tag.then_some((from, to))
    })
}
