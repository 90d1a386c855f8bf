//! Leases: the running servers that may keep people online.

use std::time::Duration;

use bson::{DateTime, Document, doc};
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};

use super::documents::{Documents, Listing, by_id};
use super::error::Error;
use super::raw::by_serde;

/// Most nodes that share one database.
const MAX_NODES: i64 = 1_000;

/// One document of the collection.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// The node's name, the same after a restart.
    #[serde(rename = "_id")]
    pub id: String,
    /// The one run of the node that holds the lease.
    pub boot: String,
    /// When the lease was last renewed, by the database's clock.
    pub renewed_at: DateTime,
    /// When it expires unless renewed, by the database's clock.
    pub expires_at: DateTime,
    /// The version of chatzz that is running; none before 0.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The setting of its bus as a digest, or [`NO_BUS`]; absent in versions that do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bus: Option<String>,
}

/// The bus of a server that has none.
pub const NO_BUS: &str = "none";
/// This version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

by_serde!(Node);

/// The leases collection. Its only index is `_id_`: it has a document per node.
#[derive(Clone, Debug)]
pub struct Nodes {
    documents: Documents<Node>,
    lease: Duration,
}

impl Nodes {
    pub(super) fn new(documents: Documents<Node>, lease: Duration) -> Self {
        Self { documents, lease }
    }

    fn renewal(&self) -> Document {
        let lease = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        doc! { "renewedAt": "$$NOW", "expiresAt": { "$add": ["$$NOW", lease] } }
    }

    /// Takes the lease of `id` for the run `boot` with the setting `bus`, whoever held it
    /// before, and returns the previous holder.
    ///
    /// Only for a process that knows its predecessor is dead, because it holds
    /// the port that gives the node its name.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn take(&self, id: &str, boot: &str, bus: &str) -> Result<Option<Node>, Error> {
        let mut fields = self.renewal();
        // a pipeline would interpret a name that begins with `$` as a field
        fields.insert("boot", doc! { "$literal": boot });
        fields.insert("ended", false);
        fields.insert("version", VERSION);
        fields.insert("bus", doc! { "$literal": bus });
        let filter = by_id(id);
        self.documents
            .run("nodes.take", |collection| async move {
                collection
                    .find_one_and_update(filter, vec![doc! { "$set": fields }])
                    .upsert(true)
                    .return_document(ReturnDocument::Before)
                    .await
            })
            .await
    }

    /// Finds the lease of a node.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find(&self, id: &str) -> Result<Option<Node>, Error> {
        self.documents.find_one("nodes.find", by_id(id)).await
    }

    /// Renews the lease and returns the time of it, by the database's clock; none when this run
    /// no longer holds the lease.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn renew(&self, id: &str, boot: &str) -> Result<Option<DateTime>, Error> {
        let filter = doc! { "_id": id, "boot": boot, "ended": { "$ne": true } };
        let update = vec![doc! { "$set": self.renewal() }];
        let renewed = self
            .documents
            .run("nodes.renew", |collection| async move {
                collection
                    .find_one_and_update(filter, update)
                    .return_document(ReturnDocument::After)
                    .await
            })
            .await?;
        Ok(renewed.map(|node| node.renewed_at))
    }

    /// Releases the lease, if this run still holds it.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn release(&self, id: &str, boot: &str) -> Result<bool, Error> {
        let filter = doc! { "_id": id, "boot": boot };
        self.documents.delete_one("nodes.release", filter).await
    }

    /// Ends a lease that has expired, unless it was renewed in the meantime: its holder
    /// can no longer renew it. Returns whether it has ended.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn end_expired(&self, node: &Node) -> Result<bool, Error> {
        let filter = doc! {
            "_id": &node.id,
            "boot": &node.boot,
            "$expr": { "$lt": ["$expiresAt", "$$NOW"] },
        };
        let update = vec![doc! { "$set": { "ended": true } }];
        let matched = self
            .documents
            .update_one("nodes.end_expired", filter, update, false)
            .await?;
        Ok(matched == 1)
    }

    /// Lists the nodes whose people may be online: those whose lease nobody has ended. An
    /// expired lease is ended by another node, which sets its people offline.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_alive(&self) -> Result<Vec<Node>, Error> {
        self.list("nodes.list_alive", doc! { "ended": { "$ne": true } })
            .await
    }

    /// Lists the nodes that renewed their lease in time; on the others nobody is online,
    /// whether that has been cleaned up or not.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_renewed(&self) -> Result<Vec<Node>, Error> {
        self.list(
            "nodes.list_renewed",
            doc! { "$expr": { "$gte": ["$expiresAt", "$$NOW"] } },
        )
        .await
    }

    /// Finds a node of another version whose lease is valid.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_other_version(&self) -> Result<Option<Node>, Error> {
        let filter = doc! {
            "version": { "$ne": VERSION },
            "$expr": { "$gte": ["$expiresAt", "$$NOW"] },
        };
        self.documents
            .find_one("nodes.find_other_version", filter)
            .await
    }

    /// How long a lease is valid unless it is renewed.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// Lists the nodes whose lease has expired.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_expired(&self) -> Result<Vec<Node>, Error> {
        self.list(
            "nodes.list_expired",
            doc! { "$expr": { "$lt": ["$expiresAt", "$$NOW"] } },
        )
        .await
    }

    async fn list(&self, name: &'static str, filter: Document) -> Result<Vec<Node>, Error> {
        self.documents
            .list(name, Listing::of(filter, MAX_NODES))
            .await
    }
}
