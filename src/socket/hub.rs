//! Everything that leaves: people are addressed as chat users, and resolved here to
//! their few sockets, which nobody else knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dashmap::DashMap;
use smallvec::SmallVec;

use super::connection::Connection;
use super::connection::packet::{DropPolicy, Packet};
use super::status_change::StatusChange;
use crate::config::StatusEvent;
use crate::domain::{Message, Status};
use crate::feed::{LoginState, Sockets};
use crate::id::{ChatRoomId, ChatUserId, Seq, SocketId};
use crate::rooms::{Advanced, Answer, LaneError, Origin, ReceiptKind, Stored};
use crate::service::presence::{Announce, Announcement};
use crate::service::{Error, SentRange};
use crate::wire::{ErrorBody, Notice, PerDialect, Render as _, Reply};

/// All sockets of this process, and the way to them.
pub(crate) struct Hub {
    connections: DashMap<SocketId, Arc<Connection>>,
    /// Of everybody who is logged in or is logging in, their sockets; never none.
    people: DashMap<ChatUserId, Connections>,
    next: AtomicU64,
    /// How many of the sockets speak dialect 1.
    in_dialect1: AtomicUsize,
    status_event: StatusEvent,
}

/// The sockets of one person; most people have few.
type Connections = SmallVec<[Arc<Connection>; 4]>;

/// A notice for more than one socket.
type SharedNotice<'a> = PerDialect<Notice<'a>>;

impl Hub {
    pub(crate) fn new(status_event: StatusEvent) -> Self {
        Self {
            connections: DashMap::new(),
            people: DashMap::new(),
            next: AtomicU64::new(1),
            in_dialect1: AtomicUsize::new(0),
            status_event,
        }
    }

