//! Privacy: block lists and whitelists. One document per person, none for people who
//! never blocked anybody.

use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use futures::TryStreamExt as _;
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};

use super::MAINTENANCE_LIMIT;
use super::documents::{BATCH, Documents, Listing, by_id, collect};
use super::error::Error;
use super::raw::by_serde;
use crate::id::{ChatUserId, UserId, stored};

/// One document of the collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Privacy {
    /// The person whose settings these are.
    #[serde(rename = "_id")]
    pub id: ChatUserId,
    /// Grows with every write; 0 when there is no document.
    #[serde(default)]
    pub version: i64,
    /// Whether only those on the whitelist may write.
    #[serde(default)]
    pub whitelist_only: bool,
    /// Who may write then.
    #[serde(default)]
    pub whitelist: Vec<Listed>,
    /// Who may never write, the first blocked first.
    #[serde(default)]
    pub blocked: Vec<Blocked>,
}

/// A person on a whitelist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// The person in the application.
    #[serde(with = "stored")]
    pub user: UserId,
}

/// A blocked person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blocked {
    /// The person inside the messenger.
    pub who: ChatUserId,
    /// The person in the application.
    #[serde(with = "stored")]
    pub user: UserId,
    /// Since when.
    pub at: DateTime,
}

by_serde!(Privacy);

impl Privacy {
    /// The settings of a person who never set anything.
    pub fn none(id: ChatUserId) -> Self {
        Self {
            id,
            version: 0,
            whitelist_only: false,
            whitelist: Vec::new(),
            blocked: Vec::new(),
        }
    }

    /// The time since when a person is blocked; `None` if they are not.
    pub fn blocked_since(&self, who: ChatUserId) -> Option<DateTime> {
        let found = self.blocked.iter().find(|blocked| blocked.who == who);
        found.map(|blocked| blocked.at)
    }

    /// Whether somebody may write to the person, blocks aside.
    pub fn lists(&self, user: &UserId) -> bool {
        !self.whitelist_only || self.whitelist.iter().any(|listed| listed.user == *user)
    }
}

/// The privacy collection.
#[derive(Clone, Debug)]
pub struct Privacies {
    documents: Documents<Privacy>,
}

impl Privacies {
    pub(super) fn new(documents: Documents<Privacy>) -> Self {
        Self { documents }
    }

