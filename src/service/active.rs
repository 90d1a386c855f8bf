//! Which contacts are online now.

use super::{Contact, Error, IdInput, Me, Messenger};
use crate::domain::Members;
use crate::id::ChatUserId;
use crate::store::PresenceStatus;

/// Contacts on a page when nothing is asked for, and the most.
const PAGE: i64 = 100;
const MOST: i64 = 500;

/// Which contacts a client asks for.
#[derive(Clone, Debug)]
pub struct ActiveQuery {
    /// Those behind this contact, in the order of the pages.
    pub after: Option<IdInput>,
    /// How many; 1 to 500, 100 when it is not said.
    pub limit: Option<i64>,
    /// Also those who are offline.
    pub all: bool,
}

/// Contacts, in an order that stays.
#[derive(Clone, Debug)]
pub struct ActivePage {
    /// The contacts.
    pub contacts: Vec<Contact>,
    /// Whether there are more behind them.
    pub has_more: bool,
}

impl Messenger {
    /// Lists the contacts who are online, or all of them, as I am shown them. Eight
    /// queries, four more for each further round of contacts beyond the first 20, and three
    /// at most to find the one after whom to go on.
    ///
    /// The order is that of the chat users' ids, so that nobody who stays is left
    /// out or comes twice while others come and go.
    ///
    /// # Errors
    /// [`Error::UserNotFound`] and [`Error::NoChatRoom`] for `after`, or failures.
    #[tracing::instrument(name = "messenger.active", level = "debug", skip_all)]
    pub async fn active(&self, me: &Me, query: &ActiveQuery) -> Result<ActivePage, Error> {
        let of_read = |error| Error::of_read(&error);
        let after = match &query.after {
            Some(input) => {
                let found = self.conversation_with(me, input);
                Some(self.in_constant_time(found).await?.other.id)
            }
            None => None,
        };
        let limit = query.limit.unwrap_or(PAGE).clamp(1, MOST);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let pairs = self.store.chat_rooms.list_pairs_of(&[me.id]).await;
        let pairs = pairs.map_err(of_read)?.into_iter();
        let mut contacts: Vec<ChatUserId> = pairs.map(|pair| pair.other(me.id)).collect();
        contacts.retain(|other| after.is_none_or(|after| *other > after));
        if !query.all {
            contacts = self.online_among(contacts).await?;
            let hidden = self.hidden_from(me, &contacts).await?;
            contacts.retain(|other| !hidden.contains_key(other));
        }
        contacts.sort_unstable();
        let found = contacts.len();
        contacts.truncate(limit);
        let pairs = contacts.iter();
        let pairs = pairs.filter_map(|other| Members::new(me.id, *other));
        let pairs: Vec<Members> = pairs.collect();
        let rooms = self.store.chat_rooms.list_by_pairs(&pairs).await;
        let mut rooms = rooms.map_err(of_read)?;
        rooms.sort_unstable_by_key(|room| room.other(me.id));
        // a chat room stays: as many were found as were looked for
        let (mut contacts, described) = self.describe_fitting(me, rooms).await?;
        contacts.sort_unstable_by_key(|contact| contact.id);
        if query.all {
            // a login did not contain them, and so none of what they missed
            let behind = contacts.iter();
            let behind = behind.filter(|one| one.last_seq() > one.cursors.delivered);
            let behind = behind.map(|one| one.room).collect();
            self.note_cut(&mut contacts, &behind).await?;
        }
        let has_more = described < found;
        Ok(ActivePage { contacts, has_more })
    }

    /// Those of some people who are online, here or at another node.
    async fn online_among(&self, people: Vec<ChatUserId>) -> Result<Vec<ChatUserId>, Error> {
        // who came a moment ago is not written yet
        let here = people.iter().filter(|who| self.presence.is_shown(**who));
        let here: Vec<ChatUserId> = here.copied().collect();
        // without other nodes nobody else can be online
        let is_alone = !self.presence.remote().is_any();
        let people = if is_alone { here.clone() } else { people };
        let found = self.store.chat_users.list_online(&people, &here).await;
        let found = found.map_err(|error| Error::of_read(&error))?;
        // and who is written may have been on a node that is gone
        let shown = |who| self.presence.shown(who).status == PresenceStatus::Online;
        Ok(found
            .iter()
            .filter(|who| shown(who))
            .map(|who| who.id)
            .collect())
    }
}
