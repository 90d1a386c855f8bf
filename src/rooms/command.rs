//! What a lane is asked to do, and what it answers.

use std::fmt;
use std::sync::Arc;

use bson::DateTime;
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::domain::{Content, Delivery, Head, Members, Message, Status};
use crate::id::{ChatRoomId, ChatUserId, Seq, SocketId};
use crate::store::{ChatRoom, Error, User};

/// Who asks for something, and is answered.
#[derive(Debug)]
pub enum Caller {
    /// An event of a socket, answered by the outlet.
    Socket(Origin),
    /// A call that waits, of a client without a socket or of another part of the server.
    Call(oneshot::Sender<Result<Answer, LaneError>>),
    /// A task of the server, which does not wait: it is tried until the deadline.
    Task,
}

impl Caller {
    /// When it was asked for; deadlines count from then.
    pub fn since(&self) -> Instant {
        self.origin()
            .map_or_else(Instant::now, |origin| origin.since)
    }

    /// The answer contains the details of these two.
    pub fn will_contain(&self, people: [&User; 2]) {
        let permit = self.origin().and_then(|origin| origin.permit.as_ref());
        if let Some(permit) = permit {
            permit.add_people(people.map(User::size).iter().sum());
        }
    }

    /// The first position that the caller has if it has the message at `seq`.
    pub(super) fn received_from(&self, room: ChatRoomId, seq: Seq) -> Seq {
        let received = self.origin().and_then(|origin| {
            let permit = origin.permit.as_ref()?;
            permit.received_from(room, seq, origin.since)
        });
        received.unwrap_or(seq)
    }

    pub(super) fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Socket(origin) => Some(origin),
            Self::Call(_) | Self::Task => None,
        }
    }

    pub(super) fn answer(self, answer: Result<Answer, LaneError>, outlet: &dyn Outlet) {
        match self {
            Self::Socket(origin) => outlet.answer(origin, answer),
            // a call that does not wait any more needs no answer
            Self::Call(call) => drop(call.send(answer)),
            Self::Task => {}
        }
    }
}

/// A share of what a socket may have in the lanes: it is given back when it is dropped,
/// however its command ends.
pub trait Share: fmt::Debug + Send + Sync {
    /// The answer contains two people whose details have about so many bytes, where the
    /// socket gets details.
    fn add_people(&self, bytes: usize);

    /// The first position that its client has received for certain if it knows the message at
    /// `seq`, by what the socket was sent before `since`; `None` if that message alone.
    fn received_from(&self, room: ChatRoomId, seq: Seq, since: Instant) -> Option<Seq>;
}

/// A share that whatever holds it keeps taken.
pub type Permit = Arc<dyn Share>;

/// Whom an answer goes to: the event that asked, as data.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The socket that sent the event.
    pub socket: SocketId,
    /// The acknowledgement it asked for.
    pub ack: Option<i64>,
    /// Whether it asked for an envelope of its own with the answer.
    pub envelope: bool,
    /// The event's name, for `error` envelopes, metrics and logs.
    pub event: &'static str,
    /// When the event came.
    pub since: Instant,
    /// The event's share of what its socket may have in the lanes, until it is answered.
    pub permit: Option<Permit>,
}

/// One of the two people of a chat room, as seen when the command was made.
#[derive(Clone, Debug)]
pub struct Member {
    /// The chat user.
    pub id: ChatUserId,
    /// The user as shown to clients.
    pub user: Arc<User>,
}

/// Why a lane did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaneError {
    /// Nothing was stored: the database could not be asked in time.
    #[error("the database is not available")]
    Unavailable,
    /// It may have been stored: the database did not answer in time.
    #[error("the database did not answer in time")]
    UnknownOutcome,
    /// Too much waits already.
    #[error("too many commands wait")]
    Overloaded,
    /// The client id was used for another message.
    #[error("the client id belongs to another message")]
    ClientIdConflict,
    /// The database refused what it should have taken.
    #[error("the database refused the operation")]
    Internal,
}

/// A message to be numbered and stored.
#[derive(Debug)]
pub struct Append {
    /// Where.
    pub room: ChatRoomId,
    /// Who sends.
    pub from: Member,
    /// Who receives.
    pub to: Member,
    /// What was sent, already checked.
    pub content: Content,
    /// The text that a hook puts into the place of the one that was sent.
    pub replacement: Option<String>,
    /// The sender's key of this send.
    pub client_id: Option<String>,
    /// The name of the API key through which the application sends it.
    pub via: Option<String>,
    /// The digest of what was sent, if a hook was asked about it.
    pub asked: Option<String>,
    /// Whether the receiver is never to see it, and the sender not to notice.
    pub withheld: bool,
    /// Whom to answer.
    pub caller: Caller,
    /// When the answer must be out.
    pub deadline: Instant,
}

