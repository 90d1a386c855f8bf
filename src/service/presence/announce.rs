//! How people go offline, and what their contacts hear of it.

use std::sync::Arc;

use bson::DateTime;

use crate::id::{ChatUserId, SocketId};
use crate::store::{PresenceStatus, User};

/// How a socket went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// The client said so.
    Clean,
    /// The transport broke, or fell silent.
    Lost,
}

/// Somebody came or went: to be announced to their contacts.
#[derive(Clone, Debug)]
pub struct Announcement {
    /// Who.
    pub user: Arc<User>,
    /// Came or went.
    pub status: PresenceStatus,
    /// When they last went.
    pub last_online: Option<DateTime>,
    /// Whom to tell.
    pub contacts: Vec<ChatUserId>,
}

/// Where announcements go. Must not block.
pub trait Announce: Send + Sync + 'static {
    /// Announces one; calls about one person come one after another.
    fn announce(&self, announcement: &Announcement);
    /// Announces once more that somebody is online, after another login of theirs on a socket
    /// of dialect 1: to other such sockets alone, also to their own.
    fn announce_again(&self, who: ChatUserId, announcement: &Announcement, except: SocketId);
}
