//! What the application was given and asked.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{At, Facts, Msg, Sym};
use crate::check::{Invariant, Report};
use crate::history::{self, Message, UserId, Verdict};

/// An event that a consumer was given.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) at: At,
    /// The consumer: `pull` or `push`.
    pub(crate) by: Box<str>,
    /// Whether it took it; else it comes again.
    pub(crate) taken: bool,
    pub(crate) id: Sym,
    pub(crate) kind: Sym,
    /// The message, if the event is that it was stored.
    pub(crate) created: Option<Msg>,
    /// All that it says, if none of that is read only when it is delivered.
    pub(crate) said: Option<Sym>,
}

/// Events that say the same whenever they are delivered.
const FIXED: [&str; 4] = [
    "contact.added",
    "message.read",
    "user.blocked",
    "user.unblocked",
];

/// A question of a hook.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) at: At,
    /// Sender, receiver, text.
    pub(crate) question: (Sym, Sym, Sym),
    pub(crate) verdict: Verdict,
}

#[derive(Deserialize)]
struct Created<'a> {
    #[serde(borrow)]
    message: Message<'a>,
}

#[derive(Deserialize)]
struct Question {
    from: UserId,
    to: UserId,
    message: String,
}

impl Facts<'_> {
    pub(super) fn hear(&mut self, at: At, heard: &history::Heard, report: &mut Report) {
        let created = if &*heard.kind == "message.created" {
            match serde_json::from_str::<Created<'_>>(heard.data.get()) {
                Ok(created) => Some(self.msg(&created.message)),
                Err(error) => {
                    report.add(Invariant::E3, &[at.line], || {
                        format!("the message of an event cannot be understood: {error}")
                    });
                    None
                }
            }
        } else {
            None
        };
        let is_fixed = FIXED.contains(&&*heard.kind);
        let names = &mut self.names;
        let heard = Heard {
            at,
            by: heard.by.clone(),
            taken: heard.taken,
            id: names.sym(&heard.id),
            kind: names.sym(&heard.kind),
            created,
            said: is_fixed.then(|| names.sym(heard.data.get())),
        };
        self.heard.push(heard);
    }

    pub(super) fn ask(&mut self, at: At, verdict: Verdict, data: &RawValue) {
        // what is asked about chat rooms is not looked at
        let Ok(asked) = serde_json::from_str::<Question>(data.get()) else {
            return;
        };
        let names = &mut self.names;
        let question = (
            names.sym(&asked.from.0),
            names.sym(&asked.to.0),
            names.sym(&asked.message),
        );
        self.asked.push(Asked {
            at,
            question,
            verdict,
        });
    }
}
