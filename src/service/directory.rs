//! The join to the application's users: live, read only, cached for seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bson::oid::ObjectId;
use moka::future::Cache;

use super::Error;
use crate::config::IdType;
use crate::hooks::HookPoints;
use crate::id::UserId;
use crate::store::{User, Users};

/// Users remembered at most, about 1 KiB each.
const MAX_CACHED: u64 = 100_000;

/// A user's id as a client wrote it, its type not known yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IdInput {
    /// A JSON string.
    Text(String),
    /// A JSON integer.
    Number(i64),
}

impl IdInput {
    /// Whether two texts differ in nothing but capitals: a collection may take such ids for
    /// the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let (Self::Text(one), Self::Text(other)) = (self, other) else {
            return false;
        };
        one.to_lowercase() == other.to_lowercase()
    }
}

/// The application's users.
#[derive(Debug)]
pub struct UserDirectory {
    users: Users,
    id_type: IdType,
    by_id: Cache<UserId, Arc<User>>,
    by_input: Cache<IdInput, UserId>,
    /// What shapes the users that are read, if anything does.
    hooks: Option<Arc<HookPoints>>,
}

impl UserDirectory {
    /// Reads `users`, remembering each for `cache`.
    pub fn new(users: Users, id_type: IdType, cache: Duration) -> Self {
        let remember = || {
            Cache::builder()
                .max_capacity(MAX_CACHED)
                .time_to_live(cache)
        };
        Self {
            users,
            id_type,
            by_id: remember().build(),
            by_input: Cache::builder()
                .max_capacity(MAX_CACHED)
                .time_to_live(cache)
                .build(),
            hooks: None,
        }
    }

    /// The same, with what shapes the users that are read.
    #[must_use]
    pub fn shaped_by(self, hooks: Option<Arc<HookPoints>>) -> Self {
        Self { hooks, ..self }
    }

    /// Users that were read, as they are shown.
    async fn shape(&self, users: Vec<User>) -> Vec<Arc<User>> {
        match &self.hooks {
            None => users.into_iter().map(Arc::new).collect(),
            Some(hooks) => hooks.shape(users).await,
        }
    }

    async fn shape_one(&self, user: User) -> Arc<User> {
        match &self.hooks {
            None => Arc::new(user),
            Some(hooks) => hooks.shape_one(user).await,
        }
    }

    /// Finds the user that a client means; `None` when it names nobody.
    ///
    /// # Errors
    /// [`Error::BadRequest`] when it names two users of different id types;
    /// [`Error::Unavailable`] when the database cannot answer.
    pub async fn find(&self, input: &IdInput) -> Result<Option<Arc<User>>, Error> {
        if let Some(id) = self.by_input.get(input).await
            && let Some(user) = self.by_id.get(&id).await
            && !user.is_deleted
        {
            return Ok(Some(user));
        }
        // boxed: seldom needed, and held by the future of every send
        Box::pin(self.look_up(input)).await
    }

    /// Forgets what was read of a user.
    pub(super) async fn forget(&self, id: &UserId) {
        self.by_id.invalidate(id).await;
    }

    /// As [`UserDirectory::find`], asking the database: for a login, which nobody may have
    /// on a document that was deleted since.
    ///
    /// # Errors
    /// Those of [`UserDirectory::find`].
    pub async fn find_anew(&self, input: &IdInput) -> Result<Option<Arc<User>>, Error> {
        self.look_up(input).await
    }

