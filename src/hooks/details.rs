//! Shaping what clients are shown of users.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::{CannotAsk, Hook, HookPoints};
use crate::config::RESERVED_USER_FIELDS;
use crate::store::{MAX_FIELD_BYTES, Rendered, User};

/// Most users of one question.
const MAX_USERS: usize = 100;
/// Most bytes of their details, unless it is one user: an answer is at most 1 MiB, and may say
/// more of them than the question.
const MAX_BYTES: usize = 512 * 1024;
/// The field that stays what it is.
const ID: &str = "_id";

impl HookPoints {
    /// Users as the hook shapes them; with `_id` alone where it cannot be asked, since what
    /// it would have left out must not be shown. Those whom the application has deleted are
    /// not asked about.
    pub(crate) async fn shape(&self, users: Vec<User>) -> Vec<Arc<User>> {
        if !self.asks(Hook::UserDetails) {
            return users.into_iter().map(Arc::new).collect();
        }
        let (deleted, present): (Vec<_>, Vec<_>) =
            users.into_iter().partition(|user| user.is_deleted);
        let size = |user: &User| (self.details)(user).get().len();
        let shaped = portions(&present, size).map(|some| self.shape_some(some));
        let shaped = join_all(shaped).await;
        let shaped = shaped.into_iter().flatten().chain(deleted);
        shaped.map(Arc::new).collect()
    }

    /// The same for one user.
    pub(crate) async fn shape_one(&self, user: User) -> Arc<User> {
        if user.is_deleted || !self.asks(Hook::UserDetails) {
            return Arc::new(user);
        }
        let shaped = self.shape_some(std::slice::from_ref(&user)).await.pop();
        Arc::new(shaped.unwrap_or_else(|| bare(&user)))
    }

    async fn shape_some(&self, users: &[User]) -> Vec<User> {
        let object = |user| serde_json::from_str((self.details)(user).get()).unwrap_or_default();
        let asked: Vec<Map<String, Value>> = users.iter().map(object).collect();
        let answer = self
            .ask(Hook::UserDetails, self.hooks.user_details(&asked))
            .await;
        let shaped = answer.and_then(|answer| shaped(&asked, answer));
        let shaped = self.counted(Hook::UserDetails, shaped, |_| "allow");
        match shaped {
            Ok(shaped) => {
                let users = users.iter().zip(shaped);
                let users = users.map(|(user, shaped)| User::shaped(user.id.clone(), shaped));
                users.collect()
            }
            Err(_) => users.iter().map(bare).collect(),
        }
    }
}

/// Users in portions, each for one question.
fn portions<T>(users: &[T], size: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    let (mut count, mut bytes) = (1, 0);
    users.chunk_by(move |one, next| {
        bytes += size(one);
        count += 1;
        let fits = count <= MAX_USERS && bytes + size(next) <= MAX_BYTES;
        if !fits {
            (count, bytes) = (1, 0);
        }
        fits
    })
}

/// A user of whom `_id` alone is shown.
fn bare(user: &User) -> User {
    User::present(user.id.clone(), bson::Document::new())
}

/// The shaped users as they are shown, each with the id of the one who was asked about.
fn shaped(
    asked: &[Map<String, Value>],
    answer: Vec<Map<String, Value>>,
) -> Result<Vec<Rendered>, CannotAsk> {
    if answer.len() != asked.len() {
        return Err(CannotAsk("it is about other users".to_owned()));
    }
    let users = asked.iter().zip(answer);
    users
        .map(|(asked, shaped)| rendered(asked, shaped))
        .collect()
}

fn rendered(
    asked: &Map<String, Value>,
    mut shaped: Map<String, Value>,
) -> Result<Rendered, CannotAsk> {
    let cannot = |text: &str| CannotAsk(text.to_owned());
    shaped.remove(ID);
    if shaped
        .keys()
        .any(|name| RESERVED_USER_FIELDS.contains(&name.as_str()))
    {
        return Err(cannot("a user has a field that chatzz adds itself"));
    }
    let id = asked.get(ID).map(|id| (ID.to_owned(), id.clone()));
    let fields = id.into_iter().chain(shaped);
    let mut written: Vec<(Box<str>, Box<RawValue>)> = Vec::new();
    for (name, value) in fields {
        let value = to_raw_value(&value).map_err(|_| cannot("it cannot be written"))?;
        if value.get().len() > MAX_FIELD_BYTES {
            return Err(cannot("a field of a user is larger than 8 KiB"));
        }
        written.push((name.into(), value));
    }
    Rendered::of_fields(written).ok_or_else(|| cannot("it cannot be written"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_question_is_about_a_hundred_users_and_half_a_megabyte() {
        let lengths = |sizes: &[usize]| -> Vec<usize> {
            portions(sizes, |size| *size).map(<[_]>::len).collect()
        };
        assert_eq!(lengths(&[]), [0; 0]);
        assert_eq!(lengths(&[1; 100]), [100]);
        assert_eq!(lengths(&[1; 201]), [100, 100, 1]);
        assert_eq!(lengths(&[MAX_BYTES / 4; 9]), [4, 4, 1]);
        // one alone is asked about, however large
        assert_eq!(lengths(&[MAX_BYTES * 2, 1, 1, MAX_BYTES * 2]), [1, 2, 1]);
    }

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_field_that_chatzz_adds_itself_is_no_answer() {
        let asked = object(&json!({ "_id": "a", "username": "ann" }));
        let shaped = |more: &Value| rendered(&asked, object(more));
        assert!(shaped(&json!({ "_id": "a", "name": "Ann" })).is_ok());
        for name in RESERVED_USER_FIELDS {
            let refused = shaped(&json!({ "_id": "a", name: "x" }));
            assert!(refused.is_err(), "{name}");
        }
    }
}
