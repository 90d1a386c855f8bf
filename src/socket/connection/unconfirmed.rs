//! What a socket was sent and has not confirmed yet.
//!
//! A client that never acknowledges has what it was sent once its socket has outlived ping
//! interval and ping timeout: it has answered a ping that left behind it. The time counts
//! from when the last byte has left, which on a slow link is long after it was sent, and
//! something must have come from the client after that time: a session whose ping is not
//! answered is over, and nothing is read of it any more, but the library tells of its end
//! only when its writer lets go. That a client sends something before proves nothing: it may
//! be far behind with what it reads. Over polling, the next request but one says that the
//! answer before it was received.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::session::{Arrival, Mark};
use crate::id::{ChatRoomId, Seq};
use crate::service::SentRange;

/// Ranges sent within this belong together.
const TOGETHER: Duration = Duration::from_secs(1);

/// Ranges by time, oldest first.
#[derive(Debug, Default)]
pub(in crate::socket) struct Unconfirmed {
    ranges: Vec<Noted>,
    /// The last position of each chat room of which the login contained something;
    /// `None` until it is out.
    at_login: Option<HashMap<ChatRoomId, Seq>>,
}

#[derive(Clone, Copy, Debug)]
struct Noted {
    began: Instant,
    /// The time of the youngest part, which holds for all of it.
    at: Instant,
    /// What was on its way with the youngest part.
    mark: Mark,
    /// When all of that was seen to have left.
    left: Option<Instant>,
    range: SentRange,
}

impl Unconfirmed {
    pub(in crate::socket) fn note(&mut self, range: SentRange, mark: Mark) {
        let now = Instant::now();
        let is_recent = |noted: &&mut Noted| now.duration_since(noted.began) < TOGETHER;
        for noted in self.ranges.iter_mut().rev().take_while(is_recent) {
            let known = &mut noted.range;
            if known.room == range.room
                && range.first <= known.last + 1
                && range.last >= known.first - 1
            {
                noted.at = now;
                known.first = known.first.min(range.first);
                known.last = known.last.max(range.last);
                (noted.at, noted.mark, noted.left) = (now, mark, None);
                return;
            }
        }
        self.ranges.push(Noted {
            began: now,
            at: now,
            mark,
            left: None,
            range,
        });
    }

    /// Notes what the login contains: everything up to there was missed and is
    /// contained in it, was confirmed before, or was sent by the user.
    pub(in crate::socket) fn note_login(&mut self, positions: &[(ChatRoomId, Seq)]) {
        let at_login = self.at_login.get_or_insert_default();
        for (room, position) in positions {
            let last = at_login.entry(*room).or_default();
            *last = (*position).max(*last);
        }
    }

    /// The last position of a chat room that the login contained, 0 if nothing; `None`
    /// while the socket logs in.
    pub(in crate::socket) fn known(&self, room: ChatRoomId) -> Option<Seq> {
        let at_login = self.at_login.as_ref()?;
        Some(at_login.get(&room).copied().unwrap_or_default())
    }

    /// Whether the login contained this message.
    pub(in crate::socket) fn came_with_login(&self, room: ChatRoomId, seq: Seq) -> bool {
        self.known(room).is_some_and(|last| seq <= last)
    }

    /// The first position of what the socket was sent without a gap up to the message at
    /// `seq`, in order, so that whoever has got that has got the rest. Only what was sent
    /// before `since` counts: a client may name a message that it knows from elsewhere before
    /// it has got this.
    pub(in crate::socket) fn sent_with(
        &self,
        room: ChatRoomId,
        seq: Seq,
        since: Instant,
    ) -> Option<Seq> {
        let is_before = |noted: &&Noted| noted.range.room == room && noted.began < since;
        let sent = || {
            self.ranges
                .iter()
                .filter(is_before)
                .map(|noted| noted.range)
        };
        // the first of the ranges that reach a position without a gap
        let first_of = |seq| {
            let reaching = sent().filter(|range| range.first <= seq && seq <= range.last);
            reaching.map(|range| range.first).min()
        };
        let mut first = first_of(seq)?;
        while let Some(further) = first_of(first - 1) {
            first = further;
        }
        Some(first)
    }

