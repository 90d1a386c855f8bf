//! Which collection has which name, before, during and after.

use serde::{Deserialize, Serialize};

use crate::store::Names;

/// What is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Chat users.
    ChatUsers,
    /// Chat rooms.
    ChatRooms,
    /// Messages.
    Messages,
}

impl Kind {
    /// All of them, in the order in which they take their names.
    pub const ALL: [Self; 3] = [Self::ChatUsers, Self::ChatRooms, Self::Messages];

    /// The name in reports and in what is set aside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChatUsers => "chatUsers",
            Self::ChatRooms => "chatRooms",
            Self::Messages => "messages",
        }
    }

    /// So many of them, in words.
    pub fn counted(self, count: u64) -> String {
        let title = self.title();
        let title = if count == 1 {
            title.strip_suffix('s').unwrap_or(title)
        } else {
            title
        };
        format!("{count} {title}")
    }

    /// The name in sentences.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ChatUsers => "chat users",
            Self::ChatRooms => "chat rooms",
            Self::Messages => "messages",
        }
    }
}

/// A configured name is one that the adoption needs.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "the collection {0} is needed for the adoption: give another name to the key that names it"
)]
pub struct NamesClash(String);

/// The names of collections, old and new.
#[derive(Clone, Debug)]
pub(super) struct Places {
    chat_users: String,
    chat_rooms: String,
    messages: String,
    /// Those that the messenger needs besides.
    pub(super) others: [String; 4],
    prefix: String,
}

impl Places {
    pub(super) fn new(names: &Names, prefix: &str) -> Result<Self, NamesClash> {
        let places = Self {
            chat_users: names.chat_users.clone(),
            chat_rooms: names.chat_rooms.clone(),
            messages: names.messages.clone(),
            others: [
                names.privacies.clone(),
                names.nodes.clone(),
                names.events.clone(),
                names.meta.clone(),
            ],
            prefix: prefix.to_owned(),
        };
        let clash = places
            .own()
            .find(|name| places.all().any(|configured| configured == name));
        match clash {
            Some(name) => Err(NamesClash(name)),
            None => Ok(places),
        }
    }

    /// All names that are not configured.
    pub(super) fn own(&self) -> impl Iterator<Item = String> {
        let own = Kind::ALL.map(|kind| [self.staged(kind), self.before(kind)]);
        own.into_iter().flatten().chain([self.rest()])
    }

    fn all(&self) -> impl Iterator<Item = &String> {
        let three = [&self.chat_users, &self.chat_rooms, &self.messages];
        three.into_iter().chain(&self.others)
    }

    /// The configured name, of the old collection and in the end of the new one.
    pub(super) fn of(&self, kind: Kind) -> &str {
        match kind {
            Kind::ChatUsers => &self.chat_users,
            Kind::ChatRooms => &self.chat_rooms,
            Kind::Messages => &self.messages,
        }
    }

    pub(super) fn staged(&self, kind: Kind) -> String {
        format!("{}adopting_{}", self.prefix, short(kind))
    }

    pub(super) fn before(&self, kind: Kind) -> String {
        format!("{}before_{}", self.prefix, short(kind))
    }

    pub(super) fn rest(&self) -> String {
        format!("{}adopted_rest", self.prefix)
    }

    /// The index that the old messages are read by.
    pub(super) fn index(&self) -> String {
        format!("{}adopt", self.prefix)
    }
}

fn short(kind: Kind) -> &'static str {
    match kind {
        Kind::ChatUsers => "users",
        Kind::ChatRooms => "rooms",
        Kind::Messages => "messages",
    }
}
