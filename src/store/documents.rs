//! A collection whose every operation runs through the [`Runner`].

use std::sync::Arc;
use std::time::Duration;

use bson::{Document, RawDocument, RawDocumentBuf, doc};
use mongodb::error::{Error as DriverError, Result as DriverResult};
use mongodb::options::UpdateModifications;
use mongodb::{Collection, Cursor};
use serde::Serialize;

use super::raw::FromRaw;
use super::{Error, Runner};

/// Documents of one type, in one collection.
#[derive(Debug)]
pub(super) struct Documents<T: Send + Sync> {
    collection: Collection<T>,
    runner: Runner,
}

impl<T: Send + Sync> Clone for Documents<T> {
    fn clone(&self) -> Self {
        Self {
            collection: self.collection.clone(),
            runner: self.runner.clone(),
        }
    }
}

/// Documents fetched in one round trip; by default the first contains only 101. The
/// server ends a batch at 16 MiB anyway.
pub(super) const BATCH: u32 = 10_000;

/// Pipelines in one query of [`Documents::look_into`].
const UNIONS_PER_QUERY: usize = 500;

/// Which documents to list, and how many at most.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    pub(super) filter: Document,
    pub(super) sort: Document,
    pub(super) limit: i64,
    pub(super) projection: Document,
}

impl Listing {
    /// Lists in no particular order.
    pub(super) fn of(filter: Document, limit: i64) -> Self {
        Self {
            filter,
            sort: Document::new(),
            limit,
            projection: Document::new(),
        }
    }

    /// Leaves fields out.
    pub(super) fn without(mut self, fields: &[&str]) -> Self {
        let left_out = fields.iter().map(|field| ((*field).to_owned(), 0.into()));
        self.projection.extend(left_out);
        self
    }

    /// Lists in the order of `sort`.
    pub(super) fn sorted(self, sort: Document) -> Self {
        Self { sort, ..self }
    }
}

impl<T: Send + Sync + 'static> Documents<T> {
    pub(super) fn new(collection: Collection<T>, runner: Runner) -> Self {
        Self { collection, runner }
    }

    pub(super) fn collection(&self) -> &Collection<T> {
        &self.collection
    }

    pub(super) fn name(&self) -> &str {
        self.collection.name()
    }

    /// Runs an operation that has no method of its own here.
    pub(super) async fn run<R, F>(
        &self,
        name: &'static str,
        operation: impl FnOnce(Collection<T>) -> F,
    ) -> Result<R, Error>
    where
        R: Send + 'static,
        F: Future<Output = DriverResult<R>> + Send + 'static,
    {
        self.runner
            .run(name, operation(self.collection.clone()))
            .await
    }

    /// As [`Documents::run`] for a read, which may be done again.
    pub(super) async fn read<R, F>(
        &self,
        name: &'static str,
        read: impl Fn(Collection<T>) -> F + Send + 'static,
    ) -> Result<R, Error>
    where
        R: Send + 'static,
        F: Future<Output = DriverResult<R>> + Send + 'static,
    {
        let collection = self.collection.clone();
        self.runner
            .read(name, move || read(collection.clone()))
            .await
    }

    /// As [`Documents::run`], waiting at most `limit`.
    pub(super) async fn run_within<R, F>(
        &self,
        limit: Duration,
        name: &'static str,
        operation: impl FnOnce(Collection<T>) -> F,
    ) -> Result<R, Error>
    where
        R: Send + 'static,
        F: Future<Output = DriverResult<R>> + Send + 'static,
    {
        self.runner
            .run_within(limit, name, operation(self.collection.clone()))
            .await
    }

    pub(super) async fn update_one(
        &self,
        name: &'static str,
        filter: Document,
        update: impl Into<UpdateModifications>,
        upsert: bool,
    ) -> Result<u64, Error> {
        let update = update.into();
        self.run(name, |collection| async move {
            collection.update_one(filter, update).upsert(upsert).await
        })
        .await
        .map(|updated| updated.matched_count)
    }

    /// Deletes one document; returns whether there was one.
    pub(super) async fn delete_one(
        &self,
        name: &'static str,
        filter: Document,
    ) -> Result<bool, Error> {
        self.run(name, |collection| async move {
            collection.delete_one(filter).await
        })
        .await
        .map(|deleted| deleted.deleted_count == 1)
    }
}