    pub(super) fn next_id(&self) -> SocketId {
        SocketId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn insert(&self, connection: Arc<Connection>) {
        if connection.is_in_dialect1() {
            self.in_dialect1.fetch_add(1, Ordering::SeqCst);
        }
        self.connections.insert(connection.id, connection);
    }

    pub(super) fn remove(&self, id: SocketId) {
        let removed = self.connections.remove(&id);
        if removed.is_some_and(|(_, connection)| connection.is_in_dialect1()) {
            self.in_dialect1.fetch_sub(1, Ordering::SeqCst);
        }
    }

    pub(super) fn connection(&self, id: SocketId) -> Option<Arc<Connection>> {
        self.connections
            .get(&id)
            .map(|connection| Arc::clone(&connection))
    }

    /// Lists a socket among those of a person, and notes how many these are. What notes
    /// it runs under the lock of the person's list: the last note is the true one.
    pub(super) fn enter(
        &self,
        who: ChatUserId,
        connection: &Arc<Connection>,
        note: impl FnOnce(usize),
    ) {
        let mut sockets = self.people.entry(who).or_default();
        if sockets.iter().all(|one| one.id != connection.id) {
            sockets.push(Arc::clone(connection));
        }
        note(sockets.len());
    }

    /// Takes a socket off the list of a person, and notes likewise how many are left;
    /// unless it was not there.
    pub(super) fn leave(&self, who: ChatUserId, id: SocketId, note: impl FnOnce(usize)) {
        self.people.remove_if_mut(&who, |_, sockets| {
            let before = sockets.len();
            sockets.retain(|one| one.id != id);
            if sockets.len() < before {
                note(sockets.len());
            }
            sockets.is_empty()
        });
    }

    /// From now on nothing is sent to anybody.
    pub(super) fn forget_people(&self) {
        self.people.clear();
    }

    /// The open sockets of a person.
    pub(super) fn sockets(&self, who: ChatUserId) -> Connections {
        let sockets = self.people.get(&who).map(|sockets| sockets.clone());
        let mut sockets = sockets.unwrap_or_default();
        sockets.retain(|connection| !connection.is_closed());
        sockets
    }

    /// Whether a person has a socket here.
    pub(super) fn is_present(&self, who: ChatUserId) -> bool {
        self.people.contains_key(&who)
    }

    /// All sockets at this moment.
    pub(super) fn list(&self) -> Vec<Arc<Connection>> {
        self.connections
            .iter()
            .map(|connection| Arc::clone(&connection))
            .collect()
    }

    /// Sockets at this moment.
    pub(crate) fn count(&self) -> usize {
        self.connections.len()
    }

    /// Sends a notice to every socket of a person, but one.
    pub(super) fn tell(
        &self,
        who: ChatUserId,
        notice: &SharedNotice<'_>,
        except: Option<SocketId>,
    ) {
        for connection in self.sockets(who) {
            if Some(connection.id) != except && connection.understands(notice.value()) {
                connection.deliver(connection.packet(notice));
            }
        }
    }

    /// Sends what is not stored to every socket of a person; whether one takes it.
    pub(super) fn send_ephemeral(
        &self,
        who: ChatUserId,
        notice: Notice<'_>,
        drop_policy: DropPolicy,
    ) -> bool {
        let notice = PerDialect::new(notice);
        let mut taken = false;
        for connection in self.sockets(who) {
            if !connection.understands(notice.value()) {
                continue;
            }
            let packet = connection.packet(&notice).drop_policy(drop_policy);
            taken |= connection.try_deliver(packet);
        }
        taken
    }

    /// Sends a message to every socket of one of its two people.
    fn announce_to(&self, who: ChatUserId, stored: &Stored, notice: &SharedNotice<'_>) {
        let asking = stored.origin.as_ref().map(|origin| origin.socket);
        for connection in self.sockets(who) {
            let packet = text_packet(&connection, who, stored, notice);
            connection.deliver_text(packet, stored, asking == Some(connection.id));
        }
    }

    /// Announces how far a message is, to sockets of dialect 1: it was announced to them as
    /// `not_sent`.
    fn follow_up(&self, stored: &Stored) {
        // where nobody speaks it, every message passes here all the same
        if self.in_dialect1.load(Ordering::SeqCst) == 0 {
            return;
        }
        let message = &stored.message;
        let advanced = Advanced::of(stored.clone());
        let notice = PerDialect::new(Notice::MessageStatusChanged(&advanced));
        for who in [message.from, message.to] {
            for connection in self.sockets(who) {
                if connection.is_in_dialect1() {
                    // it is as heavy as the message that it belongs to
                    let packet = connection.packet(&notice).text_of(message.chat_room);
                    connection.deliver(packet);
                }
            }
        }
    }

    /// Announces once more that a message is read, where a front end goes by the envelopes:
    /// to the socket that has said so once more, and in dialect 1 to the sender.
    fn announce_unmoved(&self, origin: &Origin, unmoved: &Advanced) {
        let change = StatusChange::new(unmoved);
        for connection in self.sockets(unmoved.newest.message.from) {
            if connection.is_in_dialect1() {
                change.deliver(&connection);
            }
        }
        let asking = self.connection(origin.socket);
        if let Some(connection) = asking.filter(|asking| asking.hears_each()) {
            change.deliver(&connection);
        }
    }

    /// Refuses an event.
    pub(super) fn refuse(&self, origin: &Origin, error: Error) {
        self.reply(origin, &Err(error), Vec::new());
    }

    /// Refuses an event that there is not, of this name.
    pub(super) fn refuse_unknown(&self, origin: &Origin, name: &str, error: Error) {
        self.answer(origin, name, &Err(error), Vec::new());
    }

    /// Answers an event.
    pub(super) fn reply(
        &self,
        origin: &Origin,
        reply: &Result<Reply<'_>, Error>,
        handed: Vec<SentRange>,
    ) {
        self.answer(origin, origin.event, reply, handed);
    }

    /// Answers an event of this name: by its acknowledgement, which may hand messages over; by an envelope
    /// before it if the event asked for one; a failure without both by an `error` envelope.
    fn answer(
        &self,
        origin: &Origin,
        name: &str,
        reply: &Result<Reply<'_>, Error>,
        handed: Vec<SentRange>,
    ) {
        record(origin, reply.as_ref().err());
        let Some(connection) = self.connection(origin.socket) else {
            return;
        };
        let dialect = connection.dialect();
        let notice = match reply {
            // its page was sent as `old-messages`
            Ok(Reply::History(_)) => None,
            Ok(reply) => (origin.envelope).then_some(Notice::Result(name, reply)),
            Err(error) => {
                let by_itself = origin.ack.is_none() && connection.hears_errors();
                (by_itself || origin.envelope).then_some(Notice::Error(name, error))
            }
        };
        if let Some(notice) = notice {
            connection.send(Packet::event(notice.render(dialect)));
        }
        if let Some(id) = origin.ack {
            let rendered = reply.as_ref().map(|reply| reply.render(dialect));
            let packet = Packet::ack(id, rendered.map_err(|error| error.render(dialect)));
            connection.send(packet.handing(handed));
        }
        if let Err(error) = reply {
            connection.record_client_error(error);
        }
    }

    /// Answers an event that a lane was asked to answer.
    fn reply_from_lane(&self, origin: &Origin, reply: &Result<Reply<'_>, Error>) {
        self.reply(origin, reply, Vec::new());
    }
}

/// The packet that announces a message to a socket of its sender or of its receiver.
pub(super) fn text_packet(
    connection: &Connection,
    who: ChatUserId,
    stored: &Stored,
    notice: &SharedNotice<'_>,
) -> Packet {
    let message = just(&stored.message);
    let packet = connection.packet(notice);
    if who != stored.message.to {
        return packet.late(message);
    }
    let packet = packet.handing(vec![message]);
    if connection.has_delivery_acks() {
        packet.acknowledged()
    } else {
        packet
    }
}

/// The range that is one message.
fn just(message: &Message) -> SentRange {
    SentRange {
        room: message.chat_room,
        first: message.seq,
        last: message.seq,
    }
}

fn record(origin: &Origin, error: Option<&Error>) {
    let code = error.map_or("ok", |error| ErrorBody::from(error).code.as_str());
    metrics::counter!("chatzz_events_total", "event" => origin.event, "code" => code).increment(1);
    metrics::histogram!("chatzz_event_seconds", "event" => origin.event)
        .record(origin.since.elapsed().as_secs_f64());
}

impl Sockets for Hub {
    fn is_here(&self, user: ChatUserId) -> bool {
        self.is_present(user)
    }

