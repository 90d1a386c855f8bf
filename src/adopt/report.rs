//! What was found, taken over and set aside, for programs and for people.

use std::fmt;

use serde::Serialize;

use crate::store::adopt::{Kind, SetAside, Totals};

/// Version of the report's format.
const VERSION: u32 = 1;

/// What became of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// There is nothing of chatzz 1.x.
    NothingToDo,
    /// It would be taken over; nothing was written.
    Planned,
    /// It has been taken over now.
    Adopted,
    /// It had been taken over before.
    AlreadyAdopted,
    /// Everything is as it was before the adoption.
    Undone,
}

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of this format, 1.
    pub version: u32,
    /// What became of the database.
    pub outcome: Outcome,
    /// The database of chatzz 1.x.
    pub from: String,
    /// The database that it became, or would become.
    pub into: String,
    /// The documents of chatzz 1.x. Each is one of those that are kept or set aside.
    pub found: Totals,
    /// What is taken over.
    pub kept: Totals,
    /// What is set aside, by kind and reason.
    pub set_aside: Vec<SetAside>,
    /// Unread messages below one that was read, which have become read; not known beforehand.
    pub became_read: u64,
    /// Chat users whose user the application has deleted, or who are in another collection
    /// than the configured one. They are kept.
    pub users_gone: u64,
    /// Whether chatzz 1.x has written during a dry run, so that the numbers are of different
    /// moments.
    pub writing: bool,
    /// Seconds that it took.
    #[serde(serialize_with = "seconds")]
    pub took: std::time::Duration,
}

fn seconds<S: serde::Serializer>(
    took: &std::time::Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64())
}

impl Report {
    pub(super) fn new(outcome: Outcome, from: &str, into: &str) -> Self {
        Self {
            version: VERSION,
            outcome,
            from: from.to_owned(),
            into: into.to_owned(),
            found: Totals::default(),
            kept: Totals::default(),
            set_aside: Vec::new(),
            became_read: 0,
            users_gone: 0,
            writing: false,
            took: std::time::Duration::ZERO,
        }
    }

    /// How many documents of a kind are set aside.
    pub fn aside(&self, kind: Kind) -> u64 {
        let of_kind = self.set_aside.iter().filter(|aside| aside.kind == kind);
        of_kind.map(|aside| aside.count).sum()
    }

    /// A kind whose documents are not all kept or set aside.
    pub(super) fn unaccounted(&self) -> Option<Kind> {
        let is_whole =
            |kind: &Kind| self.kept.of(*kind) + self.aside(*kind) == self.found.of(*kind);
        Kind::ALL.into_iter().find(|kind| !is_whole(kind))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, into, .. } = self;
        match self.outcome {
            Outcome::NothingToDo => {
                return write!(f, "nothing to do: {from} holds nothing of chatzz 1.x");
            }
            Outcome::Undone => return write!(f, "undone: {from} is as it was before the adoption"),
            Outcome::Planned | Outcome::Adopted | Outcome::AlreadyAdopted => {}
        }
        writeln!(
            f,
            "{:<12} {:>12} {:>12} {:>12}",
            "", "found", "taken over", "set aside"
        )?;
        for kind in Kind::ALL {
            let (found, kept) = (self.found.of(kind), self.kept.of(kind));
            let aside = self.aside(kind);
            writeln!(f, "{:<12} {found:>12} {kept:>12} {aside:>12}", kind.title())?;
        }
        for SetAside {
            kind,
            reason,
            count,
        } in &self.set_aside
        {
            writeln!(
                f,
                "set aside: {} {}",
                kind.counted(*count),
                reason.sentence(*kind)
            )?;
        }
        if self.became_read > 0 {
            let unread = Kind::Messages.counted(self.became_read);
            writeln!(
                f,
                "{unread}, unread but below one that was read, became read"
            )?;
        }
        if self.users_gone > 0 {
            writeln!(
                f,
                "{} without a user in the application: kept. If these are many, CHATZZ_USER_DATABASE or \
                 CHATZZ_USER_COLLECTION names the wrong collection",
                Kind::ChatUsers.counted(self.users_gone)
            )?;
        }
        if self.writing {
            writeln!(
                f,
                "chatzz 1.x has written meanwhile: the numbers are of different moments. Stop it before \
                 you take the database over"
            )?;
        }
        let took = self.took.as_secs_f64();
        let into = if into == from {
            String::new()
        } else {
            format!(" into {into}")
        };
        match self.outcome {
            Outcome::Planned => write!(f, "{from} can be taken over{into}; nothing was written"),
            Outcome::AlreadyAdopted => write!(f, "nothing to do: {from} has been taken over{into}"),
            _ => write!(f, "{from} has been taken over{into}, in {took:.1} s"),
        }
    }
}
