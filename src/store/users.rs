//! The application's own users: read, never written, never indexed.

use std::collections::HashSet;
use std::sync::OnceLock;

use bson::raw::RawElement;
use bson::spec::ElementType;
use bson::{Bson, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};
use futures::{FutureExt as _, TryStreamExt as _};
use parking_lot::Mutex;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::application_ids::ApplicationIds;
use super::documents::{BATCH, Documents};
use super::error::Error;
use super::gather::Gather;
use crate::id::UserId;

/// Most ids asked for in one query.
const MAX_PER_QUERY: usize = 1_000;
/// Largest JSON of one field of a user; larger fields are not shown, 8 KiB.
pub const MAX_FIELD_BYTES: usize = 8 * 1024;
/// Deepest nesting that is read. MongoDB stores 100 levels, and the driver's own way of
/// reading them takes more stack than a thread has in a debug build (observed).
const MAX_DEPTH: usize = 16;

/// A user, as shown by the messenger.
#[derive(Debug)]
pub struct User {
    /// The user's id in the application.
    pub id: UserId,
    /// Whether the application deleted the user.
    pub is_deleted: bool,
    /// The allowed fields, until they are rendered: a user is cached while they are online.
    profile: Mutex<Document>,
    rendered: OnceLock<Rendered>,
}

/// A user's JSON.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The object.
    pub whole: Box<RawValue>,
    /// Its fields, for objects that contain other fields as well.
    pub fields: Box<[(Box<str>, Box<RawValue>)]>,
}

impl Rendered {
    /// The JSON of these fields, in this order; `None` if it cannot be written.
    pub fn of_fields(fields: Vec<(Box<str>, Box<RawValue>)>) -> Option<Self> {
        struct Whole<'a>(&'a [(Box<str>, Box<RawValue>)]);
        impl Serialize for Whole<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
            }
        }
        Some(Self {
            whole: to_raw_value(&Whole(&fields)).ok()?,
            fields: fields.into(),
        })
    }
}

impl User {
    /// A user with a document.
    pub fn present(id: UserId, profile: Document) -> Self {
        Self {
            id,
            is_deleted: false,
            profile: Mutex::new(profile),
            rendered: OnceLock::new(),
        }
    }

    /// A user whose JSON is made already.
    pub fn shaped(id: UserId, rendered: Rendered) -> Self {
        Self {
            rendered: OnceLock::from(rendered),
            ..Self::present(id, Document::new())
        }
    }

    /// A user whose document no longer exists.
    pub fn deleted(id: UserId) -> Self {
        Self {
            is_deleted: true,
            ..Self::present(id, Document::new())
        }
    }

    /// The JSON for clients: made once, by the wire layer, from the allowed fields.
    pub fn rendered(&self, render: impl FnOnce(Document) -> Rendered) -> &Rendered {
        self.rendered
            .get_or_init(|| render(std::mem::take(&mut self.profile.lock())))
    }

    /// About how many bytes the user is in an envelope.
    pub fn size(&self) -> usize {
        match self.rendered.get() {
            Some(rendered) => rendered.whole.get().len(),
            None => bson::serialize_to_vec(&*self.profile.lock()).map_or(0, |bytes| bytes.len()),
        }
    }
}

/// The users collection, through the allow-list of fields.
#[derive(Clone, Debug)]
pub struct Users {
    documents: Documents<Document>,
    projection: Document,
    ids: ApplicationIds,
    by_id: Gather<UserId, Document>,
}

impl Users {
    pub(super) fn new(
        documents: Documents<Document>,
        fields: &[String],
        ids: ApplicationIds,
    ) -> Self {
        let projection: Document = fields
            .iter()
            .map(|field| (field.clone(), Bson::Int32(1)))
            .chain([("_id".to_owned(), Bson::Int32(1))])
            .collect();
        let by_id = Gather::new({
            let (documents, projection) = (documents.clone(), projection.clone());
            move |wanted: Vec<UserId>| {
                list(documents.clone(), projection.clone(), ids, wanted).boxed()
            }
        });
        Self {
            documents,
            projection,
            ids,
            by_id,
        }
    }

