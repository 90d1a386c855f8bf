//! History walks: pages fetched one after another, newest first.

use std::collections::HashMap;

use super::{At, Facts, Request, Sym};
use crate::history::Phase;

/// A walk.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    pub(crate) user: Sym,
    pub(crate) with: Sym,
    /// Its operations that were answered with a page, in the order they were
    /// invoked; a page that failed is asked for again.
    pub(crate) pages: Vec<usize>,
}

impl Facts<'_> {
    pub(super) fn gather_walks(&mut self) {
        let mut known: HashMap<u64, usize> = HashMap::new();
        for (index, op) in self.ops.iter().enumerate() {
            let Request::Page(page) = &op.request else {
                continue;
            };
            let (Some(number), Some(_)) = (page.walk, &op.page) else {
                continue;
            };
            let walk = *known.entry(number).or_insert(self.walks.len());
            if walk == self.walks.len() {
                self.walks.push(Walk {
                    user: self.conns[op.conn].user,
                    with: page.with,
                    pages: Vec::new(),
                });
            }
            self.walks[walk].pages.push(index);
        }
        let Some(last_phase) = self.phase(Phase::Final) else {
            return;
        };
        for (index, walk) in self.walks.iter().enumerate() {
            let room = self.room_with(walk.user, walk.with);
            let begins = walk.pages.first().map(|op| self.ops[*op].invoke);
            let is_final = begins.is_some_and(|at| at.line > last_phase.line);
            if let (Some(room), true) = (room, is_final && self.is_complete(walk)) {
                self.final_walks.entry((walk.user, room)).or_insert(index);
            }
        }
        let mut walked = std::mem::take(&mut self.walked);
        for ((user, _), walk) in &self.final_walks {
            let shown = self.shown(&self.walks[*walk]);
            walked.extend(shown.map(|seen| (*user, self.seen[seen].msg.id)));
        }
        self.walked = walked;
    }

    /// When the final walk of a user through a chat room began.
    pub(crate) fn final_walk(&self, user: Sym, room: usize) -> Option<At> {
        let walk = &self.walks[*self.final_walks.get(&(user, room))?];
        walk.pages.first().map(|op| self.ops[*op].invoke)
    }

    /// Whether a walk went from the newest page down to where nothing is left.
    fn is_complete(&self, walk: &Walk) -> bool {
        let newest = walk.pages.first().map(|op| &self.ops[*op].request);
        let starts = matches!(newest, Some(Request::Page(page)) if page.is_newest());
        let oldest = walk.pages.last().map(|op| &self.ops[*op].page);
        starts && matches!(oldest, Some(Some((_, false))))
    }

    /// What a walk showed, ascending: places among [`Facts::seen`].
    pub(crate) fn shown(&self, walk: &Walk) -> impl Iterator<Item = usize> {
        let pages = walk.pages.iter().rev();
        pages
            .filter_map(|op| self.ops[*op].page.clone())
            .flat_map(|(seen, _)| seen)
    }
}
