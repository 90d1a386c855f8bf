//! Who may write to whom, as the application's own data says.

use std::collections::HashMap;
use std::time::Duration;

use moka::future::Cache;

use crate::id::UserId;
use crate::service::{Error, Me};
use crate::store::{self, ContactRule, Store};

/// Answers remembered at most, about 200 bytes each.
const MAX_CACHED: u64 = 200_000;

/// `CHATZZ_CONTACT_RULE`; without it everybody may write to everybody.
pub(in crate::service) struct Rule {
    rule: Option<ContactRule>,
    answers: Cache<(UserId, UserId), bool>,
}

impl Rule {
    pub(in crate::service) fn new(rule: Option<ContactRule>, cache: Duration) -> Self {
        let answers = Cache::builder()
            .max_capacity(MAX_CACHED)
            .time_to_live(cache)
            .build();
        Self { rule, answers }
    }

    /// Whether there is a rule, and so people whom not everybody may know of.
    pub(in crate::service) fn is_set(&self) -> bool {
        self.rule.is_some()
    }

    /// Whether I may write to a user; believed for `CHATZZ_CONTACT_RULE_CACHE`.
    pub(in crate::service) async fn allows(&self, me: &Me, to: &UserId) -> Result<bool, Error> {
        if self.rule.is_none() || me.user == *to {
            return Ok(true);
        }
        let pair = (me.user.clone(), to.clone());
        if let Some(allowed) = self.answers.get(&pair).await {
            return Ok(allowed);
        }
        // boxed: seldom needed, and held by the future of every send
        Box::pin(self.ask(me, to)).await
    }

    /// Lets the next question be asked anew.
    pub(in crate::service) async fn forget(&self, me: &Me, to: &UserId) {
        if self.rule.is_some() {
            let pair = (me.user.clone(), to.clone());
            self.answers.invalidate(&pair).await;
        }
    }

    /// The same, asked anew.
    pub(in crate::service) async fn ask(&self, me: &Me, to: &UserId) -> Result<bool, Error> {
        let Some(rule) = &self.rule else {
            return Ok(true);
        };
        let allowed = rule.allows(&me.user, to).await;
        let allowed = allowed.map_err(|error| Error::of_read(&error))?;
        let pair = (me.user.clone(), to.clone());
        self.answers.insert(pair, allowed).await;
        Ok(allowed)
    }
}

/// Users about whom the rule is asked in one query.
const USERS_PER_QUERY: usize = 250;

impl Rule {
    /// Whether I may write to each of these users; the rule is asked about those of whom
    /// nothing is remembered, in one query for each 250.
    pub(in crate::service) async fn allows_each(
        &self,
        me: &Me,
        users: &[UserId],
    ) -> Result<HashMap<UserId, bool>, Error> {
        let mut answers = HashMap::with_capacity(users.len());
        let mut unknown = Vec::new();
        for user in users {
            let pair = (me.user.clone(), user.clone());
            match self.answers.get(&pair).await {
                Some(allowed) => drop(answers.insert(user.clone(), allowed)),
                None if self.rule.is_some() => unknown.push(user.clone()),
                None => drop(answers.insert(user.clone(), true)),
            }
        }
        let Some(rule) = &self.rule else {
            return Ok(answers);
        };
        for some in unknown.chunks(USERS_PER_QUERY) {
            let allowed = rule.allows_each(&me.user, some).await;
            let allowed = allowed.map_err(|error| Error::of_read(&error))?;
            for (user, allowed) in some.iter().zip(allowed) {
                let pair = (me.user.clone(), user.clone());
                self.answers.insert(pair, allowed).await;
                answers.insert(user.clone(), allowed);
            }
        }
        Ok(answers)
    }
}

/// Asks the contact rule once, so that one that cannot be asked shows at the start.
///
/// # Errors
/// With the collection and what the database says.
pub async fn check_contact_rule(store: &Store) -> Result<(), (String, store::Error)> {
    let Some(rule) = &store.contact_rule else {
        return Ok(());
    };
    let name = rule.name();
    match rule.probe().await {
        Ok(true) => Ok(()),
        Ok(false) => {
            tracing::warn!(
                "{name} holds nothing: by CHATZZ_CONTACT_RULE nobody may write to anybody yet"
            );
            Ok(())
        }
        Err(error) => Err((name, error)),
    }
}
