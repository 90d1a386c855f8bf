//! The two people of a chat room.

use bson::DateTime;
use serde::{Serialize, Serializer, ser::SerializeTuple as _};

use crate::id::{ChatUserId, Seq};

/// The two people of a chat room, in the order of `chatUsers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Members([ChatUserId; 2]);

/// Which of the two members a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Position {
    /// The first of `chatUsers`.
    First,
    /// The second.
    Second,
}

impl Members {
    /// Two people; `None` for one person twice.
    pub fn new(first: ChatUserId, second: ChatUserId) -> Option<Self> {
        (first != second).then_some(Self([first, second]))
    }

    /// Both, in order.
    pub fn ids(&self) -> [ChatUserId; 2] {
        self.0
    }

    /// Which of the two this is; `None` for anybody else.
    pub fn position(&self, who: ChatUserId) -> Option<Position> {
        let [first, second] = self.0;
        match who {
            who if who == first => Some(Position::First),
            who if who == second => Some(Position::Second),
            _ => None,
        }
    }

    /// The person in this position.
    pub fn one(&self, position: Position) -> ChatUserId {
        let [first, second] = self.0;
        match position {
            Position::First => first,
            Position::Second => second,
        }
    }

    /// The other member, as seen from `me`; for a stranger the first.
    pub fn other(&self, me: ChatUserId) -> ChatUserId {
        let [first, second] = self.0;
        if first == me { second } else { first }
    }
}

impl Position {
    /// The other position.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// One value for each member, in the order of `chatUsers`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByMember<T> {
    first: T,
    second: T,
}

impl<T> ByMember<T> {
    /// The values of the first and the second member.
    pub fn new(first: T, second: T) -> Self {
        Self { first, second }
    }

    /// The value of one of them.
    pub fn of(&self, position: Position) -> &T {
        match position {
            Position::First => &self.first,
            Position::Second => &self.second,
        }
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, position: Position) -> &mut T {
        match position {
            Position::First => &mut self.first,
            Position::Second => &mut self.second,
        }
    }
}

/// How many messages each member has sent, up to and including one message, that the other may see.
pub type Counts = ByMember<i64>;

impl Counts {
    /// The counts of the next message: one more for its sender, unless the other member
    /// may not see it.
    #[must_use]
    pub fn after(mut self, sender: Position, withheld: bool) -> Self {
        if !withheld {
            *self.of_mut(sender) += 1;
        }
        self
    }

    /// How many of the messages up to and including `seq`, which these counts belong to,
    /// are withheld from their receivers.
    pub fn withheld(&self, seq: Seq) -> i64 {
        seq - self.first - self.second
    }
}

/// The last message of a chat room, which the next one follows. Its parts are only ever
/// taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its position, 0 for none.
    pub seq: Seq,
    /// When it was stored.
    pub at: DateTime,
    /// How many messages each member has sent up to there.
    pub counts: Counts,
}

impl Head {
    /// The head of a chat room without messages.
    pub const EMPTY: Self = Self {
        seq: 0,
        at: DateTime::MIN,
        counts: Counts {
            first: 0,
            second: 0,
        },
    };

    /// The later of two.
    #[must_use]
    pub fn later(self, other: Self) -> Self {
        if other.seq > self.seq { other } else { self }
    }
}

impl<T: Serialize> Serialize for ByMember<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_tuple(2)?;
        pair.serialize_element(&self.first)?;
        pair.serialize_element(&self.second)?;
        pair.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_has_a_place_and_another_beside_it() {
        let [a, b, stranger] = [(); 3].map(|()| ChatUserId::generate());
        let members = Members::new(a, b).unwrap();
        assert_eq!(members.position(a), Some(Position::First));
        assert_eq!(members.position(b), Some(Position::Second));
        assert_eq!(members.position(stranger), None);
        assert_eq!([members.other(a), members.other(b)], [b, a]);
        assert_eq!(members.one(Position::Second), b);
        assert_eq!(Members::new(a, a), None);
    }

    #[test]
    fn what_is_withheld_is_counted_by_what_is_left() {
        let counts = Counts::default()
            .after(Position::First, false)
            .after(Position::Second, true)
            .after(Position::Second, false);
        assert_eq!(counts, Counts::new(1, 1));
        assert_eq!(counts.withheld(3), 1);
    }
}
