//! I7: a person who is connected receives a message at once, on every connection.
//!
//! A connection that had logged in before a message was sent, at whichever server, and that
//! stays for the deadline after the acknowledgement, must have received it by then; receiver
//! and sender alike. Without this, a message that a server swallows would be
//! detected only if it is not missed later either.

use std::collections::HashMap;

use super::facts::{At, Conn, Facts, How, NEVER, Seen, Send, Sym, extended};
use super::{Invariant, Report};
use crate::history::Close;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let is_new = |seen: &&Seen| seen.how == How::New;
    // the first time that a connection received a message
    let mut heard: HashMap<(usize, Sym), u64> = HashMap::new();
    for seen in facts.seen.iter().filter(is_new) {
        heard.entry((seen.conn, seen.msg.id)).or_insert(seen.at.t);
    }
    let mut conns: HashMap<Sym, Vec<usize>> = HashMap::new();
    for (index, conn) in facts.conns.iter().enumerate() {
        conns.entry(conn.user).or_default().push(index);
    }
    for send in &facts.sends {
        let Some((ok, server)) = announced(facts, send) else {
            continue;
        };
        let withheld = facts.is_withheld(ok.msg.id);
        let people = [send.from, send.to].into_iter();
        for user in people.filter(|user| !withheld || *user == send.from) {
            for index in conns.get(&user).into_iter().flatten() {
                let conn = &facts.conns[*index];
                let ready = conn.details.is_some_and(|at| at < send.first);
                let bound = bound(facts, conn, server, ok.at);
                let heard = heard.get(&(*index, ok.msg.id));
                if !ready || heard.is_some_and(|at| *at <= bound) {
                    continue;
                }
                if stays(facts, conn, server, ok.at) {
                    report.add(Invariant::I7, &[ok.at.line], || {
                        let message = facts.message(&ok.msg);
                        let conn = facts.conn(*index);
                        match heard {
                            Some(at) => format!("{conn} heard {message} late, at {at} µs"),
                            None => format!("{conn} was there and never heard {message}"),
                        }
                    });
                }
            }
        }
    }
}

/// The answer with which a message became known, and the server all of it happened at. A
/// `duplicate` was announced when it was stored, whenever that was.
fn announced<'a>(facts: &'a Facts<'_>, send: &Send) -> Option<(&'a Seen, u64)> {
    let ok = &facts.seen[*send.oks.first()?];
    let server = facts.conns[ok.conn].server;
    let here = |op: &usize| facts.conns[facts.ops[*op].conn].server == server;
    let first = matches!(ok.how, How::Sent(_, false));
    (first && send.tries.iter().all(here)).then_some((ok, server))
}

/// Whether a connection lives long enough after a moment to have received what was done
/// then through a server; what comes from another one than its own comes through the
/// database.
pub(super) fn stays(facts: &Facts<'_>, conn: &Conn, server: u64, from: At) -> bool {
    let bound = bound(facts, conn, server, from);
    let unnoticed = (facts.run.silent_ms + facts.run.slack_ms) * 1000;
    let until = match conn.close {
        None => facts.end.t,
        // whoever ended it may have done so before it was seen here
        Some((at, Close::Lost)) => at.t.saturating_sub(unnoticed),
        Some((at, _)) => at.t,
    };
    bound < until && bound != NEVER
}

/// When a connection must have received what was done at a moment.
pub(super) fn bound(facts: &Facts<'_>, conn: &Conn, server: u64, from: At) -> u64 {
    let wait = (facts.run.deadline_ms + facts.run.slack_ms) * 1000;
    let faults = facts.faults.iter().filter(|fault| {
        let across = fault.hits(conn) || fault.hits_server(server);
        fault.stops_answers(conn) || (conn.server != server && across)
    });
    extended(from.t, wait, faults)
}