/// What a receipt says of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReceiptKind {
    /// A device of the receiver has been sent them: `not_sent` becomes `sent`.
    Sent,
    /// The receiver read them.
    Read,
}

/// A receipt: one member got further with what the other wrote.
#[derive(Debug)]
pub struct Advance {
    /// Where.
    pub room: ChatRoomId,
    /// Whose received messages.
    pub reader: Member,
    /// Who sent them.
    pub sender: Member,
    /// What is said of them.
    pub kind: ReceiptKind,
    /// Which messages.
    pub scope: Scope,
    /// Whom to answer.
    pub caller: Caller,
    /// When the answer must be out.
    pub deadline: Instant,
}

/// Which messages an [`Advance`] is about.
#[derive(Clone, Debug)]
pub enum Scope {
    /// All up to a position, clamped to the last stored one.
    UpTo(Seq),
    /// The same, of which a device is about to get a count alone; confirms nothing.
    Counted(Seq),
    /// All up to this one, answered with the message itself; of what is delivered it
    /// confirms this one alone, or what its caller must have got together with it.
    Message(Box<Message>),
    /// Those that a device is about to be sent.
    Sent {
        /// Position up to which it gets them, in full or by a count.
        up_to: Seq,
        /// The newest that was.
        newest: Box<Message>,
    },
}

/// Messages that a receiver has confirmed.
#[derive(Clone, Copy, Debug)]
pub struct Confirm {
    /// Where.
    pub room: ChatRoomId,
    /// Who confirmed.
    pub member: ChatUserId,
    /// First position, included.
    pub first: Seq,
    /// Last position, included.
    pub last: Seq,
}

/// What another server did in a chat room: to be announced here.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Where.
    pub room: ChatRoomId,
    /// Its members.
    pub members: [Member; 2],
    /// Positions of the first and the last message that was stored, if any was.
    pub stored: Option<(Seq, Seq)>,
    /// These messages, ascending, if they came along; then what is before them may not have
    /// been read from the log yet.
    pub messages: Vec<Message>,
    /// Messages that got further, in that order.
    pub advances: Vec<HeardAdvance>,
}

/// Messages that got further through another server.
#[derive(Clone, Copy, Debug)]
pub struct HeardAdvance {
    /// Who received them.
    pub reader: ChatUserId,
    /// By which kind of receipt.
    pub kind: ReceiptKind,
    /// Position of the newest of them.
    pub newest: Seq,
    /// Position of the oldest, if there are several.
    pub oldest: Option<Seq>,
    /// When.
    pub at: DateTime,
}

/// Anything a lane does.
#[derive(Debug)]
pub enum Command {
    /// Store a message.
    Append(Append),
    /// Move messages forward.
    Advance(Advance),
    /// Move a delivered cursor.
    Confirm(Confirm),
    /// Announce what another server did.
    Heard(Heard),
}

impl Command {
    /// The chat room, which decides the lane.
    pub fn room(&self) -> ChatRoomId {
        match self {
            Self::Append(append) => append.room,
            Self::Advance(advance) => advance.room,
            Self::Confirm(confirm) => confirm.room,
            Self::Heard(heard) => heard.room,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Append(append) => Some(append.deadline),
            Self::Advance(advance) => Some(advance.deadline),
            Self::Confirm(_) | Self::Heard(_) => None,
        }
    }
}

/// A message that is stored, with what is needed to announce it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The message.
    pub message: Message,
    /// How far it got.
    pub delivery: Delivery,
    /// Its sender.
    pub from: Arc<User>,
    /// Its receiver, or whom it is withheld from.
    pub to: Arc<User>,
    /// The same inside the messenger.
    pub receiver: ChatUserId,
    /// The event that sent it; `None` when it was no socket's, or another process stored it.
    pub origin: Option<Origin>,
}

impl Stored {
    /// A stored message of two people that no event here waits for.
    pub(crate) fn between(message: Message, delivery: Delivery, [a, b]: &[Member; 2]) -> Self {
        let (from, to) = if message.from == a.id { (a, b) } else { (b, a) };
        Self {
            from: Arc::clone(&from.user),
            to: Arc::clone(&to.user),
            receiver: to.id,
            message,
            delivery,
            origin: None,
        }
    }
}

/// Messages that got further.
#[derive(Clone, Debug)]
pub struct Advanced {
    /// The newest of them, as it is now; without an origin.
    pub newest: Stored,
    /// Position of the oldest of them, if there are several.
    pub oldest: Option<Seq>,
    /// The others, the newest of them, ascending; none unless somebody here is to be
    /// announced each message by itself.
    pub others: Vec<Message>,
    /// The chat room, if it is known.
    pub room: Option<RoomOutline>,
    /// By which kind of receipt.
    pub kind: ReceiptKind,
    /// The event that moved them, if it was one.
    pub origin: Option<Origin>,
}

