//! Who does not want to hear from whom, and who may not write at all.

mod constant_time;
mod rule;
mod verbs;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bson::DateTime;
use moka::future::Cache;

use super::{Error, Me, Messenger};
use crate::config::BlockedSends;
use crate::id::{ChatUserId, UserId};
use crate::store::{self, Privacy};

pub(super) use constant_time::ConstantTime;
pub(super) use rule::Rule;
pub use rule::check_contact_rule;
pub use verbs::BlockedPage;

/// Privacies remembered at most, weighed by how much they hold: about 100 bytes each.
const MAX_CACHED: u64 = 500_000;

/// What somebody set with `set-privacy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivacySettings {
    /// Whether only those on the whitelist may write.
    pub whitelist_only: bool,
    /// Who may write then.
    pub whitelist: Vec<UserId>,
}

impl From<&Privacy> for PrivacySettings {
    fn from(privacy: &Privacy) -> Self {
        let listed = privacy.whitelist.iter();
        Self {
            whitelist_only: privacy.whitelist_only,
            whitelist: listed.map(|listed| listed.user.clone()).collect(),
        }
    }
}

/// What people set, believed for a while; what is set here counts at once.
pub(super) struct Privacies {
    store: store::Privacies,
    known: Cache<ChatUserId, Arc<Privacy>>,
}

impl Privacies {
    pub(super) fn new(store: store::Privacies, cache: Duration) -> Self {
        let weight = |_: &ChatUserId, privacy: &Arc<Privacy>| {
            let held = 1 + privacy.blocked.len() + privacy.whitelist.len();
            u32::try_from(held).unwrap_or(u32::MAX)
        };
        let known = Cache::builder()
            .max_capacity(MAX_CACHED)
            .weigher(weight)
            .time_to_live(cache)
            .build();
        Self { store, known }
    }

    /// What somebody set.
    pub(super) async fn of(&self, who: ChatUserId) -> Result<Arc<Privacy>, Error> {
        if let Some(known) = self.known.get(&who).await {
            return Ok(known);
        }
        // boxed: seldom needed, and held by the future of every send
        let found = Box::pin(self.store.find(who)).await;
        let found = found.map_err(|error| Error::of_read(&error))?;
        Ok(self
            .learn(found.unwrap_or_else(|| Privacy::none(who)))
            .await)
    }

    /// What somebody set, if that is known; without a query.
    async fn known(&self, who: ChatUserId) -> Option<Arc<Privacy>> {
        self.known.get(&who).await
    }

    /// Takes in what was read or written. A read that began before a write and
    /// ended after it does not undo it: the greater version stays.
    async fn learn(&self, found: Privacy) -> Arc<Privacy> {
        let entry = self.known.entry(found.id).and_upsert_with(|known| {
            let known = known.map(moka::Entry::into_value);
            let newer = known.filter(|known| known.version > found.version);
            std::future::ready(newer.unwrap_or_else(|| Arc::new(found)))
        });
        entry.await.into_value()
    }
}

/// What becomes of what I send to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reception {
    /// They get it.
    Taken,
    /// They do not get it, and the sender does not notice.
    Withheld,
    /// They do not get it, and the sender gets an error.
    Refused,
}

impl Messenger {
    /// What becomes of what I send to somebody. Cached: no query while warm.
    ///
    /// Where sends are withheld a block changes no answer: whom the whitelist
    /// refuses is refused, blocked or not.
    pub(super) async fn reception(&self, who: ChatUserId, me: &Me) -> Result<Reception, Error> {
        let privacy = self.privacies.of(who).await?;
        let blocked = privacy.blocked_since(me.id).is_some();
        Ok(match self.blocked_sends {
            _ if !privacy.lists(&me.user) => Reception::Refused,
            _ if !blocked => Reception::Taken,
            BlockedSends::Withhold => Reception::Withheld,
            BlockedSends::Refuse => Reception::Refused,
        })
    }

    /// Whether one of two people is known to have blocked the other; without a query.
    pub async fn is_known_to_block(&self, one: ChatUserId, other: ChatUserId) -> bool {
        for (who, whom) in [(one, other), (other, one)] {
            let privacy = self.privacies.known(who).await;
            if privacy.is_some_and(|privacy| privacy.blocked_since(whom).is_some()) {
                return true;
            }
        }
        false
    }

    /// Those of `others` who blocked me, and since when. What I set myself is read in
    /// the same query. It holds for what is announced of me from now on, unless I am shown
    /// online already: that changes with news of it only, which is not announced from here.
    pub(super) async fn hidden_from(
        &self,
        me: &Me,
        others: &[ChatUserId],
    ) -> Result<HashMap<ChatUserId, DateTime>, Error> {
        let found = self.store.privacies.list_seen_by(me.id, others).await;
        let found = found.map_err(|error| Error::of_read(&error))?;
        let mut mine = None;
        let mut hidden = HashMap::new();
        for privacy in found {
            if privacy.id == me.id {
                mine = Some(privacy);
            } else if let Some(at) = privacy.blocked_since(me.id) {
                hidden.insert(privacy.id, at);
            }
        }
        let mine = mine.unwrap_or_else(|| Privacy::none(me.id));
        let mine = self.privacies.learn(mine).await;
        self.presence.apply_blocks_unshown(&mine);
        Ok(hidden)
    }

    /// What these people set, read anew; who set nothing is left out.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn privacies_of(
        &self,
        ids: &[ChatUserId],
    ) -> Result<HashMap<ChatUserId, Privacy>, Error> {
        let found = self.store.privacies.list(ids).await;
        let found = found.map_err(|error| Error::of_read(&error))?;
        Ok(found
            .into_iter()
            .map(|privacy| (privacy.id, privacy))
            .collect())
    }

    /// Lets a refusal that must not tell whether something exists leave on the next
    /// beat of 10 ms: by then it is the same whichever way it was found.
    pub(super) async fn in_constant_time<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let constant_time = ConstantTime::begin();
        let outcome = work.await;
        let tells = match &outcome {
            Err(Error::MessageNotFound) => true,
            Err(Error::UserNotFound) => self.rule.is_set(),
            _ => false,
        };
        if tells {
            constant_time.next().await;
        }
        outcome
    }
}
