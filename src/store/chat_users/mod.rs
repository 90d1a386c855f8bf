//! Chat users: the users of the messenger, and their presence.

use std::collections::HashSet;
use std::time::Duration;

mod erasure;
mod presence;
mod scan;

use bson::{Bson, DateTime, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};
use futures::FutureExt as _;
use futures::TryStreamExt as _;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};

use super::documents::{BATCH, Documents, Listing};
use super::gather::Gather;
use super::raw::{self, FromRaw, Unreadable};
use super::{error::Error, index};
use crate::id::{ChatUserId, UserId, stored};

pub(super) use presence::{offline, online};
pub use scan::ScannedUser;

/// Whether a user is online.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Presence")]
pub enum PresenceStatus {
    /// At least one socket is open.
    Online,
    /// No socket is open.
    Offline,
}

/// One document of the collection.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatUser {
    /// The person's id inside the messenger.
    #[serde(rename = "_id")]
    pub id: ChatUserId,
    /// The person's id in the application's users collection.
    #[serde(serialize_with = "stored::serialize")]
    pub user: UserId,
    /// As last written; what is shown also considers the leases of `nodes`.
    pub status: PresenceStatus,
    /// When the person last went offline; `null` if never.
    pub last_online: Option<DateTime>,
    /// Boot ids of the nodes that hold a socket of the person.
    pub nodes: Vec<String>,
    /// When presence was last written, by the database's clock; absent if never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime>,
    /// Boot id of the run that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
}

impl FromRaw for ChatUser {
    fn from_raw(document: &RawDocument) -> Result<Self, Unreadable> {
        let (mut id, mut user, mut status) = (None, None, None);
        let (mut last_online, mut nodes) = (None, Vec::new());
        let (mut changed_at, mut changed_by) = (None, None);
        for field in document {
            let (name, value) = field?;
            match name.as_str() {
                "_id" => id = ChatUserId::from_raw(value),
                "user" => user = UserId::from_raw(value),
                "status" => status = raw::named(value),
                "lastOnline" => last_online = value.as_datetime(),
                "nodes" => nodes = texts(value),
                "changedAt" => changed_at = value.as_datetime(),
                "changedBy" => changed_by = raw::text(value),
                _ => {}
            }
        }
        Ok(Self {
            id: id.ok_or(Unreadable::Field("_id"))?,
            user: user.ok_or(Unreadable::Field("user"))?,
            status: status.ok_or(Unreadable::Field("status"))?,
            last_online,
            nodes,
            changed_at,
            changed_by,
        })
    }
}

/// The texts of a list.
fn texts(list: RawBsonRef<'_>) -> Vec<String> {
    let items = list.as_array().into_iter().flatten().filter_map(Result::ok);
    items.filter_map(raw::text).collect()
}

/// How long reading everybody of a node may take: a million people in some seconds.
const EVERYBODY_LIMIT: Duration = Duration::from_mins(1);

/// The ids of the documents that match.
async fn collect_ids<C: FromIterator<ChatUserId>>(
    collection: Collection<ChatUser>,
    filter: Document,
) -> mongodb::error::Result<C> {
    let collection = collection.clone_with_type::<RawDocumentBuf>();
    let find = collection.find(filter).projection(doc! { "_id": 1 });
    let found: Vec<RawDocumentBuf> = find.batch_size(BATCH).await?.try_collect().await?;
    let ids = found
        .iter()
        .filter_map(|user| user.get("_id").ok().flatten());
    Ok(ids.filter_map(ChatUserId::from_raw).collect())
}

/// The chat users collection.
#[derive(Clone, Debug)]
pub struct ChatUsers {
    documents: Documents<ChatUser>,
    by_user: Gather<UserId, ChatUser>,
}

/// Name of the unique index on `user`.
pub(super) const USER: &str = "user";

/// Indexes of the collection, each with the query it serves.
pub(super) fn indexes() -> Vec<IndexModel> {
    vec![
        // find_by_user; gives a person one chat user
        index::unique(USER, doc! { "user": 1 }),
        // list_on_node: the people left on a dead node; small, since it contains only those online
        index::partial("nodes", doc! { "nodes": 1 }, doc! { "status": "online" }),
    ]
}

impl ChatUsers {
    pub(super) fn new(documents: Documents<ChatUser>) -> Self {
        let by_user = Gather::new({
            let documents = documents.clone();
            move |users: Vec<UserId>| {
                let documents = documents.clone();
                async move {
                    let limit = i64::try_from(users.len()).unwrap_or(i64::MAX);
                    let users: Vec<Bson> = users.into_iter().map(Bson::from).collect();
                    let listing = Listing::of(doc! { "user": { "$in": users } }, limit);
                    let found = documents.list("chat_users.find_by_user", listing).await?;
                    Ok(found
                        .into_iter()
                        .map(|one: ChatUser| (one.user.clone(), one))
                        .collect())
                }
                .boxed()
            }
        });
        Self { documents, by_user }
    }

