//! How somebody is shown to others, and the mending of an answer that was
//! overtaken by the news.

use bson::DateTime;

use super::{Announcement, PresenceRegistry};
use crate::id::ChatUserId;
use crate::store::{ChatUser, PresenceStatus};

/// How somebody is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Whether they are online.
    pub status: PresenceStatus,
    /// When they last went offline.
    pub last_online: Option<DateTime>,
    /// Whether they are on another node, by what the database said.
    remote: bool,
    /// When the database's word was written.
    as_of: Option<DateTime>,
    /// Whether they are hidden, and this is not the truth.
    hidden: bool,
}

impl Shown {
    /// The same, but here.
    #[must_use]
    pub fn online(self) -> Self {
        Self {
            status: PresenceStatus::Online,
            ..self
        }
    }

    /// Gone at that time, whatever is true: to those whom they blocked.
    pub fn hidden(at: DateTime) -> Self {
        Self {
            status: PresenceStatus::Offline,
            last_online: Some(at),
            remote: false,
            as_of: None,
            hidden: true,
        }
    }
}

/// A person as an answer shows them.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Who is shown.
    pub who: ChatUserId,
    /// To whom.
    pub to: ChatUserId,
    /// How.
    pub shown: Shown,
}

impl PresenceRegistry {
    /// Whether a person is shown online because of a socket here.
    pub fn is_shown(&self, who: ChatUserId) -> bool {
        self.person(who)
            .is_some_and(|person| person.state.lock().shown_online)
    }

    /// How a person is shown to others, `who` being what the database says.
    pub fn shown(&self, who: &ChatUser) -> Shown {
        let (here, left, heard_at) = self.person(who.id).map_or((false, None, None), |person| {
            let state = person.state.lock();
            (state.shown_online, state.last_online, state.heard_at)
        });
        // what was read may be older than what this node has heard since
        let remote = if heard_at > who.changed_at {
            self.remote.has(who.id)
        } else {
            self.remote.holds(&who.nodes)
        };
        let status = if here || remote {
            PresenceStatus::Online
        } else {
            PresenceStatus::Offline
        };
        Shown {
            status,
            last_online: who.last_online.max(left),
            remote,
            as_of: who.changed_at,
            hidden: false,
        }
    }

    /// Announces how somebody is now, if an answer has just shown them otherwise: the
    /// news of it may have gone out before the answer.
    pub fn correct(&self, description: &Description) {
        let Description { who, to, shown } = description;
        if shown.hidden {
            return;
        }
        // of whom this node knows nothing, it has announced nothing
        self.change(*who, |state| {
            let remote = if state.heard_at > shown.as_of {
                self.remote.has(*who)
            } else {
                shown.remote
            };
            let hidden = state.hidden_from.get(to).copied();
            let status = if hidden.is_none() && (state.shown_online || remote) {
                PresenceStatus::Online
            } else {
                PresenceStatus::Offline
            };
            (status != shown.status).then(|| Announcement {
                contacts: vec![*to],
                last_online: hidden.or(state.last_online),
                ..state.announcement(status)
            })
        });
    }
}
