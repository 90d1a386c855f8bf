//! Blocking, unblocking, and the whitelist.

use std::collections::HashSet;
use std::sync::Arc;

use super::PrivacySettings;
use crate::domain::Members;
use crate::id::{ChatUserId, UserId};
use crate::service::{Error, IdInput, Me, Messenger};
use crate::store::{Blocked, Event, Privacy, User};

/// People that one may block, and put on a whitelist.
pub(crate) const MAX_LISTED: usize = 1_000;
/// Bytes of user details in one list of blocked people, unless it is one alone.
const MAX_BLOCKED_BYTES: usize = 256 * 1024;
/// Blocked people who are read at first: of people with long details few fit.
const BLOCKED_AT_FIRST: usize = 16;

/// Some of those whom somebody has blocked, the first blocked first.
#[derive(Clone, Debug, Default)]
pub struct BlockedPage {
    /// They.
    pub users: Vec<Arc<User>>,
    /// Whether there are more behind them.
    pub has_more: bool,
}

impl Messenger {
    /// Blocks somebody: they can no longer write to me, and do not see whether I
    /// am here. Tells the user, and whether that is news.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], [`Error::BadRequest`] for oneself and for more
    /// than 1,000 people, or failures.
    #[tracing::instrument(name = "messenger.block", level = "debug", skip_all)]
    pub async fn block(&self, me: &Me, whom: &IdInput) -> Result<(UserId, bool), Error> {
        let user = self.in_constant_time(self.to_be_listed(me, whom)).await?;
        let of_write = |error| Error::of_write(&error);
        let who = if let Some(id) = self.chat_user(&user.id).await? {
            id
        } else {
            let chat_users = &self.store.chat_users;
            let made = chat_users.get_or_create(&user.id).await;
            made.map_err(of_write)?.id
        };
        let at = self.clock.now();
        let blocked = Blocked {
            who,
            user: user.id.clone(),
            at,
        };
        let privacies = &self.store.privacies;
        let changed = privacies.block(me.id, blocked, MAX_LISTED).await;
        let changed = changed.map_err(of_write)?;
        let since = changed.blocked_since(who);
        self.apply(changed).await;
        if since == Some(at) {
            self.events.happened(Event::Blocked { by: me.id, who });
        }
        match since {
            Some(since) => Ok((user.id.clone(), since == at)),
            None => Err(Error::BadRequest(format!(
                "userId: you have blocked {MAX_LISTED} people, the most there may be"
            ))),
        }
    }

    /// Unblocks somebody. Tells the user, and whether that is news.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], or failures.
    #[tracing::instrument(name = "messenger.unblock", level = "debug", skip_all)]
    pub async fn unblock(&self, me: &Me, whom: &IdInput) -> Result<(UserId, bool), Error> {
        let found = self.find_blocked(me, whom);
        let (user, who) = self.in_constant_time(found).await?;
        let Some(who) = who else {
            return Ok((user, false));
        };
        let changed = self.store.privacies.unblock(me.id, who).await;
        let changed = changed.map_err(|error| Error::of_write(&error))?;
        self.apply(changed).await;
        self.events.happened(Event::Unblocked { by: me.id, who });
        Ok((user, true))
    }

    /// Lists whom I blocked, the first blocked first, as many as one answer may contain.
    ///
    /// # Errors
    /// [`Error::UserNotFound`] when `after` is not blocked, or failures.
    pub async fn blocked(&self, me: &Me, after: Option<&IdInput>) -> Result<BlockedPage, Error> {
        let listed = self.list_blocked(me, after);
        self.in_constant_time(listed).await
    }

