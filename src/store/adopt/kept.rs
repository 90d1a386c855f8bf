//! What an adoption has kept of chatzz 1.x beside the collections of the messenger.

use bson::doc;
use mongodb::Database;

use super::names::Places;
use super::{Kind, code, open};
use crate::store::{Error, Store};

/// The code of a command that the account may not run.
const UNAUTHORIZED: i32 = 13;
/// How the name of the bookkeeping collection ends, behind the prefix of all such names.
const META: &str = "meta";

impl Store {
    /// Lists the collections in which an adoption has left documents of chatzz 1.x, and those
    /// of them that this account may not read: nobody can say that they are gone.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_kept(&self) -> Result<Vec<String>, Error> {
        let Some(state) = self.find_adoption().await? else {
            return Ok(Vec::new());
        };
        let prefix = self.names.meta.strip_suffix(META).unwrap_or_default();
        // with names that clash nothing was taken over
        let Ok(places) = Places::new(&self.names, prefix) else {
            return Ok(Vec::new());
        };
        let is_in_place = state.source == self.database.name();
        let mut kept = Vec::new();
        for kind in Kind::ALL {
            if is_in_place {
                let name = places.before(kind);
                kept.extend(self.kept_in(&self.database, &name).await?.then_some(name));
            } else {
                let source = self.client.database(&state.source);
                let name = places.of(kind);
                let shown = format!("{}.{name}", state.source);
                kept.extend(self.kept_in(&source, name).await?.then_some(shown));
            }
        }
        let rest = places.rest();
        kept.extend(self.kept_in(&self.database, &rest).await?.then_some(rest));
        Ok(kept)
    }

    /// Whether a collection has documents, or may have some.
    async fn kept_in(&self, database: &Database, name: &str) -> Result<bool, Error> {
        let collection = open(database, name);
        let found = self.runner.run("adopt.find_kept", async move {
            match collection
                .find_one(doc! {})
                .projection(doc! { "_id": 1 })
                .await
            {
                Ok(found) => Ok(found.is_some()),
                Err(error) if code(&error) == Some(UNAUTHORIZED) => Ok(true),
                Err(error) => Err(error),
            }
        });
        found.await
    }
}
