//! What was checked and found, for programs and for people.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Findings kept of each check; all are counted.
const MAX_KEPT: usize = 100;
/// Version of the report's format.
const VERSION: u32 = 2;

/// The checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// A declared index is missing or differs.
    Index,
    /// A migration has not run, was changed, or belongs to a newer chatzz.
    Migrations,
    /// Somebody is online on a node that has no lease.
    Presence,
    /// The application's user of a chat user no longer exists; information only.
    UserGone,
    /// A document that the server cannot read.
    Malformed,
    /// A chat room's key is not that of its members.
    Pair,
    /// Several chat rooms of one pair.
    DuplicateRoom,
    /// A member of a chat room has no chat user.
    MemberMissing,
    /// Several messages under one (chat room, sender, client id).
    DuplicateClientId,
    /// Numbers are missing in a chat room.
    SeqGap,
    /// A number occurs twice in a chat room.
    SeqDuplicate,
    /// A message without a number, or with one below 1.
    SeqInvalid,
    /// A message older than the one before it.
    CreatedAt,
    /// A message's counts differ from the messages before it.
    Counts,
    /// A message says it was read, but its receiver's cursor is below it.
    Status,
    /// Messages of a chat room that does not exist.
    Orphan,
    /// A message whose sender and receiver are not the room's two members.
    Stranger,
    /// `lastSeq`, `lastMessageAt` or `lastCounts` differ from the messages.
    Head,
    /// A cursor beyond the last message, or a count of read messages that differs from
    /// that of the message at the cursor.
    Cursor,
    /// A chat room does not know of the last change of its messages.
    Changes,
    /// The log of events has a gap, or names messages that are not stored so.
    Log,
}

impl Check {
    /// The severity of a finding of this check.
    pub fn severity(self) -> Severity {
        match self {
            Self::UserGone => Severity::Information,
            _ => Severity::Error,
        }
    }

    /// The name in reports.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).unwrap_or_default();
        name.as_str().unwrap_or_default().to_owned()
    }
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// For information; nothing is wrong.
    Information,
    /// A guarantee is broken.
    Error,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The check that found it.
    pub check: Check,
    /// Its severity.
    pub severity: Severity,
    /// The documents concerned, by kind: `chatRoom`, `message`, `chatUser` ….
    pub ids: BTreeMap<String, String>,
    /// One sentence, without message text or names.
    pub detail: String,
    /// Whether it was repaired; absent unless repair was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repaired: Option<bool>,
}

impl Finding {
    /// A finding that names no documents yet.
    pub(super) fn new(check: Check, detail: impl Into<String>) -> Self {
        Self {
            check,
            severity: check.severity(),
            ids: BTreeMap::new(),
            detail: detail.into(),
            repaired: None,
        }
    }

    /// Adds a document that the finding is about.
    pub(super) fn of(mut self, kind: &str, id: impl fmt::Display) -> Self {
        self.ids.insert(kind.to_owned(), id.to_string());
        self
    }
}

/// How much was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// Chat users.
    pub chat_users: u64,
    /// Chat rooms.
    pub rooms: u64,
    /// Messages.
    pub messages: u64,
}

/// How often a check found something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Findings in all.
    pub found: u64,
    /// Those that were repaired.
    pub repaired: u64,
}

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of this format, 2.
    pub version: u32,
    /// The database.
    pub database: String,
    /// When the run began: RFC 3339, UTC, milliseconds.
    pub started_at: String,
    /// Seconds the run took, all parts of an interrupted run together.
    pub took: f64,
    /// Whether repair was asked for.
    pub repair: bool,
    /// How much was read.
    pub checked: Checked,
    /// Findings by check; checks without any are left out.
    pub counts: BTreeMap<Check, Count>,
    /// At most 100 of each check.
    pub findings: Vec<Finding>,
    /// `true` when there are more than are listed; absent otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

impl Report {
    pub(super) fn new(database: String, started_at: String, repair: bool) -> Self {
        Self {
            version: VERSION,
            database,
            started_at,
            took: 0.0,
            repair,
            checked: Checked::default(),
            counts: BTreeMap::new(),
            findings: Vec::new(),
            truncated: false,
        }
    }

    /// Whether no error is left: nothing was found, or everything was repaired.
    pub fn is_clean(&self) -> bool {
        let errors = |check: &Check| check.severity() == Severity::Error;
        self.counts
            .iter()
            .filter(|(check, _)| errors(check))
            .all(|(_, count)| count.found == count.repaired)
    }

    pub(super) fn add(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.check).or_default();
        count.found += 1;
        count.repaired += u64::from(finding.repaired == Some(true));
        if count.found <= MAX_KEPT as u64 {
            self.findings.push(finding);
        } else {
            self.truncated = true;
        }
    }

    /// Puts the findings into an order that does not depend on the run.
    pub(super) fn sort(&mut self) {
        let key = |f: &Finding| (f.check, f.ids.clone(), f.detail.clone());
        self.findings.sort_by_cached_key(key);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            write!(f, "{}: {}", finding.check.name(), finding.detail)?;
            for (kind, id) in &finding.ids {
                write!(f, ", {kind} {id}")?;
            }
            match finding.repaired {
                Some(true) => writeln!(f, " (repaired)")?,
                Some(false) if finding.severity == Severity::Error => {
                    writeln!(f, " (NOT repaired)")?;
                }
                _ => writeln!(f)?,
            }
        }
        if self.truncated {
            writeln!(f, "… and more: at most {MAX_KEPT} of each check are listed")?;
        }
        for (check, count) in &self.counts {
            write!(f, "{:<20} {:>8} found", check.name(), count.found)?;
            if self.repair {
                write!(f, ", {} repaired", count.repaired)?;
            }
            writeln!(f)?;
        }
        let Checked {
            chat_users,
            rooms,
            messages,
        } = self.checked;
        writeln!(
            f,
            "checked {chat_users} chat users, {rooms} chat rooms and {messages} messages \
             of {} in {:.1} s",
            self.database, self.took
        )?;
        let outcome = match (self.is_clean(), self.counts.is_empty()) {
            (true, true) => "clean",
            (true, false) => "nothing is left to mend",
            (false, _) => "NOT clean",
        };
        write!(f, "{outcome}")
    }
}
