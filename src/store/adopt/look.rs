//! What the collections of chatzz 1.x hold at a moment, and whether anybody writes there.

use bson::{Bson, Document, RawDocumentBuf, doc};
use futures::TryStreamExt as _;
use mongodb::Collection;
use mongodb::error::Result as DriverResult;
use mongodb::options::ReadConcern;
use serde::{Deserialize, Serialize};

use super::names::Places;
use super::{Adoption, Kind, Totals, open};
use crate::store::Error;
use crate::store::scan::value;

/// The state of the old collections. If two looks are equal, nothing was written between
/// them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    chat_users: One,
    chat_rooms: One,
    messages: One,
    /// The process of MongoDB that has counted the writes, unless it does not say so.
    #[serde(default)]
    process: Bson,
}

/// The state of a collection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct One {
    documents: u64,
    /// Its greatest `_id`; null for none.
    newest: Bson,
    /// How often it was written to since the primary was started, by its own count, so that
    /// changes of documents are noticed as well.
    writes: i64,
}

impl Look {
    /// How many documents there are.
    pub fn totals(&self) -> Totals {
        Totals {
            chat_users: self.chat_users.documents,
            chat_rooms: self.chat_rooms.documents,
            messages: self.messages.documents,
        }
    }

    /// What has been written to since another look; `None` for nothing. If MongoDB was
    /// restarted between the two, or has another primary, changes of documents are not seen.
    pub fn changed_since(&self, before: &Self) -> Option<Kind> {
        let is_same_process = self.process == before.process;
        if !is_same_process {
            tracing::warn!(
                "MongoDB was restarted or has another primary: if chatzz 1.x has changed documents since \
                 the adoption began, that is not seen"
            );
        }
        let changed = |kind: &Kind| {
            if is_same_process {
                self.of(*kind) != before.of(*kind)
            } else {
                !self.holds_the_same(*kind, before)
            }
        };
        Kind::ALL.into_iter().find(changed)
    }

    /// Whether a collection holds the same documents as at another look, by their number and
    /// the newest: its name may have changed since.
    pub fn holds_the_same(&self, kind: Kind, before: &Self) -> bool {
        let (now, before) = (self.of(kind), before.of(kind));
        (now.documents, &now.newest) == (before.documents, &before.newest)
    }

    fn of(&self, kind: Kind) -> &One {
        match kind {
            Kind::ChatUsers => &self.chat_users,
            Kind::ChatRooms => &self.chat_rooms,
            Kind::Messages => &self.messages,
        }
    }
}

impl Adoption {
    /// Looks at the old collections.
    ///
    /// # Errors
    /// When the database cannot answer, or the account may not ask (`collStats`).
    pub async fn look(&self) -> Result<Look, Error> {
        self.look_by(|places, kind| places.of(kind).to_owned())
            .await
    }

    /// Looks at them again when the new ones have taken their names.
    ///
    /// # Errors
    /// Those of [`Adoption::look`].
    pub async fn look_after(&self) -> Result<Look, Error> {
        if self.is_in_place() {
            self.look_by(Places::before).await
        } else {
            self.look().await
        }
    }

    async fn look_by(&self, name: fn(&Places, Kind) -> String) -> Result<Look, Error> {
        let names = self.names_in(&self.source).await?;
        let one = async |kind| {
            let name = name(&self.places, kind);
            if !names.contains(&name) {
                return Ok(One::default());
            }
            let old = open(&self.source, &name);
            self.step("adopt.look", look_at(old)).await
        };
        Ok(Look {
            chat_users: one(Kind::ChatUsers).await?,
            chat_rooms: one(Kind::ChatRooms).await?,
            messages: one(Kind::Messages).await?,
            process: self.find_process().await?,
        })
    }

    async fn find_process(&self) -> Result<Bson, Error> {
        let source = self.source.clone();
        let hello = async move { source.run_command(doc! { "hello": 1 }).await };
        let hello = self.step("adopt.hello", hello).await?;
        let version = hello.get_document("topologyVersion").ok();
        let process = version.and_then(|version| version.get("processId"));
        Ok(process.cloned().unwrap_or(Bson::Null))
    }
}

async fn look_at(old: Collection<RawDocumentBuf>) -> DriverResult<One> {
    let newest = old.find_one(doc! {}).sort(doc! { "_id": -1 });
    let newest = newest.projection(doc! { "_id": 1 }).await?;
    // this stage knows no read concern but `local`
    let stats = old.aggregate([doc! { "$collStats": { "latencyStats": {} } }]);
    let stats = stats.read_concern(ReadConcern::local()).await?;
    let stats: Vec<Document> = stats.try_collect().await?;
    let writes = stats.first().and_then(|stats| {
        let latency = stats.get_document("latencyStats").ok()?;
        latency.get_document("writes").ok()?.get_i64("ops").ok()
    });
    Ok(One {
        documents: old.count_documents(doc! {}).await?,
        newest: newest
            .and_then(|newest| newest.get("_id").ok().flatten().map(value))
            .unwrap_or(Bson::Null),
        writes: writes.unwrap_or_default(),
    })
}
