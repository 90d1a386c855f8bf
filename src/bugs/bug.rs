//! The list of them.

use std::fmt;
use std::str::FromStr;

/// Makes the enum, its list and its names from one entry per bug, so that none
/// can be forgotten. The first line of an entry's documentation describes it.
macro_rules! bugs {
    ($(
        #[doc = $description:literal]
        $(#[doc = $more:literal])*
        $variant:ident = $name:literal breaks [$($invariant:literal),+];
    )+) => {
        /// A bug on purpose; the documentation of each says what shows it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Bug {
            $(
                #[doc = $description]
                $(#[doc = $more])*
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

            /// What it does, in one line.
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => $description.trim_ascii(),)+
                }
            }

            /// The ids of the invariants it breaks, the one it is made for first.
            pub const fn breaks(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$($invariant),+],)+
                }
            }
        }
    };
}

bugs! {
    /// Messages are told and acknowledged first and stored then, if at all.
    ///
    /// Shown by whatever comes between: a killed server, a database that is away
    /// (of a chat room that was written to before), a repeated `clientId`.
    AckBeforeInsert = "ack-before-insert" breaks ["I1", "I2", "I3", "I4"];

    /// Messages are acknowledged before a majority has them, and before the journal.
    ///
    /// Shown by a primary of several that is cut off from the others or killed
    /// before they have the message: the next primary does not know it. Killing
    /// a mongod that is alone does not show it: what it wrote is in the page cache.
    UnjournaledWrites = "unjournaled-writes" breaks ["I1"];

    /// No unique index keeps a repeated `clientId` out: it is stored again.
    ///
    /// Shown by a repeat that comes after the first one's answer. Needs a
    /// database on which no other build has made the index: it refuses such.
    NoClientIdIndex = "no-client-id-index" breaks ["I3"];

    /// A message's number is the time of day in milliseconds.
    ///
    /// Shown by every message.
    SeqFromClock = "seq-from-clock" breaks ["I4"];

    /// A number is taken for good when an attempt to store begins.
    ///
    /// Shown by an attempt that stores nothing: a repeated `clientId`, a database
    /// that is away. The next message then leaves a gap.
    CounterThenInsert = "counter-then-insert" breaks ["I4"];

    /// A receipt moves the cursors of both members of the chat room.
    ///
    /// Shown by a receipt up to a position above what its sender has written: to
    /// the other, who never read it, that counts as read.
    BothCursorsMoved = "both-cursors-moved" breaks ["I8", "I10", "I17"];

    /// A receipt moves the read cursor to its position, wherever it stands.
    ///
    /// Shown by a receiver who reads, and then reads less: in the database, since the
    /// server remembers how far it moved a cursor, and by what it announces.
    CursorFalls = "cursor-falls" breaks ["I17", "I8"];

    /// A message's number follows the one before it, its counts what was before the batch.
    ///
    /// Shown by two messages of a chat room in one insert.
    CountsWithoutSeq = "counts-without-seq" breaks ["I17", "I10"];

    /// A move of a cursor is announced twice.
    ///
    /// Shown by every receipt whose sender is here.
    RangeAnnouncedTwice = "range-announced-twice" breaks ["I17"];

    /// Reading one message confirms everything before it as delivered, too.
    ///
    /// Shown by a receiver who reads the newest of many missed messages, of which
    /// the login sent only that one: the others are never sent again.
    ReadConfirmsDelivery = "read-confirms-delivery" breaks ["I7"];

    /// A receipt's range is not cut around what is withheld in it.
    ///
    /// Shown where blocked sends are withheld, by somebody who blocks, unblocks, and
    /// reads up to a position beyond: to the sender a message that nobody can have
    /// got turns read.
    WithheldTurnsRead = "withheld-turns-read" breaks ["I17"];

    /// Only what is `not_sent` counts as missed, wherever the cursor stands.
    ///
    /// Shown by messages to a socket whose network is dead but whose end is not
    /// noticed yet: they are `sent`, and not told again at the next login.
    MissedByStatus = "missed-by-status" breaks ["I7"];

    /// A message counts as delivered as soon as it is written into the socket.
    ///
    /// Shown as [`Bug::MissedByStatus`] is.
    CursorJumps = "cursor-jumps" breaks ["I7"];

    /// A new message is also told to somebody who is not in the chat room.
    ///
    /// Shown by a third person who is online.
    ThirdPartyDelivery = "third-party-delivery" breaks ["I12"];

    /// Reading moves the position of the cursor and not its count.
    ///
    /// Shown by the `unreadCount` of the next login after reading.
    UnreadDrift = "unread-drift" breaks ["I10", "I17"];

    /// Nobody is told that somebody went offline.
    ///
    /// Shown by every last socket that goes while a contact is here.
    LostOfflineEvent = "lost-offline-event" breaks ["I11"];

    /// A socket's handlers are registered a moment after it was told it is connected.
    ///
    /// Shown by an event within 50 ms of the CONNECT packet: it is never answered.
    /// About every fourth socket is that late, so that others still get to work.
    LateHandlers = "late-handlers" breaks ["I13"];

    /// After an attempt of unknown outcome a message is stored anew, as another.
    ///
    /// Shown by an attempt that reaches the database and whose answer does not
    /// come within `CHATZZ_MONGODB_SELECTION_TIMEOUT` + 1 s, but for the deadline
    /// of the event: a mongod frozen for that long. The driver itself repairs a
    /// reply that is lost once, so that does not show it.
    RetryUnderNewId = "retry-under-new-id" breaks ["I3"];

    /// A packet that does not fit into a socket's buffer is dropped, and no one told.
    ///
    /// Shown by a client that stops reading for a while and then goes on, once
    /// the kernel's buffers and 128 packets are full.
    FullBufferSwallowed = "full-buffer-swallowed" breaks ["I7", "I13"];

    /// A send and a receipt are acknowledged twice.
    ///
    /// Shown by every such event with an acknowledgement; the official clients
    /// hide it.
    AnsweredTwice = "answered-twice" breaks ["I13"];

    /// A page of history before a position begins one message too early.
    ///
    /// Shown by reading history backwards page by page.
    HistoryGap = "history-gap" breaks ["I9"];

    /// Two messages that wait for the same insert change places.
    ///
    /// Shown by sends that do not wait for the answers of those before.
    BurstSwapped = "burst-swapped" breaks ["I6"];

    /// Nobody makes those offline whom a dead server left online.
    ///
    /// Shown by `kill -9` of a server: in the database its people stay online on
    /// it for ever, after a restart as well as beside another server.
    GhostsStayOnline = "ghosts-stay-online" breaks ["I11"];

    /// A send of unknown outcome is answered `unavailable`: nothing was stored.
    ///
    /// Shown by a mongod that is frozen until the answer is out, and then goes on.
    UnknownToldAsFailed = "unknown-told-as-failed" breaks ["I2"];
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