    fn login_state(&self, room: ChatRoomId, user: ChatUserId) -> LoginState {
        let sockets = self.sockets(user);
        let known = sockets.iter().map(|one| one.unconfirmed.lock().known(room));
        let known: Vec<Option<Seq>> = known.collect();
        LoginState {
            up_to: known.iter().copied().flatten().min(),
            logging_in: known.contains(&None),
        }
    }

    /// Answers the event that sent it after its sender's sockets got it, and before the
    /// receiver's do.
    fn stored(&self, stored: &Stored) {
        let message = PerDialect::new(stored);
        let notice = PerDialect::new(Notice::NewMessage(&message));
        self.announce_to(stored.message.from, stored, &notice);
        if let Some(origin) = &stored.origin {
            self.reply_from_lane(origin, &Ok(Reply::Message(&message)));
        }
        self.announce_to(stored.message.to, stored, &notice);
        if stored.delivery.status != Status::NotSent {
            self.follow_up(stored);
        }
    }

    fn hears_each(&self, users: [ChatUserId; 2]) -> bool {
        let hears = |who: &ChatUserId| self.sockets(*who).iter().any(|one| one.hears_each());
        users.iter().any(hears)
    }

    fn advanced(&self, advanced: &Advanced) {
        let newest = &advanced.newest.message;
        let change = StatusChange::new(advanced);
        for connection in self.sockets(newest.from) {
            change.deliver(&connection);
        }
        let reading = advanced.origin.as_ref().map(|origin| origin.socket);
        for connection in self.sockets(newest.to) {
            let hears = match advanced.kind {
                ReceiptKind::Read => Some(connection.id) != reading || connection.hears_each(),
                // what a login contains is `sent` without saying so
                ReceiptKind::Sent => {
                    connection.is_in_dialect1()
                        && connection.is_newer_than_login(newest.chat_room, newest.seq)
                }
            };
            if hears {
                change.deliver(&connection);
            }
        }
    }

    fn answer(&self, origin: Origin, answer: Result<Answer, LaneError>) {
        let message;
        let reply = match &answer {
            Ok(Answer::Duplicate(stored)) => Ok(Reply::Duplicate(stored)),
            Ok(Answer::Message(stored)) => {
                message = PerDialect::new(stored);
                Ok(Reply::Message(&message))
            }
            Ok(Answer::Unmoved(unmoved)) => {
                message = PerDialect::new(&unmoved.newest);
                Ok(Reply::Message(&message))
            }
            Ok(Answer::Moved { kind, count }) => Ok(match kind {
                ReceiptKind::Read => Reply::Read(*count),
                ReceiptKind::Sent => Reply::Delivered(*count),
            }),
            Err(error) => Err(Error::from(*error)),
        };
        self.reply_from_lane(&origin, &reply);
        if let Ok(Answer::Unmoved(unmoved)) = &answer {
            self.announce_unmoved(&origin, unmoved);
        }
    }
}

impl Announce for Hub {
    fn announce(&self, announcement: &Announcement) {
        let notice = Notice::StatusChanged(self.status_event, announcement);
        let notice = PerDialect::new(notice);
        for contact in &announcement.contacts {
            self.tell(*contact, &notice, None);
        }
    }

    fn announce_again(&self, who: ChatUserId, announcement: &Announcement, except: SocketId) {
        let notice = Notice::StatusChanged(self.status_event, announcement);
        let notice = PerDialect::new(notice);
        for one in announcement.contacts.iter().chain([&who]) {
            for connection in self.sockets(*one) {
                if connection.is_in_dialect1() && connection.id != except {
                    connection.deliver(connection.packet(&notice));
                }
            }
        }
    }
}
