//! Texts as numbers: ids and message texts occur many times in a history.

use std::collections::HashMap;
use std::rc::Rc;

/// A text that [`Names`] knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Sym(usize);

/// Every text that occurred, in the order of its first occurrence.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<Rc<str>, Sym>,
    texts: Vec<Rc<str>>,
}

impl Names {
    /// The number of a text.
    pub(crate) fn sym(&mut self, text: &str) -> Sym {
        if let Some(sym) = self.numbers.get(text) {
            return *sym;
        }
        let (sym, text): (Sym, Rc<str>) = (Sym(self.texts.len()), text.into());
        self.texts.push(Rc::clone(&text));
        self.numbers.insert(text, sym);
        sym
    }

    /// The number of a text that occurred.
    pub(crate) fn find(&self, text: &str) -> Option<Sym> {
        self.numbers.get(text).copied()
    }

    /// The text of a number.
    pub(crate) fn text(&self, sym: Sym) -> &str {
        &self.texts[sym.0]
    }
}