impl<T: FromRaw + Send + Sync + 'static> Documents<T> {
    pub(super) async fn find_one(
        &self,
        name: &'static str,
        filter: Document,
    ) -> Result<Option<T>, Error> {
        self.find_first(name, filter, Document::new()).await
    }

    /// Finds the first document in the order of `sort`.
    pub(super) async fn find_first(
        &self,
        name: &'static str,
        filter: Document,
        sort: Document,
    ) -> Result<Option<T>, Error> {
        self.read(name, move |collection| {
            let (filter, sort) = (filter.clone(), sort.clone());
            async move {
                let collection = collection.clone_with_type::<RawDocumentBuf>();
                let found = collection.find_one(filter).sort(sort).await?;
                found.map(|found| read(&found)).transpose()
            }
        })
        .await
    }

    pub(super) async fn list(&self, name: &'static str, listing: Listing) -> Result<Vec<T>, Error> {
        self.read(name, move |collection| {
            let Listing {
                filter,
                sort,
                limit,
                projection,
            } = listing.clone();
            async move {
                let find = collection.find(filter).sort(sort).limit(limit);
                let find = find.projection(projection);
                collect(find.batch_size(BATCH).await?).await
            }
        })
        .await
    }

    pub(super) async fn aggregate<R>(
        &self,
        name: &'static str,
        pipeline: Vec<Document>,
    ) -> Result<Vec<R>, Error>
    where
        R: FromRaw + Send + 'static,
    {
        self.read(name, move |collection| {
            let pipeline = pipeline.clone();
            async move { collect(collection.aggregate(pipeline).batch_size(BATCH).await?).await }
        })
        .await
    }
}

impl<T: FromRaw + Send + Sync + 'static> Documents<T> {
    /// Collects the results of several pipelines, hundreds of them in one query, and of
    /// those of each query what is left by further stages.
    pub(super) async fn look_into<R>(
        &self,
        name: &'static str,
        lookups: &[Vec<Document>],
        then: &[Document],
    ) -> Result<Vec<R>, Error>
    where
        R: FromRaw + Send + 'static,
    {
        let mut all = Vec::new();
        // a pipeline may have 1,000 stages, and each further one of these is a stage
        for some in lookups.chunks(UNIONS_PER_QUERY) {
            let Some((first, others)) = some.split_first() else {
                continue;
            };
            let mut pipeline = first.clone();
            pipeline.extend(
                others.iter().map(
                    |lookup| doc! { "$unionWith": { "coll": self.name(), "pipeline": lookup } },
                ),
            );
            pipeline.extend_from_slice(then);
            let found: Vec<R> = self.aggregate(name, pipeline).await?;
            all.extend(found);
        }
        Ok(all)
    }
}

impl<T: Serialize + Send + Sync + 'static> Documents<T> {
    pub(super) async fn insert_one(&self, name: &'static str, document: T) -> Result<(), Error> {
        self.run(name, |collection| async move {
            collection.insert_one(document).await.map(drop)
        })
        .await
    }

    /// Inserts in order, up to the first document that is refused.
    pub(super) async fn insert_ordered(
        &self,
        name: &'static str,
        limit: Duration,
        documents: Arc<[T]>,
    ) -> Result<mongodb::error::Result<()>, Error> {
        self.run_within(limit, name, |collection| async move {
            let insert = collection.insert_many(documents.iter()).ordered(true);
            Ok(insert.await.map(drop))
        })
        .await
    }
}

/// Reads every document of a cursor in place.
pub(super) async fn collect<C, R: FromRaw>(mut cursor: Cursor<C>) -> DriverResult<Vec<R>> {
    let mut all = Vec::new();
    while cursor.advance().await? {
        all.push(read(cursor.current())?);
    }
    Ok(all)
}

fn read<R: FromRaw>(document: &RawDocument) -> DriverResult<R> {
    // the driver shows a custom error only if it is a text
    R::from_raw(document).map_err(|error| DriverError::custom(error.to_string()))
}

/// The filter that matches a document by its id.
pub(super) fn by_id(id: impl Into<bson::Bson>) -> Document {
    doc! { "_id": id.into() }
}