    /// Finds the users whose `_id` is one of a few, as [`Users::list`] does.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find(&self, ids: Vec<UserId>) -> Result<Vec<(UserId, Document)>, Error> {
        self.by_id.find(ids).await
    }

    /// Finds the id of any user; the outer `None` when there is no user at all, the inner
    /// when its `_id` is of a type that chatzz does not support.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_any_id(&self) -> Result<Option<Option<UserId>>, Error> {
        let any = self
            .documents
            .run("users.find_any_id", |collection| async move {
                let collection = collection.clone_with_type::<RawDocumentBuf>();
                let find = collection.find_one(doc! {});
                find.projection(doc! { "_id": 1 }).await
            })
            .await?;
        Ok(any.map(|user| id_of(&user, self.ids)))
    }

    /// Lists those of `ids` that exist. Index: `_id_`, covered.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_existing(&self, ids: Vec<UserId>) -> Result<HashSet<UserId>, Error> {
        let mut existing = HashSet::with_capacity(ids.len());
        for filter in filters(ids, self.ids) {
            let found: Vec<RawDocumentBuf> = self
                .documents
                .run("users.list_existing", |collection| async move {
                    let collection = collection.clone_with_type();
                    let find = collection.find(filter).projection(doc! { "_id": 1 });
                    find.batch_size(BATCH).await?.try_collect().await
                })
                .await?;
            existing.extend(found.iter().filter_map(|user| id_of(user, self.ids)));
        }
        Ok(existing)
    }

    /// Lists the users whose `_id` is one of `ids`, reduced to the allowed fields.
    ///
    /// A field that is not allowed never leaves the database. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list(&self, ids: Vec<UserId>) -> Result<Vec<(UserId, Document)>, Error> {
        let (documents, projection) = (self.documents.clone(), self.projection.clone());
        list(documents, projection, self.ids, ids).await
    }
}

/// Implements [`Users::list`].
async fn list(
    documents: Documents<Document>,
    projection: Document,
    ids: ApplicationIds,
    wanted: Vec<UserId>,
) -> Result<Vec<(UserId, Document)>, Error> {
    let mut users = Vec::with_capacity(wanted.len());
    for filter in filters(wanted, ids) {
        let projection = projection.clone();
        let found: Vec<RawDocumentBuf> = documents
            .run("users.list", |collection| async move {
                let collection = collection.clone_with_type();
                let find = collection
                    .find(filter)
                    .projection(projection)
                    .batch_size(BATCH);
                find.await?.try_collect().await
            })
            .await?;
        users.extend(
            found
                .iter()
                .filter_map(|raw| Some((id_of(raw, ids)?, copy(raw, ids, 0))))
                .map(|(id, user)| (id, without_long_texts(user))),
        );
    }
    Ok(users)
}

/// The filters of the queries for some users.
fn filters(wanted: Vec<UserId>, ids: ApplicationIds) -> Vec<Document> {
    let wanted: Vec<Bson> = wanted.into_iter().map(|id| ids.to_stored(id)).collect();
    let portions = wanted.chunks(MAX_PER_QUERY);
    portions.map(|ids| doc! { "_id": { "$in": ids } }).collect()
}

/// The id of a user; `None` for an `_id` that cannot be one.
fn id_of(user: &RawDocument, ids: ApplicationIds) -> Option<UserId> {
    ids.read(user.get("_id").ok()??)
}

/// Copies a document; values nested too deeply are left out. In texts, U+FFFD replaces
/// bytes that are not UTF-8: other drivers write them, and MongoDB does not check. A nested
/// name that is not UTF-8 ends its object: nothing behind it can be read. UUIDs of subtype
/// 3 become UUIDs of subtype 4.
fn copy(raw: &RawDocument, ids: ApplicationIds, depth: usize) -> Document {
    raw.iter_elements()
        .filter_map(Result::ok)
        .filter_map(|field| Some((field.key().to_string(), copy_value(&field, ids, depth)?)))
        .collect()
}

/// Leaves out texts that are too long to be shown: they would stay in memory.
fn without_long_texts(user: Document) -> Document {
    let is_long = |value: &Bson| {
        value
            .as_str()
            .is_some_and(|text| text.len() > MAX_FIELD_BYTES)
    };
    let fields = user.into_iter();
    fields.filter(|(_, value)| !is_long(value)).collect()
}

fn copy_value(field: &RawElement<'_>, ids: ApplicationIds, depth: usize) -> Option<Bson> {
    if field.element_type() == ElementType::String {
        return Bson::try_from(field.value_utf8_lossy().ok()?).ok();
    }
    match field.value().ok()? {
        RawBsonRef::Document(_) | RawBsonRef::Array(_) if depth >= MAX_DEPTH => None,
        RawBsonRef::Document(document) => Some(Bson::Document(copy(document, ids, depth + 1))),
        RawBsonRef::Array(items) => {
            let items = items.iter_elements().filter_map(Result::ok);
            let items = items.filter_map(|item| copy_value(&item, ids, depth + 1));
            Some(Bson::Array(items.collect()))
        }
        // its scope may be nested as well, and code is never shown
        RawBsonRef::JavaScriptCodeWithScope(_) => None,
        plain => match ids.legacy_uuid(plain) {
            Some(id) => Some(id.into()),
            None => Bson::try_from(plain).ok(),
        },
    }
}