    async fn list_blocked(&self, me: &Me, after: Option<&IdInput>) -> Result<BlockedPage, Error> {
        let privacy = self.read_privacy(me).await?;
        let mut ids: Vec<UserId> = privacy.blocked.into_iter().map(|one| one.user).collect();
        if let Some(after) = after {
            let candidates = self.directory.candidates(after);
            let at = ids.iter().position(|id| candidates.contains(id));
            ids.drain(..=at.ok_or(Error::UserNotFound)?);
        }
        let mut page = BlockedPage::default();
        let mut bytes = 0;
        let mut next = BLOCKED_AT_FIRST;
        while !ids.is_empty() {
            let some: Vec<UserId> = ids.drain(..next.min(ids.len())).collect();
            let mut users = self.directory.list(some.clone()).await?;
            for user in some.iter().filter_map(|id| users.remove(id)) {
                bytes += user.size();
                if bytes > MAX_BLOCKED_BYTES && !page.users.is_empty() {
                    page.has_more = true;
                    return Ok(page);
                }
                page.users.push(user);
            }
            // as many as fit if they are like those before, and one more
            let each = (bytes / page.users.len().max(1)).max(1);
            next = MAX_BLOCKED_BYTES.saturating_sub(bytes) / each + 1;
        }
        Ok(page)
    }

    /// Sets who may write to me; what is `None` stays as it is. Tells what is
    /// set then, and whether anything was written.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], [`Error::BadRequest`] for oneself and for more
    /// than 1,000 people, or failures.
    #[tracing::instrument(name = "messenger.set_privacy", level = "debug", skip_all)]
    pub async fn set_privacy(
        &self,
        me: &Me,
        only: Option<bool>,
        whitelist: Option<Vec<IdInput>>,
    ) -> Result<(PrivacySettings, bool), Error> {
        if only.is_none() && whitelist.is_none() {
            let privacy = self.read_privacy(me).await?;
            return Ok((PrivacySettings::from(&privacy), false));
        }
        let whitelist = match whitelist {
            Some(inputs) => {
                let found = self.all_to_be_listed(me, inputs);
                Some(self.in_constant_time(found).await?)
            }
            None => None,
        };
        let changed = self.store.privacies.set(me.id, only, whitelist).await;
        let changed = changed.map_err(|error| Error::of_write(&error))?;
        let settings = PrivacySettings::from(&changed);
        self.apply(changed).await;
        self.events.happened(Event::PrivacySet { by: me.id });
        Ok((settings, true))
    }