    /// As [`UserDirectory::find`], asking the database.
    async fn look_up(&self, input: &IdInput) -> Result<Option<Arc<User>>, Error> {
        let candidates = self.candidates(input);
        if candidates.is_empty() {
            return Ok(None);
        }
        let of_read = |error| Error::of_read(&error);
        let mut found = self.users.find(candidates.clone()).await.map_err(of_read)?;
        if found.is_empty() && candidates.iter().any(|id| matches!(id, UserId::String(_))) {
            // by a collation of its own the collection may take it for another text
            found = self.users.list(candidates).await.map_err(of_read)?;
        }
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(two_users()),
            (Some((id, document)), None) => {
                let user = self.shape_one(User::present(id.clone(), document)).await;
                self.by_input.insert(input.clone(), id.clone()).await;
                self.by_id.insert(id, Arc::clone(&user)).await;
                Ok(Some(user))
            }
        }
    }

    /// Finds the users that a client means, in the order given; one query per
    /// thousand.
    ///
    /// # Errors
    /// [`Error::UserNotFound`] when one names nobody, and those of [`UserDirectory::find`].
    pub async fn find_all(&self, inputs: &[IdInput]) -> Result<Vec<UserId>, Error> {
        let all = inputs.iter().flat_map(|one| self.candidates(one));
        let existing = self.users.list_existing(all.collect()).await;
        let existing = existing.map_err(|error| Error::of_read(&error))?;
        let mut named = Vec::with_capacity(inputs.len());
        for input in inputs {
            let mut found = self.candidates(input).into_iter();
            let mut found = found.by_ref().filter(|id| existing.contains(id));
            named.push(match (found.next(), found.next()) {
                (Some(id), None) => id,
                (Some(_), Some(_)) => return Err(two_users()),
                // by a collation of its own the collection may know it
                (None, _) => match self.find(input).await? {
                    Some(user) => user.id.clone(),
                    None => return Err(Error::UserNotFound),
                },
            });
        }
        Ok(named)
    }

    /// Gets a user known to the messenger, deleted or not, at most as old as
    /// the cache.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database cannot answer.
    pub async fn get(&self, id: &UserId) -> Result<Arc<User>, Error> {
        if let Some(user) = self.by_id.get(id).await {
            return Ok(user);
        }
        let read = async {
            let found = self.users.find(vec![id.clone()]).await?;
            let user = match found.into_iter().next() {
                Some((_, document)) => User::present(id.clone(), document),
                None => User::deleted(id.clone()),
            };
            Ok(self.shape_one(user).await)
        };
        // boxed: seldom needed, and held by the future of every send
        Box::pin(self.by_id.try_get_with_by_ref(id, read))
            .await
            .map_err(|error: Arc<crate::store::Error>| Error::of_read(&error))
    }

    /// Gets many users known to the messenger, deleted or not, at most as old as the
    /// cache; one query for each thousand that it lacks.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database cannot answer.
    pub async fn list(&self, ids: Vec<UserId>) -> Result<HashMap<UserId, Arc<User>>, Error> {
        let mut users: HashMap<UserId, Arc<User>> = HashMap::with_capacity(ids.len());
        let mut unknown = Vec::new();
        for id in ids {
            match self.by_id.get(&id).await {
                Some(user) => drop(users.insert(id, user)),
                None => unknown.push(id),
            }
        }
        if !unknown.is_empty() {
            users.extend(self.list_anew(unknown).await?);
        }
        Ok(users)
    }

    /// As [`UserDirectory::list`], asking the database for all of them.
    ///
    /// # Errors
    /// Those of [`UserDirectory::list`].
    pub async fn list_anew(&self, ids: Vec<UserId>) -> Result<HashMap<UserId, Arc<User>>, Error> {
        let found = self.users.list(ids.clone()).await;
        let mut found: HashMap<UserId, _> = found
            .map_err(|error| Error::of_read(&error))?
            .into_iter()
            .collect();
        let mut ids = ids;
        ids.sort_unstable();
        ids.dedup();
        let read = ids.into_iter().map(|id| match found.remove(&id) {
            Some(document) => User::present(id, document),
            None => User::deleted(id),
        });
        let shaped = self.shape(read.collect()).await;
        let mut users: HashMap<UserId, Arc<User>> = HashMap::with_capacity(shaped.len());
        for user in shaped {
            let id = user.id.clone();
            self.by_id.insert(id.clone(), Arc::clone(&user)).await;
            users.insert(id, user);
        }
        Ok(users)
    }
}

