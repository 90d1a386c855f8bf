//! Erasures that have begun and not ended. Each is a document of the bookkeeping
//! collection, so that whoever asks again finds what is left to do: by then the chat user
//! does not say any more whose it was.

use bson::{Bson, Document, doc};

use super::documents::{Listing, by_id};
use super::{Error, Store};
use crate::id::{ChatUserId, UserId};

/// What the ids of these documents begin with, and what comes behind all of them.
const ERASURES: [&str; 2] = ["erasure:", "erasure;"];

/// Erasures of one user that are listed at most: there is more than one only after they
/// came back in between.
const MAX_LISTED: i64 = 100;

impl Store {
    /// Notes that the erasure of a chat user begins; can be repeated.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn begin_erasure(&self, who: ChatUserId, user: &UserId) -> Result<(), Error> {
        let begun = doc! {
            "$setOnInsert": { "user": user.clone() }, "$currentDate": { "at": true },
        };
        match self
            .meta
            .update_one("meta.begin_erasure", by_id(id_of(who)), begun, true)
            .await
        {
            // another call was a moment faster
            Ok(_) | Err(Error::Duplicate { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Lists chat users of these users whose erasure has begun and not ended.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_erasures(
        &self,
        users: Vec<UserId>,
    ) -> Result<Vec<(ChatUserId, UserId)>, Error> {
        let users: Vec<Bson> = users.into_iter().map(Bson::from).collect();
        let [first, end] = ERASURES;
        let begun = doc! { "_id": { "$gt": first, "$lt": end }, "user": { "$in": users } };
        let found = self
            .meta
            .list("meta.list_erasures", Listing::of(begun, MAX_LISTED));
        Ok(found.await?.iter().filter_map(read).collect())
    }

    /// Notes that the erasure of a chat user has ended.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn end_erasure(&self, who: ChatUserId) -> Result<(), Error> {
        let ended = self.meta.delete_one("meta.end_erasure", by_id(id_of(who)));
        ended.await.map(drop)
    }
}

fn id_of(who: ChatUserId) -> String {
    format!("{}{who}", ERASURES[0])
}

fn read(document: &Document) -> Option<(ChatUserId, UserId)> {
    let id = document.get_str("_id").ok()?.strip_prefix(ERASURES[0])?;
    let user = UserId::from_bson(document.get("user")?)?;
    Some((ChatUserId::parse(id)?, user))
}
