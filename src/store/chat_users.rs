//! Chat users: who takes part in the messenger, and whether they are here.

use bson::{Bson, DateTime, Document, doc};
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};

use super::documents::{Documents, Listing};
use super::{error::Error, index};
use crate::id::{ChatUserId, UserId, stored};

/// Whether somebody is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// At least one socket is open.
    Online,
    /// No socket is open.
    Offline,
}

/// One document of the collection.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatUser {
    /// The person's id inside the messenger.
    #[serde(rename = "_id")]
    pub id: ChatUserId,
    /// The person's id in the application's users collection.
    #[serde(with = "stored")]
    pub user: UserId,
    /// As last written; what is shown also considers the leases of `nodes`.
    pub status: Presence,
    /// When the person last went offline; `null` if never yet.
    #[serde(default)]
    pub last_online: Option<DateTime>,
    /// Boot ids of the nodes that hold a socket of the person.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// When presence was last written, by the database's clock; absent if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime>,
    /// Boot id of the run for which that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
}

/// The chat users collection.
#[derive(Clone, Debug)]
pub struct ChatUsers {
    documents: Documents<ChatUser>,
}

/// Name of the unique index on `user`.
const USER: &str = "user";

/// Indexes of the collection, each with the query it serves.
pub(super) fn indexes() -> Vec<IndexModel> {
    vec![
        // find_by_user, list_by_users; makes a person one chat user
        index::unique(USER, doc! { "user": 1 }),
        // list_on_node: who a dead node leaves behind; small, since only those online are in it
        index::partial("nodes", doc! { "nodes": 1 }, doc! { "status": "online" }),
        // list_changed: who came or went on other nodes
        index::plain("changedAt", doc! { "changedAt": 1 }),
    ]
}

impl ChatUsers {
    pub(super) fn new(documents: Documents<ChatUser>) -> Self {
        Self { documents }
    }

    /// Finds the chat user of an application's user. Index: `user`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_by_user(&self, user: &UserId) -> Result<Option<ChatUser>, Error> {
        let filter = doc! { "user": Bson::from(user.clone()) };
        self.documents
            .find_one("chat_users.find_by_user", filter)
            .await
    }

    /// Gets the chat user of an application's user, made now if there is none.
    ///
    /// Any number of callers at once get the same document.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get_or_create(&self, user: &UserId) -> Result<ChatUser, Error> {
        if let Some(found) = self.find_by_user(user).await? {
            return Ok(found);
        }
        let new = ChatUser {
            id: ChatUserId::generate(),
            user: user.clone(),
            status: Presence::Offline,
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

    /// Reads what another caller has just created: the index knows it a moment
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

    /// Lists those that a node, by its boot id, holds online. Index: `nodes`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_on_node(&self, boot: &str, limit: i64) -> Result<Vec<ChatUser>, Error> {
        let listing = Listing::of(doc! { "status": "online", "nodes": boot }, limit);
        self.documents
            .list("chat_users.list_on_node", listing)
            .await
    }

    /// Lists whose presence was written since `since`, the oldest change first.
    /// Index: `changedAt`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_changed(&self, since: DateTime, limit: i64) -> Result<Vec<ChatUser>, Error> {
        let listing = Listing::of(doc! { "changedAt": { "$gte": since } }, limit);
        let listing = listing.sorted(doc! { "changedAt": 1 });
        self.documents
            .list("chat_users.list_changed", listing)
            .await
    }
}

/// The update of a person who has a socket on the node `boot`, and who last
/// went offline at `left`: that may not have been written yet.
pub(super) fn online(boot: &str, left: Option<DateTime>) -> Bson {
    let mut update = doc! {
        "$set": { "status": "online", "changedBy": boot },
        "$addToSet": { "nodes": boot },
        "$currentDate": { "changedAt": true },
    };
    if let Some(left) = left {
        update.insert("$max", doc! { "lastOnline": left });
    }
    Bson::Document(update)
}

/// The update of a person whose last socket on the node `boot` is gone.
///
/// Another node may hold a socket of the same person: only who is on no node
/// is offline.
pub(super) fn offline(boot: &str, at: DateTime) -> Bson {
    let others = doc! { "$setDifference": [{ "$ifNull": ["$nodes", []] }, [{ "$literal": boot }]] };
    let gone = doc! { "$eq": [{ "$size": "$nodes" }, 0] };
    let stages: [Document; 2] = [
        doc! { "$set": { "nodes": others } },
        doc! { "$set": {
            "status": { "$cond": [gone.clone(), "offline", "online"] },
            "lastOnline": { "$cond": [gone, at, "$lastOnline"] },
            "changedAt": "$$NOW",
            "changedBy": { "$literal": boot },
        } },
    ];
    stages
        .into_iter()
        .map(Bson::Document)
        .collect::<Vec<_>>()
        .into()
}