    /// Reads anew what people who are here set at other nodes.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn refresh_privacies(&self, ids: &[ChatUserId]) -> Result<(), Error> {
        for privacy in self.privacies_of(ids).await?.into_values() {
            self.apply(privacy).await;
        }
        Ok(())
    }

    /// Who may write to somebody.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub(in crate::service) async fn settings_of(
        &self,
        who: ChatUserId,
    ) -> Result<PrivacySettings, Error> {
        Ok(PrivacySettings::from(&*self.privacies.of(who).await?))
    }

    pub(in crate::service) async fn apply(&self, changed: Privacy) {
        let known = self.privacies.learn(changed).await;
        self.presence.apply_blocks(&known);
    }

    /// What I set, past the cache: another node may have written it.
    async fn read_privacy(&self, me: &Me) -> Result<Privacy, Error> {
        let found = self.store.privacies.find(me.id).await;
        let found = found.map_err(|error| Error::of_read(&error))?;
        Ok(found.unwrap_or_else(|| Privacy::none(me.id)))
    }

    /// Finds a user to be put on a list: another one, whom I may know of.
    async fn to_be_listed(&self, me: &Me, input: &IdInput) -> Result<Arc<User>, Error> {
        let user = self.user(input).await?;
        if user.id == me.user {
            return Err(Error::BadRequest("userId: this is yourself".into()));
        }
        if self.may_know_of(me, &user.id).await? {
            Ok(user)
        } else {
            Err(Error::UserNotFound)
        }
    }

    /// The same for many, each once: those who are listed already, then the others.
    async fn all_to_be_listed(&self, me: &Me, inputs: Vec<IdInput>) -> Result<Vec<UserId>, Error> {
        if inputs.len() > MAX_LISTED {
            return Err(Error::BadRequest(format!(
                "whitelist: must hold at most {MAX_LISTED} people"
            )));
        }
        // the list as it stands is always taken back, even if somebody on it was deleted
        let listed = self.read_privacy(me).await?.whitelist;
        let known = |input: &IdInput| {
            let candidates = self.directory.candidates(input);
            let known = listed.iter().find(|one| candidates.contains(&one.user));
            known.map(|one| one.user.clone())
        };
        let (kept, new): (Vec<_>, Vec<_>) = inputs
            .into_iter()
            .map(|input| known(&input).ok_or(input))
            .partition(Result::is_ok);
        let kept = kept.into_iter().filter_map(Result::ok);
        let inputs: Vec<IdInput> = new.into_iter().filter_map(Result::err).collect();
        // where a rule is set, the same is asked for whoever does not exist
        let (users, is_missing) = match self.directory.find_all(&inputs).await {
            Err(Error::UserNotFound) if self.rule.is_set() => {
                let any = |input: &IdInput| self.directory.candidates(input).into_iter().next();
                (inputs.iter().filter_map(any).collect(), true)
            }
            found => (found?, false),
        };
        let mut once = HashSet::new();
        let kept: Vec<UserId> = kept.filter(|id| once.insert(id.clone())).collect();
        let users: Vec<UserId> = users
            .into_iter()
            .filter(|id| once.insert(id.clone()))
            .collect();
        if once.contains(&me.user) {
            return Err(Error::BadRequest("whitelist: holds yourself".into()));
        }
        if !self.rule.is_set() {
            return Ok([kept, users].concat());
        }
        if self.may_know_of_all(me, &users).await? && !is_missing {
            Ok([kept, users].concat())
        } else {
            Err(Error::UserNotFound)
        }
    }

    /// Whether I may hear of each of these users: because the rule allows it, or because of
    /// a chat room from before.
    async fn may_know_of_all(&self, me: &Me, users: &[UserId]) -> Result<bool, Error> {
        let of_read = |error| Error::of_read(&error);
        let allowed = self.rule.allows_each(me, users).await?;
        let others = users.iter().filter(|user| allowed.get(user) != Some(&true));
        let others: Vec<UserId> = others.cloned().collect();
        let count = others.len();
        let known = self.store.chat_users.list_by_user(others).await;
        let members = known.map_err(of_read)?.into_iter();
        let members = members.filter_map(|other| Members::new(me.id, other.id));
        let members: Vec<Members> = members.collect();
        let rooms = self.store.chat_rooms.list_by_pairs(&members).await;
        Ok(rooms.map_err(of_read)?.len() == count)
    }

    /// Finds somebody to be unblocked; `None` when they are not blocked.
    async fn find_blocked(
        &self,
        me: &Me,
        input: &IdInput,
    ) -> Result<(UserId, Option<ChatUserId>), Error> {
        let privacy = self.read_privacy(me).await?;
        let candidates = self.directory.candidates(input);
        let mut blocked = privacy.blocked.iter();
        if let Some(blocked) = blocked.find(|one| candidates.contains(&one.user)) {
            return Ok((blocked.user.clone(), Some(blocked.who)));
        }
        let user = self.user(input).await?;
        // by its collation the collection may take the input for that one
        let mut blocked = privacy.blocked.iter();
        if let Some(blocked) = blocked.find(|one| one.user == user.id) {
            return Ok((blocked.user.clone(), Some(blocked.who)));
        }
        if self.may_know_of(me, &user.id).await? {
            Ok((user.id.clone(), None))
        } else {
            Err(Error::UserNotFound)
        }
    }

    /// Whether I may hear that there is such a user.
    async fn may_know_of(&self, me: &Me, user: &UserId) -> Result<bool, Error> {
        if self.rule.allows(me, user).await? {
            return Ok(true);
        }
        match self.chat_user(user).await? {
            Some(other) => match Members::new(me.id, other) {
                Some(members) => Ok(self.room(members).await?.is_some()),
                None => Ok(false),
            },
            None => Ok(false),
        }
    }
}