    /// Finds a person's settings. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find(&self, id: ChatUserId) -> Result<Option<Privacy>, Error> {
        self.documents.find_one("privacies.find", by_id(id)).await
    }

    /// Lists these people's settings. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list(&self, ids: &[ChatUserId]) -> Result<Vec<Privacy>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let listing = Listing::of(doc! { "_id": { "$in": ids } }, limit);
        self.documents.list("privacies.list", listing).await
    }

    /// Lists a person's own privacy, complete, and that of those of `others` who set
    /// anything, in which only this person may appear as blocked.
    ///
    /// By ids, although few have a document: with an index of who is blocked, the
    /// database weighed two plans, at twice the cost. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_seen_by(
        &self,
        me: ChatUserId,
        others: &[ChatUserId],
    ) -> Result<Vec<Privacy>, Error> {
        let everybody = [&[me], others].concat();
        let filter = doc! { "_id": { "$in": everybody } };
        let list = doc! { "$cond": [{ "$isArray": "$blocked" }, "$blocked", []] };
        let only_me = doc! { "$filter": {
            "input": list, "cond": { "$eq": ["$$this.who", me] },
        } };
        let mine = |whole: &str, others: Bson| {
            Bson::from(doc! { "$cond": [{ "$eq": ["$_id", me] }, whole, others] })
        };
        // other settings of these people are not needed, and private
        let nothing = || Bson::from("$$REMOVE");
        let projection = doc! {
            "version": mine("$version", nothing()),
            "whitelistOnly": mine("$whitelistOnly", nothing()),
            "whitelist": mine("$whitelist", nothing()),
            "blocked": mine("$blocked", only_me.into()),
        };
        self.documents
            .read("privacies.list_seen_by", move |collection| {
                let (filter, projection) = (filter.clone(), projection.clone());
                async move {
                    let find = collection.find(filter).projection(projection);
                    collect(find.batch_size(BATCH).await?).await
                }
            })
            .await
    }

    /// Blocks a person, unless `most` are blocked already; a repeat changes nothing.
    /// Returns the new settings.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn block(
        &self,
        id: ChatUserId,
        blocked: Blocked,
        most: usize,
    ) -> Result<Privacy, Error> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let known = doc! { "$in": [blocked.who, { "$ifNull": ["$blocked.who", []] }] };
        let full = doc! { "$gte": [{ "$size": list_of("blocked") }, most] };
        let entry = doc! { "who": blocked.who, "user": blocked.user, "at": blocked.at };
        let longer = doc! { "$concatArrays": [list_of("blocked"), [{ "$literal": entry }]] };
        let list = doc! { "$cond": [{ "$or": [known, full] }, list_of("blocked"), longer] };
        self.change(id, doc! { "blocked": list }).await
    }

    /// Unblocks a person. Returns the new settings.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn unblock(&self, id: ChatUserId, who: ChatUserId) -> Result<Privacy, Error> {
        let others = doc! { "$filter": {
            "input": list_of("blocked"), "cond": { "$ne": ["$$this.who", who] },
        } };
        self.change(id, doc! { "blocked": others }).await
    }

    /// Sets the whitelist, and whether it applies; `None` leaves a setting as it is.
    /// Returns the new settings.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn set(
        &self,
        id: ChatUserId,
        only: Option<bool>,
        whitelist: Option<Vec<UserId>>,
    ) -> Result<Privacy, Error> {
        let mut fields = Document::new();
        if let Some(only) = only {
            fields.insert("whitelistOnly", only);
        }
        if let Some(users) = whitelist {
            let listed = users.into_iter().map(|user| doc! { "user": user });
            let listed: Vec<Document> = listed.collect();
            fields.insert("whitelist", doc! { "$literal": listed });
        }
        self.change(id, fields).await
    }

    /// Empties a person's settings, if they ever set anything. Returns the new ones. The
    /// document stays, since caches believe the greater version.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn clear(&self, id: ChatUserId) -> Result<Option<Privacy>, Error> {
        let found = self.find(id).await.map_err(Error::before_writing)?;
        let is_empty = |found: &Privacy| {
            !found.whitelist_only && found.whitelist.is_empty() && found.blocked.is_empty()
        };
        if found.as_ref().is_none_or(is_empty) {
            return Ok(None);
        }
        let none = doc! { "whitelistOnly": false, "whitelist": [], "blocked": [] };
        self.change(id, none).await.map(Some)
    }

    /// Lists people who block a person, or have them on their whitelist, the first `limit`.
    /// Reads the whole collection: it is needed when a person is erased, and no index is
    /// worth that.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_naming(
        &self,
        who: ChatUserId,
        user: &UserId,
        limit: i64,
    ) -> Result<Vec<ChatUserId>, Error> {
        let naming = doc! { "$or": [
            { "blocked.who": who },
            { "blocked.user": user.clone() },
            { "whitelist.user": user.clone() },
        ] };
        let found = self
            .documents
            .run_within(MAINTENANCE_LIMIT, "privacies.list_naming", |collection| {
                let collection = collection.clone_with_type::<RawDocumentBuf>();
                async move {
                    let find = collection.find(naming).projection(doc! { "_id": 1 });
                    find.limit(limit).await?.try_collect::<Vec<_>>().await
                }
            })
            .await?;
        let ids = found.iter().filter_map(|one| one.get("_id").ok().flatten());
        Ok(ids.filter_map(ChatUserId::from_raw).collect())
    }

    /// Takes a person off both lists of another one. Returns the new settings.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn strike(
        &self,
        id: ChatUserId,
        who: ChatUserId,
        user: &UserId,
    ) -> Result<Privacy, Error> {
        let without = |list: &str, others: Bson| {
            doc! { "$filter": { "input": list_of(list), "cond": others } }
        };
        let other_user = doc! { "$ne": ["$$this.user", { "$literal": user.clone() }] };
        let other_person = doc! { "$ne": ["$$this.who", who] };
        let others = doc! { "$and": [other_person, other_user.clone()] };
        let fields = doc! {
            "blocked": without("blocked", others.into()),
            "whitelist": without("whitelist", other_user.into()),
        };
        self.change(id, fields).await
    }

    /// Sets fields, and the next version, in one document, created if necessary.
    async fn change(&self, id: ChatUserId, mut fields: Document) -> Result<Privacy, Error> {
        let version = doc! { "$add": [{ "$ifNull": ["$version", 0_i64] }, 1_i64] };
        fields.insert("version", version);
        let changed = self
            .documents
            .run("privacies.change", |collection| async move {
                let update = vec![doc! { "$set": fields }];
                let change = collection.find_one_and_update(by_id(id), update);
                change
                    .upsert(true)
                    .return_document(ReturnDocument::After)
                    .await
            })
            .await?;
        Ok(changed.unwrap_or_else(|| Privacy::none(id)))
    }
}

/// A list of the document, empty if it does not exist.
fn list_of(field: &str) -> Bson {
    doc! { "$ifNull": [format!("${field}"), []] }.into()
}
