//! I9: a page is a whole block of the history, where it was asked for, and as
//! new as what anybody had seen before it was asked for.

use std::collections::HashMap;
use std::ops::Range;

use super::facts::{Facts, Op, PageRequest, Request, Sym};
use super::{Invariant, Report};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    // the highest position that anybody had seen, by chat room and who may see it
    let mut known: HashMap<(Sym, Sym), (u64, usize)> = HashMap::new();
    let mut seen = facts.seen.iter().peekable();
    for op in &facts.ops {
        while let Some(one) = seen.next_if(|seen| seen.at < op.invoke) {
            // a position that is not the stored one is a matter of I4
            if let Some(stored) = facts.stored_by_id.get(&one.msg.id) {
                let stored = &facts.stored[*stored];
                let msg = &stored.msg;
                let people = [msg.from, msg.to].into_iter();
                for user in people.filter(|user| stored.is_for(*user)) {
                    let highest = known.entry((msg.room, user)).or_default();
                    if msg.seq > highest.0 {
                        *highest = (msg.seq, one.at.line);
                    }
                }
            }
        }
        let (Request::Page(request), Some((shown, has_more))) = (&op.request, &op.page) else {
            continue;
        };
        let user = facts.conns[op.conn].user;
        let room = facts.room_with(user, request.with);
        let known = room.and_then(|room| known.get(&(facts.rooms[room].id, user)));
        let known = known.copied();
        let answer = op.answer.map_or(0, |(at, _)| at.line);
        let (known, known_line) = known.unwrap_or_default();
        let page = Page {
            facts,
            user,
            room,
            request,
            shown: shown.clone(),
            has_more: *has_more,
            known,
        };
        if let Some(what) = page.fault() {
            let lines = [known_line, op.invoke.line, answer];
            report.add(Invariant::I9, &lines, || describe(facts, op, &what));
        }
    }
}

fn describe(facts: &Facts<'_>, op: &Op, what: &str) -> String {
    format!("a page of {} {what}", facts.conn(op.conn))
}

struct Page<'a> {
    facts: &'a Facts<'a>,
    user: Sym,
    room: Option<usize>,
    request: &'a PageRequest,
    shown: Range<usize>,
    has_more: bool,
    /// The highest position that anybody had seen.
    known: u64,
}

impl Page<'_> {
    /// What is wrong with it.
    fn fault(&self) -> Option<String> {
        let shown = &self.facts.seen[self.shown.clone()];
        for pair in shown.windows(2) {
            let (one, next) = (pair[0].msg.seq, pair[1].msg.seq);
            if next <= one || !self.is_hidden(one + 1, next - 1) {
                return Some(format!("goes on with number {next} after {one}"));
            }
        }
        let before = self.request.before.unwrap_or(u64::MAX);
        let ends = shown.first().zip(shown.last());
        let Some((first, last)) = ends.map(|(first, last)| (first.msg.seq, last.msg.seq)) else {
            return self.fault_of_empty(before);
        };
        if last >= before {
            return Some(format!("before number {before} shows number {last}"));
        }
        let newest = self.known.min(before - 1);
        if self.request.is_ascending() {
            let begin = self.request.after.map(|after| after + 1);
            let is_other = |begin: &u64| *begin > first || !self.is_hidden(*begin, first - 1);
            if let Some(begin) = begin.filter(|begin| !self.request.dated && is_other(begin)) {
                return Some(format!("begins with number {first}, not {begin}"));
            }
            if !self.has_more && !self.is_hidden(last + 1, newest) {
                return Some(format!("ends with number {last}, and {newest} was known"));
            }
            return None;
        }
        if !self.is_hidden(last + 1, newest) {
            return Some(format!("ends with number {last}, and {newest} was known"));
        }
        if self.has_more == self.is_hidden(1, first - 1) {
            let more = self.has_more;
            return Some(format!(
                "begins with number {first} and says hasMore: {more}"
            ));
        }
        None
    }

    /// Whether nothing at these positions is ever shown to the one who asks.
    fn is_hidden(&self, from: u64, to: u64) -> bool {
        let is_hidden = |room| self.facts.is_hidden(room, self.user, from, to);
        from > to || self.room.is_some_and(is_hidden)
    }

    fn fault_of_empty(&self, before: u64) -> Option<String> {
        if self.has_more {
            return Some("is empty and says hasMore: true".to_owned());
        }
        let after = self.request.after.unwrap_or(0);
        let newest = self.known.min(before - before.min(1));
        // whether a date is beyond everything, the checker does not know
        if !self.request.dated && !self.is_hidden(after + 1, newest) {
            return Some(format!("is empty, and number {newest} was known"));
        }
        None
    }
}