    /// Takes out what the client must have by now.
    pub(in crate::socket) fn take_received(
        &mut self,
        after: &Silence,
        arrival: impl Fn(&Mark) -> Arrival,
    ) -> Vec<SentRange> {
        let now = Instant::now();
        let received = self
            .ranges
            .extract_if(.., |noted| match arrival(&noted.mark) {
                Arrival::Underway => false,
                Arrival::Arrived => now.duration_since(noted.at) >= after.noticed,
                Arrival::Left { heard } => {
                    let left = *noted.left.get_or_insert(now);
                    now.duration_since(left) >= after.noticed
                        && heard.is_some_and(|heard| heard >= left + after.answered)
                }
            });
        received.map(|noted| noted.range).collect()
    }
}

/// How long a client can be silent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence {
    /// Until it is noticed that it is gone.
    pub(crate) noticed: Duration,
    /// Until it has answered a ping, or its session is over.
    pub(crate) answered: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_login_brings_is_not_known_before_it_is_out() {
        let [contained, other] = [(); 2].map(|()| ChatRoomId::generate());
        let mut unconfirmed = Unconfirmed::default();
        assert_eq!(unconfirmed.known(contained), None);
        assert!(!unconfirmed.came_with_login(contained, 1));
        unconfirmed.note_login(&[]);
        assert_eq!(
            unconfirmed.known(contained),
            Some(0),
            "a login that brings nothing"
        );
        unconfirmed.note_login(&[(contained, 7)]);
        assert_eq!(
            [contained, other].map(|room| unconfirmed.known(room)),
            [Some(7), Some(0)]
        );
        assert!(unconfirmed.came_with_login(contained, 7));
        assert!(!unconfirmed.came_with_login(contained, 8));
        assert!(!unconfirmed.came_with_login(other, 1));
    }

    #[test]
    fn who_reads_a_message_has_what_was_sent_before_it_without_a_gap() {
        let [room, other] = [(); 2].map(|()| ChatRoomId::generate());
        let sent = Instant::now();
        let (before, after) = (sent - TOGETHER, sent + TOGETHER);
        let noted = |first, last| Noted {
            began: sent,
            at: sent,
            mark: Mark::default(),
            left: None,
            range: SentRange { room, first, last },
        };
        let unconfirmed = Unconfirmed {
            ranges: vec![noted(1, 3), noted(6, 6), noted(7, 8)],
            at_login: None,
        };
        let sent_with = |room, seq, since| unconfirmed.sent_with(room, seq, since);
        assert_eq!(sent_with(room, 2, after), Some(1));
        assert_eq!(sent_with(room, 8, after), Some(6), "up to the gap");
        assert_eq!(sent_with(room, 5, after), None, "it was not sent");
        assert_eq!(sent_with(other, 2, after), None);
        assert_eq!(sent_with(room, 2, before), None, "said before it was sent");
    }

    #[test]
    fn what_has_not_left_or_is_followed_by_silence_is_not_received() {
        let silence = Silence {
            noticed: Duration::ZERO,
            answered: Duration::from_secs(45),
        };
        let range = SentRange {
            room: ChatRoomId::generate(),
            first: 1,
            last: 5,
        };
        let mut unconfirmed = Unconfirmed::default();
        let ask = |unconfirmed: &mut Unconfirmed, arrival| {
            unconfirmed.take_received(&silence, |_| arrival)
        };
        unconfirmed.note(range, Mark::default());
        assert_eq!(ask(&mut unconfirmed, Arrival::Underway), []);
        let long_ago = Arrival::Left { heard: None };
        assert_eq!(ask(&mut unconfirmed, long_ago), []);
        let heard = Some(Instant::now());
        assert_eq!(ask(&mut unconfirmed, Arrival::Left { heard }), []);
        let heard = Some(Instant::now() + Duration::from_mins(1));
        assert_eq!(ask(&mut unconfirmed, Arrival::Left { heard }), [range]);
        assert_eq!(ask(&mut unconfirmed, Arrival::Left { heard }), []);
        unconfirmed.note(range, Mark::default());
        assert_eq!(ask(&mut unconfirmed, Arrival::Arrived), [range]);
    }
}
