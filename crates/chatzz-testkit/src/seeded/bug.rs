//! The list of the bugs. What each does stands in its patch.

use std::fmt;
use std::str::FromStr;

use super::patch::Patch;
use crate::places;

/// Makes the enum, its list and its names from one entry per bug, so that none
/// can be forgotten.
macro_rules! bugs {
    ($($variant:ident = $name:literal,)+) => {
        /// A deliberate bug; its patch says what it does and what shows it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Bug {
            $(
                #[doc = concat!("`tests/faults/bugs/", $name, ".patch`")]
                $variant,
            )+
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name, as it is chosen and reported.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

bugs! {
    AckBeforeInsert = "ack-before-insert",
    UnjournaledWrites = "unjournaled-writes",
    NoClientIdIndex = "no-client-id-index",
    SeqFromClock = "seq-from-clock",
    CounterThenInsert = "counter-then-insert",
    BothCursorsMoved = "both-cursors-moved",
    CursorFalls = "cursor-falls",
    CountsWithoutSeq = "counts-without-seq",
    RangeAnnouncedTwice = "range-announced-twice",
    ReadConfirmsDelivery = "read-confirms-delivery",
    WithheldTurnsRead = "withheld-turns-read",
    MissedByStatus = "missed-by-status",
    CursorJumps = "cursor-jumps",
    SilenceConfirms = "silence-confirms",
    ThirdPartyDelivery = "third-party-delivery",
    UnreadDrift = "unread-drift",
    LostOfflineEvent = "lost-offline-event",
    LateHandlers = "late-handlers",
    RetryUnderNewId = "retry-under-new-id",
    FullBufferSwallowed = "full-buffer-swallowed",
    AnsweredTwice = "answered-twice",
    HistoryGap = "history-gap",
    BurstSwapped = "burst-swapped",
    GhostsStayOnline = "ghosts-stay-online",
    UnknownAsFailed = "unknown-as-failed",
    OthersUnheard = "others-unheard",
    SweepLeftOut = "sweep-left-out",
    HintTwice = "hint-twice",
    GapUnseen = "gap-unseen",
    KeyForgotten = "key-forgotten",
    RedactionUnannounced = "redaction-unannounced",
    PushedBeforeTaken = "pushed-before-taken",
    LettersOvertaken = "letters-overtaken",
    SilenceAllows = "silence-allows",
    LogBeforeCommit = "log-before-commit",
    LoggedBeforeLog = "logged-before-log",
    UnsealedAccepted = "unsealed-accepted",
    LaneAwaitsBus = "lane-awaits-bus",
}

impl Bug {
    /// What it does, in one line.
    pub fn description(self) -> String {
        let patch = self.patch();
        let first = patch.about.split("\n\n").next().unwrap_or_default();
        first.replace('\n', " ")
    }

    /// The ids of the invariants it breaks, the one it is made for first.
    pub fn breaks(self) -> Vec<String> {
        let patch = self.patch();
        let mut lines = patch.about.lines();
        let breaks = lines.find_map(|line| line.strip_prefix("Breaks: "));
        let ids = breaks.unwrap_or_default().split(", ");
        ids.map(str::to_owned).collect()
    }

    /// What it changes.
    pub(super) fn patch(self) -> Patch {
        Patch::read(&places::repository().join("tests/faults/bugs"), self.name())
    }
}

/// No bug has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no bug `{name}`; there are: {}", names())]
pub struct UnknownBug {
    /// The name that was given.
    pub name: String,
}

impl FromStr for Bug {
    type Err = UnknownBug;

    fn from_str(name: &str) -> Result<Self, UnknownBug> {
        let found = Self::ALL.iter().find(|bug| bug.name() == name);
        found.copied().ok_or_else(|| UnknownBug {
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn names() -> String {
    let names: Vec<&str> = Bug::ALL.iter().map(|bug| bug.name()).collect();
    names.join(", ")
}
