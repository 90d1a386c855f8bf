//! I9: what was seen stays, and the pages of a walk join.

use std::collections::HashSet;

use super::facts::{Facts, Walk};
use super::{Invariant, Report};
use crate::history::Phase;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    for walk in &facts.walks {
        joins(facts, walk, report);
    }
    complete(facts, report);
    stays(facts, report);
}

/// Each page continues where the one before it ended.
fn joins(facts: &Facts<'_>, walk: &Walk, report: &mut Report) {
    for pair in walk.pages.windows(2) {
        let (newer, older) = (&facts.ops[pair[0]], &facts.ops[pair[1]]);
        let pages = newer.page.as_ref().zip(older.page.as_ref());
        let Some(((newer_shown, more), (older_shown, _))) = pages else {
            continue;
        };
        let first = |range: &std::ops::Range<usize>| {
            let shown = &facts.seen[range.clone()];
            (
                shown.first().map(|s| s.msg.seq),
                shown.last().map(|s| s.msg.seq),
            )
        };
        let ((begin, _), (_, end)) = (first(newer_shown), first(older_shown));
        let room = facts.room_with(walk.user, walk.with);
        let is_hidden = |from: u64, to: u64| {
            let is_hidden = |room| facts.is_hidden(room, walk.user, from, to);
            from > to || room.is_some_and(is_hidden)
        };
        let fits = match (begin, end) {
            (Some(begin), Some(end)) => end < begin && is_hidden(end + 1, begin - 1),
            (Some(begin), None) => is_hidden(1, begin - 1),
            (None, end) => end.is_none(),
        };
        if !fits || (!more && end.is_some()) {
            let answers = [newer, older].map(|op| op.answer.map_or(0, |(at, _)| at.line));
            report.add(Invariant::I9, &answers, || {
                let (user, with) = (facts.user(walk.user), facts.user(walk.with));
                format!(
                    "{user} went back through the history with {with}: a page begins with {begin:?}, the next ends with {end:?}"
                )
            });
        }
    }
}

/// Everybody who was there went through each chat room in the final phase.
fn complete(facts: &Facts<'_>, report: &mut Report) {
    if facts.phase(Phase::Final).is_none() {
        report.add(Invariant::I9, &[facts.end.line], || {
            "the history has no final phase".to_owned()
        });
        return;
    }
    let present: HashSet<_> = facts.conns.iter().map(|conn| conn.user).collect();
    for (index, room) in facts.rooms.iter().enumerate() {
        for user in room.users.into_iter().filter(|user| present.contains(user)) {
            if !facts.final_walks.contains_key(&(user, index)) {
                report.add(Invariant::I9, &[], || {
                    let (user, other) = (facts.user(user), facts.user(room.other(user)));
                    format!("{user} did not read the whole history with {other} at the end")
                });
            }
        }
    }
}

/// What a person saw is in the history that they read at the end.
fn stays(facts: &Facts<'_>, report: &mut Report) {
    let mut announced = HashSet::new();
    for seen in &facts.seen {
        let user = facts.conns[seen.conn].user;
        if facts.walked.contains(&(user, seen.msg.id)) {
            continue;
        }
        let room = facts.room_by_id.get(&seen.msg.room);
        let walk = room.and_then(|room| facts.final_walk(user, *room));
        let gone = match (room, walk) {
            // seen in a chat room that is none
            (None, _) => true,
            (Some(_), Some(walk)) => walk > seen.at,
            (Some(_), None) => false,
        };
        if gone && announced.insert((user, seen.msg.id)) {
            let walk = walk.map_or(0, |at| at.line);
            report.add(Invariant::I9, &[seen.at.line, walk], || {
                let (message, user) = (facts.message(&seen.msg), facts.user(user));
                format!("{message} was seen and is gone from the history of {user}")
            });
        }
    }
}