impl UserDirectory {
    /// The `_id`s that an input may stand for, whether or not they exist.
    pub fn candidates(&self, input: &IdInput) -> Vec<UserId> {
        candidates(self.id_type, input)
    }
}

fn two_users() -> Error {
    Error::BadRequest("this id fits two users; configure CHATZZ_USER_ID_TYPE".into())
}

/// The `_id`s that an input may stand for.
fn candidates(id_type: IdType, input: &IdInput) -> Vec<UserId> {
    // whatever the application's own ids are
    if let IdInput::Text(text) = input
        && let Some(erased) = UserId::parse_erased(text)
    {
        return vec![erased];
    }
    let (text, number) = match input {
        IdInput::Text(text) => (Some(text.as_str()), text.parse::<i64>().ok()),
        IdInput::Number(number) => (None, Some(*number)),
    };
    // "+5" and "007" are no other way to write an id
    let number = number.filter(|n| text.is_none_or(|text| n.to_string() == text));
    let object_id = || {
        text.and_then(|text| ObjectId::parse_str(text).ok())
            .map(UserId::ObjectId)
    };
    let string = || text.map(|text| UserId::String(text.to_owned()));
    let int = || number.map(UserId::Int);
    let uuid = || {
        text.filter(|text| text.len() == 36)
            .and_then(|text| bson::Uuid::parse_str(text).ok())
    };
    let uuids = || {
        uuid()
            .into_iter()
            .flat_map(|id| [UserId::Uuid(id), UserId::LegacyUuid(id)])
    };
    match id_type {
        IdType::ObjectId => object_id().into_iter().collect(),
        IdType::String => string().into_iter().collect(),
        IdType::Int => int().into_iter().collect(),
        IdType::Uuid => uuids().collect(),
        IdType::Auto => [object_id(), int()]
            .into_iter()
            .flatten()
            .chain(uuids())
            .chain(string())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> IdInput {
        IdInput::Text(value.into())
    }

    #[test]
    fn auto_tries_an_input_by_its_shape() {
        let auto = |input| candidates(IdType::Auto, &input);
        let string = |text: &str| UserId::String(text.to_owned());
        assert_eq!(auto(text("bob")), [string("bob")]);
        assert_eq!(auto(text("42")), [UserId::Int(42), string("42")]);
        assert_eq!(auto(IdInput::Number(42)), [UserId::Int(42)]);
        let hex = "65a000000000000000000001";
        let oid = ObjectId::parse_str(hex).unwrap();
        assert_eq!(auto(text(hex)), [UserId::ObjectId(oid), string(hex)]);
        assert_eq!(auto(text("007")), [string("007")]);
        let written = "00112233-4455-6677-8899-aabbccddeeff";
        let uuid = bson::Uuid::parse_str(written).unwrap();
        assert_eq!(
            auto(text(written)),
            [
                UserId::Uuid(uuid),
                UserId::LegacyUuid(uuid),
                string(written)
            ]
        );
    }

    #[test]
    fn who_was_erased_is_found_whatever_ids_the_application_has() {
        let erased = UserId::erased(crate::id::ChatUserId::generate());
        assert!(erased.is_erased());
        let UserId::String(name) = &erased else {
            panic!("{erased:?}");
        };
        for id_type in [IdType::Auto, IdType::ObjectId, IdType::Int, IdType::Uuid] {
            let found = candidates(id_type, &text(name));
            assert_eq!(found, std::slice::from_ref(&erased));
        }
        assert!(candidates(IdType::Int, &text("erased:7")).is_empty());
    }

    #[test]
    fn a_fixed_type_takes_nothing_else() {
        assert!(candidates(IdType::ObjectId, &text("bob")).is_empty());
        assert!(candidates(IdType::ObjectId, &IdInput::Number(1)).is_empty());
        assert!(candidates(IdType::String, &IdInput::Number(1)).is_empty());
        assert!(candidates(IdType::Uuid, &text("65a000000000000000000001")).is_empty());
        assert_eq!(candidates(IdType::Int, &text("5")), vec![UserId::Int(5)]);
    }
}