/// What never changes of a chat room.
#[derive(Clone, Copy, Debug)]
pub struct RoomOutline {
    /// Its members.
    pub members: Members,
    /// When it was created.
    pub created_at: DateTime,
}

impl Advanced {
    /// One message by itself, as far as it is.
    pub fn of(newest: Stored) -> Self {
        let kind = match newest.delivery.status {
            Status::Read => ReceiptKind::Read,
            Status::NotSent | Status::Sent => ReceiptKind::Sent,
        };
        Self {
            newest,
            oldest: None,
            others: Vec::new(),
            room: None,
            kind,
            origin: None,
        }
    }

    /// The position of the first message that it is about.
    pub fn first(&self) -> Seq {
        self.oldest.unwrap_or(self.newest.message.seq)
    }

    /// The same of what lies after a position before the newest message.
    #[must_use]
    pub fn after(&self, seq: Seq) -> Self {
        let others = self.others.iter().filter(|one| one.seq > seq);
        Self {
            oldest: (self.newest.message.seq > seq + 1).then_some(seq + 1),
            others: others.cloned().collect(),
            ..self.clone()
        }
    }

    /// Each message by itself, ascending.
    pub fn each(&self) -> impl Iterator<Item = Self> + '_ {
        let newest = self.newest.message.clone();
        let messages = self.others.iter().cloned().chain([newest]);
        messages.map(|message| Self {
            newest: Stored {
                delivery: self.delivery(&message),
                message,
                from: Arc::clone(&self.newest.from),
                to: Arc::clone(&self.newest.to),
                receiver: self.newest.receiver,
                origin: None,
            },
            oldest: None,
            others: Vec::new(),
            room: self.room,
            kind: self.kind,
            origin: self.origin.clone(),
        })
    }

    /// How far one of the messages got by this.
    fn delivery(&self, message: &Message) -> Delivery {
        let newest = self.newest.delivery;
        match newest.status {
            Status::Read => Delivery {
                sent_at: message.sent_at,
                ..newest
            },
            Status::NotSent | Status::Sent => Delivery {
                sent_at: message.sent_at.or(newest.sent_at),
                ..newest
            },
        }
    }
}

/// What an event is answered, beside [`Stored`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// The send had been stored before, as this.
    Duplicate(Stored),
    /// The message asked about, as it is now.
    Message(Stored),
    /// The same, which had got as far before.
    Unmoved(Box<Advanced>),
    /// Messages got further.
    Moved {
        /// By which kind of receipt.
        kind: ReceiptKind,
        /// How many.
        count: u64,
    },
}

/// A chat room that a lane takes up: from now on it says what is stored in it.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The chat room as it was read.
    pub document: ChatRoom,
    /// Its members.
    pub members: [Member; 2],
    /// Its last message; [`Head::EMPTY`] if it has none.
    pub head: Head,
    /// Up to where each member has confirmed.
    pub delivered: [(ChatUserId, Seq); 2],
    /// Position of the first message that was heard of from another server just now: it and
    /// what follows is news here, whoever has confirmed it elsewhere.
    pub heard: Option<Seq>,
}

/// Where a lane's results go. Given to the lanes at their start.
///
/// All calls about one chat room come from its lane, one after another, and
/// must not block.
pub trait Outlet: Send + Sync + 'static {
    /// Whether a socket of this person is open here.
    fn is_here(&self, user: ChatUserId) -> bool;
    /// Whether one is, here or at another server.
    fn is_online(&self, user: ChatUserId) -> bool;
    /// Whether a socket of these people here is announced each message that got further by
    /// itself, and no ranges.
    fn hears_each(&self, people: [ChatUserId; 2]) -> bool;
    /// A lane takes up these chat rooms: what is stored in them is announced before
    /// anything that the lane stores. Returns what was.
    ///
    /// # Errors
    /// When the database cannot answer; the lane then asks again.
    fn open(&self, rooms: Vec<Opening>) -> BoxFuture<'_, Result<Vec<Stored>, Error>>;
    /// The lane has forgotten a chat room.
    fn close(&self, room: ChatRoomId);
    /// Messages were stored, in this order. Takes their origins, as it answers them.
    fn stored(&self, batch: &mut [Stored]);
    /// Messages moved forward.
    fn advanced(&self, advanced: &Advanced);
    /// Messages moved forward through another server.
    fn heard(&self, advanced: &Advanced);
    /// An event has its answer.
    fn answer(&self, origin: Origin, answer: Result<Answer, LaneError>);
}
