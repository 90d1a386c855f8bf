//! The one gate that announcements about a chat room pass.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::Sockets;
use crate::clock::Clock;
use crate::domain::Message;
use crate::id::{ChatRoomId, Seq};
use crate::rooms::{Advanced, ReceiptKind, RecentCursors, Stored};

/// Locks of watermarks. More than there are threads, so that two lanes seldom meet.
const SHARDS: usize = 64;

/// The last position of each chat room that was announced.
type Watermarks = HashMap<ChatRoomId, Seq>;

/// The watermarks of the chat rooms, and the sockets behind them.
pub(super) struct Gate {
    sockets: Arc<dyn Sockets>,
    recent: RecentCursors,
    clock: Clock,
    watermarks: Vec<Mutex<Watermarks>>,
}

impl Gate {
    pub(super) fn new(sockets: Arc<dyn Sockets>, recent: RecentCursors, clock: Clock) -> Self {
        Self {
            sockets,
            recent,
            clock,
            watermarks: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// While it is held, nothing else about the chat room goes out.
    fn hold(&self, room: ChatRoomId) -> MutexGuard<'_, Watermarks> {
        let [.., a, b] = room.bytes();
        let shard = usize::from(u16::from_be_bytes([a, b])) % self.watermarks.len();
        #[expect(clippy::indexing_slicing, reason = "a remainder of the length")]
        self.watermarks[shard].lock()
    }

    /// Everything up to `start` counts as announced, unless more is known already: an
    /// earlier attempt to take the room up may have been given up. Returns the watermark.
    pub(super) fn open(&self, room: ChatRoomId, start: Seq) -> Seq {
        *self.hold(room).entry(room).or_insert(start)
    }

    /// Forgets the watermark of a chat room.
    pub(super) fn close(&self, room: ChatRoomId) {
        self.hold(room).remove(&room);
    }

    /// Announces messages, except those that were announced before.
    pub(super) fn stored(&self, batch: &mut [Stored]) {
        for stored in batch {
            let message = &stored.message;
            let mut watermarks = self.hold(message.chat_room);
            let announced = watermarks.entry(message.chat_room).or_default();
            // what an event here waits for has just got its number
            if message.seq > *announced || stored.origin.is_some() {
                *announced = message.seq.max(*announced);
                // nobody hears of what was imported
                if !message.is_imported() {
                    self.announce(stored);
                }
            }
            drop(watermarks);
            // not with the last of the batch: its socket may send on
            stored.origin = None;
        }
    }

    /// Announces a message as far as it got by now: a receipt may have been faster than
    /// this, and has been announced then.
    fn announce(&self, stored: &Stored) {
        let message = &stored.message;
        if !message.id.is_of_this_process() {
            self.record_delay(message);
        }
        let moved = self.recent.of(message.chat_room, message.to);
        let delivery = moved.map(|cursors| message.delivery(&cursors, &[]));
        match delivery {
            Some(delivery) if delivery.status > stored.delivery.status => {
                self.sockets.stored(&Stored {
                    delivery,
                    ..stored.clone()
                });
            }
            _ => self.sockets.stored(stored),
        }
    }

    /// Counts how late what another server stored is announced here.
    fn record_delay(&self, message: &Message) {
        let now = self.clock.now().timestamp_millis();
        let delay = now.saturating_sub(message.created_at.timestamp_millis());
        #[expect(clippy::cast_precision_loss, reason = "a metric")]
        metrics::histogram!("chatzz_remote_announce_seconds").record(delay.max(0) as f64 / 1_000.0);
    }

    /// Announces that messages got further; not that they arrived where they are read by now,
    /// which another server may have stored meanwhile.
    pub(super) fn advanced(&self, advanced: &Advanced) {
        let newest = &advanced.newest.message;
        let _held = self.hold(newest.chat_room);
        let known = self.recent.of(newest.chat_room, newest.to);
        let read = known.map_or(0, |cursors| cursors.read.seq);
        if advanced.kind == ReceiptKind::Read || advanced.first() > read {
            self.sockets.advanced(advanced);
        } else if newest.seq > read {
            self.sockets.advanced(&advanced.after(read));
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, doc, oid::ObjectId};

    use super::*;
    use crate::domain::{ByMember, Counts, Cursors, Members, ReadCursor, SentCursor, Status};
    use crate::feed::LoginState;
    use crate::id::{ChatUserId, MessageId, UserId};
    use crate::rooms::{Answer, LaneError, Origin};
    use crate::store::{ChatRoom, User};

    #[derive(Default)]
    struct Ear {
        stored: Mutex<Vec<(Seq, Status)>>,
        advanced: Mutex<Vec<(Seq, Seq)>>,
    }

    impl Sockets for Ear {
        fn is_here(&self, _: ChatUserId) -> bool {
            true
        }

        fn hears_each(&self, _: [ChatUserId; 2]) -> bool {
            false
        }

        fn login_state(&self, _: ChatRoomId, _: ChatUserId) -> LoginState {
            LoginState::default()
        }

        fn stored(&self, stored: &Stored) {
            let heard = (stored.message.seq, stored.delivery.status);
            self.stored.lock().push(heard);
        }

        fn advanced(&self, advanced: &Advanced) {
            let range = (advanced.first(), advanced.newest.message.seq);
            self.advanced.lock().push(range);
        }

        fn answer(&self, _: Origin, _: Result<Answer, LaneError>) {}
    }

    struct Scene {
        ear: Arc<Ear>,
        recent: RecentCursors,
        gate: Gate,
        room: ChatRoomId,
        members: Members,
    }

    impl Scene {
        fn set() -> Self {
            let (ear, recent) = (Arc::new(Ear::default()), RecentCursors::new());
            let [a, b] = [(); 2].map(|()| ChatUserId::generate());
            Self {
                gate: Gate::new(
                    Arc::clone(&ear) as Arc<dyn Sockets>,
                    recent.clone(),
                    Clock::System,
                ),
                ear,
                recent,
                room: ChatRoomId::generate(),
                members: Members::new(a, b).unwrap(),
            }
        }

        /// What the receiver's cursors are by now.
        fn learn(&self, of_receiver: Cursors) {
            let [_, to] = self.members.ids();
            let mut cursors = ByMember::<Cursors>::default();
            *cursors.of_mut(self.members.position(to).unwrap()) = of_receiver;
            self.recent.learn(&ChatRoom {
                id: self.room,
                members: self.members,
                created_at: DateTime::now(),
                added_by: to,
                cursors,
                rev: 0,
            });
        }

        fn message(&self, seq: Seq) -> Stored {
            let [from, to] = self.members.ids();
            let user = || {
                let id = UserId::ObjectId(ObjectId::new());
                Arc::new(User::present(id, doc! {}))
            };
            let message = Message {
                id: MessageId::generate(),
                chat_room: self.room,
                seq,
                from,
                to,
                message: "hello".to_owned(),
                kind: None,
                data: None,
                created_at: DateTime::now(),
                counts: Counts::new(seq, 0),
                client_id: None,
                sent_at: None,
                read_at: None,
                rev: None,
                redacted: false,
                asked: None,
                via: None,
            };
            Stored {
                delivery: message.born(),
                message,
                from: user(),
                to: user(),
                receiver: to,
                origin: None,
            }
        }

        fn heard(&self) -> Vec<(Seq, Status)> {
            self.ear.stored.lock().clone()
        }
    }

    #[test]
    fn what_was_announced_is_not_announced_again() {
        let scene = Scene::set();
        let mut messages = [1, 2, 3].map(|seq| scene.message(seq));
        assert_eq!(scene.gate.open(scene.room, 1), 1);
        scene.gate.stored(&mut messages);
        scene.gate.stored(&mut messages);
        assert_eq!(scene.gate.open(scene.room, 0), 3, "what is known counts");
        assert_eq!(scene.heard(), [(2, Status::NotSent), (3, Status::NotSent)]);
        scene.gate.close(scene.room);
        assert_eq!(scene.gate.open(scene.room, 2), 2);
    }

    #[test]
    fn a_message_is_announced_no_less_far_than_a_faster_receipt_said() {
        let scene = Scene::set();
        let at = Some(DateTime::now());
        scene.learn(Cursors {
            sent: SentCursor { seq: 1, at },
            ..Cursors::default()
        });
        scene.gate.stored(&mut [1, 2].map(|seq| scene.message(seq)));
        assert_eq!(scene.heard(), [(1, Status::Sent), (2, Status::NotSent)]);
    }
    #[test]
    fn what_is_read_is_not_announced_as_sent() {
        let scene = Scene::set();
        scene.learn(Cursors {
            read: ReadCursor {
                seq: 2,
                ..ReadCursor::default()
            },
            ..Cursors::default()
        });
        let sent = |oldest, newest| Advanced {
            oldest,
            ..Advanced::of(scene.message(newest))
        };
        scene.gate.advanced(&sent(Some(1), 4));
        scene.gate.advanced(&sent(Some(1), 3));
        scene.gate.advanced(&sent(Some(1), 2));
        scene.gate.advanced(&sent(None, 1));
        scene.gate.advanced(&sent(None, 5));

        assert_eq!(*scene.ear.advanced.lock(), [(3, 4), (3, 3), (5, 5)]);
    }
}
