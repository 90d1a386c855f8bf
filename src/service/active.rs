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
}

/// Contacts who are online, in an order that stays.
#[derive(Clone, Debug)]
pub struct ActivePage {
    /// The contacts.
    pub contacts: Vec<Contact>,
    /// Whether there are more behind them.
    pub has_more: bool,
}

impl Messenger {
    /// Lists the contacts who are online, as I am shown them. Eight queries, nine when
    /// many messages are unread, and three at most to find the one after whom to go on.
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
        let mut online = self.online_among(contacts).await?;
        let hidden = self.hidden_from(me, &online).await?;
        online.retain(|other| !hidden.contains_key(other));
        online.sort_unstable();
        let has_more = online.len() > limit;
        online.truncate(limit);
        let pairs = online
            .iter()
            .filter_map(|other| Members::new(me.id, *other));
        let pairs: Vec<Members> = pairs.collect();
        let rooms = self.store.chat_rooms.list_by_pairs(&pairs).await;
        let mut contacts = self.describe(me, rooms.map_err(of_read)?).await?;
        contacts.sort_unstable_by_key(|contact| contact.id);
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