    /// Finds the chat user of an application's user. Index: `user`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_by_user(&self, user: &UserId) -> Result<Option<ChatUser>, Error> {
        let found = self.by_user.find(vec![user.clone()]).await?;
        Ok(found.into_iter().next().map(|(_, found)| found))
    }

    /// Lists the chat users of these users, those that there are. Index: `user`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_by_user(&self, users: Vec<UserId>) -> Result<Vec<ChatUser>, Error> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.by_user.find(users).await?;
        Ok(found.into_iter().map(|(_, found)| found).collect())
    }

    /// Gets the chat user of an application's user, created if there is none.
    ///
    /// Any number of callers at once get the same document.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get_or_create(&self, user: &UserId) -> Result<ChatUser, Error> {
        let found = self.find_by_user(user).await;
        if let Some(found) = found.map_err(Error::before_writing)? {
            return Ok(found);
        }
        let new = ChatUser {
            id: ChatUserId::generate(),
            user: user.clone(),
            status: PresenceStatus::Offline,
            last_online: None,
            nodes: Vec::new(),
            changed_at: None,
            changed_by: None,
        };
        let inserted = self
            .documents
            .insert_one("chat_users.create", new.clone())
            .await;
        match inserted {
            Ok(()) => Ok(new),
            Err(Error::Duplicate { index }) if index == USER => self.get_after_race(user).await,
            Err(other) => Err(other),
        }
    }

    /// Reads a document that another caller has just created: the index has it a moment
    /// before a majority read shows it.
    async fn get_after_race(&self, user: &UserId) -> Result<ChatUser, Error> {
        super::once_visible(|| self.find_by_user(user)).await
    }

    /// Lists chat users by id. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list(&self, ids: &[ChatUserId]) -> Result<Vec<ChatUser>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let listing = Listing::of(doc! { "_id": { "$in": ids } }, limit);
        self.documents.list("chat_users.list", listing).await
    }

    /// Lists those of `people` who are stored as online, and all of `here`. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_online(
        &self,
        people: &[ChatUserId],
        here: &[ChatUserId],
    ) -> Result<Vec<ChatUser>, Error> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(people.len()).unwrap_or(i64::MAX);
        let written = doc! { "_id": { "$in": people }, "status": "online" };
        let filter = doc! { "$or": [written, { "_id": { "$in": here } }] };
        let listing = Listing::of(filter, limit);
        self.documents.list("chat_users.list_online", listing).await
    }

    /// Lists those of `ids` that exist. Index: `_id_`, covered.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_existing(&self, ids: &[ChatUserId]) -> Result<HashSet<ChatUserId>, Error> {
        let filter = doc! { "_id": { "$in": ids } };
        self.documents
            .run("chat_users.list_existing", |collection| {
                collect_ids(collection, filter)
            })
            .await
    }

    /// Takes a person off a node that has ended, unless that has been done in the
    /// meantime; `None` for a person who is online on no node at all. Returns whether it
    /// did.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn take_off(
        &self,
        id: ChatUserId,
        boot: Option<&str>,
        at: DateTime,
    ) -> Result<bool, Error> {
        let mut filter = doc! { "_id": id, "status": "online" };
        match boot {
            Some(boot) => filter.insert("nodes", boot),
            None => filter.insert("nodes.0", doc! { "$exists": false }),
        };
        let stages = match offline(boot.unwrap_or_default(), at) {
            Bson::Array(stages) => stages,
            _ => Vec::new(),
        };
        let stages = stages.into_iter().filter_map(|stage| match stage {
            Bson::Document(stage) => Some(stage),
            _ => None,
        });
        let stages: Vec<Document> = stages.collect();
        let matched = self
            .documents
            .update_one("chat_users.take_off", filter, stages, false)
            .await?;
        Ok(matched == 1)
    }

    /// Lists the people that a node, by its boot id, keeps online. Index: `nodes`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_on_node(&self, boot: &str, limit: i64) -> Result<Vec<ChatUser>, Error> {
        let listing = Listing::of(doc! { "status": "online", "nodes": boot }, limit);
        self.documents
            .list("chat_users.list_on_node", listing)
            .await
    }

    /// Lists the ids of all people that a node, by its boot id, keeps online. Index: `nodes`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_ids_on_node(&self, boot: &str) -> Result<Vec<ChatUserId>, Error> {
        let filter = doc! { "status": "online", "nodes": boot };
        self.documents
            .run_within(
                EVERYBODY_LIMIT,
                "chat_users.list_ids_on_node",
                |collection| collect_ids(collection, filter),
            )
            .await
    }
}
