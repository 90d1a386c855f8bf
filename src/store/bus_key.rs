//! The key by which servers recognise each other on the bus.

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document, doc};
use mongodb::options::ReturnDocument;

use super::documents::by_id;
use super::{Error, Store, once_visible};

/// The document of the bookkeeping collection.
const ID: &str = "bus-key";
const FIELD: &str = "key";
/// The length of the key, in bytes.
const KEY_BYTES: usize = 32;

impl Store {
    /// Gets the key that all servers of this database share; `new` becomes it when there
    /// is none. Any number of servers at once get the same one. `None` for a document that
    /// chatzz did not write.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get_or_create_bus_key(
        &self,
        new: [u8; KEY_BYTES],
    ) -> Result<Option<[u8; KEY_BYTES]>, Error> {
        let key = Binary {
            subtype: BinarySubtype::Generic,
            bytes: new.to_vec(),
        };
        let update = doc! { "$setOnInsert": { FIELD: key } };
        let stored = self
            .meta
            .run("meta.bus_key", |collection| async move {
                collection
                    .find_one_and_update(by_id(ID), update)
                    .upsert(true)
                    .return_document(ReturnDocument::After)
                    .await
            })
            .await;
        let stored = match stored {
            Ok(Some(stored)) => stored,
            // another server was a moment faster
            Ok(None) | Err(Error::Duplicate { .. }) => {
                once_visible(|| self.meta.find_one("meta.find_bus_key", by_id(ID))).await?
            }
            Err(error) => return Err(error),
        };
        Ok(read(&stored))
    }
}

fn read(document: &Document) -> Option<[u8; KEY_BYTES]> {
    match document.get(FIELD)? {
        Bson::Binary(key) => key.bytes.as_slice().try_into().ok(),
        _ => None,
    }
}
