//! Reading a whole collection in order, in bounded memory, in whatever form the documents
//! are stored.

use std::future::Future;

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};
use futures::TryStreamExt as _;
use mongodb::Cursor;
use mongodb::error::{ErrorKind, Result as DriverResult};
use tokio::sync::mpsc;

use super::documents::{BATCH, Documents};
use super::{Error, MAINTENANCE_LIMIT};
use crate::id::Seq;

/// Documents sent to the reader at once.
const PORTION: usize = 1_000;
/// The same in bytes, 1 MiB: others may have stored long documents.
const PORTION_BYTES: usize = 1024 * 1024;
/// Portions that may wait.
const MAX_PORTIONS: usize = 4;

/// What to read, and how.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    pub(super) filter: Document,
    pub(super) projection: Document,
    pub(super) sort: Document,
}

/// The result of a query, read piece by piece.
///
/// A task of its own holds the cursor, since driver futures are never dropped half-way.
/// At most 6,000 documents or about 6 MiB of them, plus a batch of the driver, are in memory.
#[derive(Debug)]
pub struct Scan<T> {
    portions: mpsc::Receiver<DriverResult<Option<Vec<RawDocumentBuf>>>>,
    current: std::vec::IntoIter<RawDocumentBuf>,
    read: fn(&RawDocument) -> T,
    peeked: Option<T>,
    ended: bool,
}

impl<T> Scan<T> {
    pub(super) fn start<D: Send + Sync + 'static>(
        documents: &Documents<D>,
        query: Query,
        read: fn(&RawDocument) -> T,
    ) -> Self {
        let collection = documents.collection().clone_with_type::<RawDocumentBuf>();
        let cursor = async move {
            let find = collection
                .find(query.filter)
                .projection(query.projection)
                .sort(query.sort)
                .allow_disk_use(true);
            find.batch_size(BATCH).await
        };
        Self::of(cursor, read)
    }

    /// Reads what a cursor finds.
    pub(super) fn of(
        cursor: impl Future<Output = DriverResult<Cursor<RawDocumentBuf>>> + Send + 'static,
        read: fn(&RawDocument) -> T,
    ) -> Self {
        let mut cursor = Some(cursor);
        Self::opened(move |_| cursor.take(), None, read)
    }

    /// Reads what cursors find, one after the other: MongoDB ends one that nobody asks for
    /// 10 minutes, and then `open` makes the next, behind the last document by its field `key`.
    pub(super) fn resuming<F>(
        open: impl Fn(Option<Bson>) -> F + Send + 'static,
        key: &'static str,
        read: fn(&RawDocument) -> T,
    ) -> Self
    where
        F: Future<Output = DriverResult<Cursor<RawDocumentBuf>>> + Send + 'static,
    {
        Self::opened(move |last| Some(open(last)), Some(key), read)
    }

    fn opened<F>(
        mut open: impl FnMut(Option<Bson>) -> Option<F> + Send + 'static,
        key: Option<&'static str>,
        read: fn(&RawDocument) -> T,
    ) -> Self
    where
        F: Future<Output = DriverResult<Cursor<RawDocumentBuf>>> + Send + 'static,
    {
        let (sender, portions) = mpsc::channel(MAX_PORTIONS);
        tokio::spawn(async move {
            let mut copying = Copying {
                key,
                last: None,
                portion: Vec::with_capacity(PORTION),
                bytes: 0,
                sender,
            };
            let mut copied = Ok(());
            while let Some(cursor) = open(copying.last.clone()) {
                let before = copying.last.clone();
                copied = copying.copy(cursor).await;
                let is_gone = copied.as_ref().is_err_and(is_of_gone_cursor);
                if !is_gone || copying.last == before {
                    break;
                }
                tracing::info!("MongoDB has ended a cursor");
            }
            copying.end(copied).await;
        });
        Self {
            portions,
            current: Vec::new().into_iter(),
            read,
            peeked: None,
            ended: false,
        }
    }

    /// The next document, which stays the next.
    ///
    /// # Errors
    /// When the database cannot answer; a portion is waited for 10 minutes.
    pub async fn peek(&mut self) -> Result<Option<&T>, Error> {
        if self.peeked.is_none() {
            self.peeked = self.read_next().await?;
        }
        Ok(self.peeked.as_ref())
    }

    /// The next document.
    ///
    /// # Errors
    /// Those of [`Scan::peek`].
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        self.peek().await?;
        Ok(self.peeked.take())
    }

    async fn read_next(&mut self) -> Result<Option<T>, Error> {
        loop {
            if let Some(document) = self.current.next() {
                return Ok(Some((self.read)(&document)));
            }
            if self.ended {
                return Ok(None);
            }
            match tokio::time::timeout(MAINTENANCE_LIMIT, self.portions.recv()).await {
                Ok(Some(Ok(Some(portion)))) => self.current = portion.into_iter(),
                Ok(Some(Ok(None))) => self.ended = true,
                Ok(Some(Err(error))) => return Err(error.into()),
                Ok(None) => return Err(Error::Abandoned),
                Err(_) => return Err(Error::TimedOut(MAINTENANCE_LIMIT)),
            }
        }
    }
}

/// Documents on their way from cursors to the reader.
struct Copying {
    /// The field that says how far it is, if that matters.
    key: Option<&'static str>,
    last: Option<Bson>,
    portion: Vec<RawDocumentBuf>,
    bytes: usize,
    sender: mpsc::Sender<DriverResult<Option<Vec<RawDocumentBuf>>>>,
}

impl Copying {
    /// Sends what a cursor finds, but for the last portion.
    async fn copy(
        &mut self,
        cursor: impl Future<Output = DriverResult<Cursor<RawDocumentBuf>>>,
    ) -> DriverResult<()> {
        let mut cursor = cursor.await?;
        while let Some(document) = cursor.try_next().await? {
            if let Some(key) = self.key {
                self.last = document.get(key).ok().flatten().map(value);
            }
            self.bytes += document.as_bytes().len();
            self.portion.push(document);
            if self.portion.len() == PORTION || self.bytes >= PORTION_BYTES {
                self.bytes = 0;
                let full = std::mem::replace(&mut self.portion, Vec::with_capacity(PORTION));
                if self.sender.send(Ok(Some(full))).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Sends the last portion, and that it is the last. Fails when the reader is gone.
    async fn end(self, copied: DriverResult<()>) {
        let last = match copied {
            Ok(()) => {
                let _ = self.sender.send(Ok(Some(self.portion))).await;
                Ok(None)
            }
            Err(error) => Err(error),
        };
        let _ = self.sender.send(last).await;
    }
}

/// Whether MongoDB has ended the cursor: by itself, or since an operator said so.
fn is_of_gone_cursor(error: &mongodb::error::Error) -> bool {
    const NOT_FOUND: i32 = 43;
    const KILLED: i32 = 237;
    matches!(error.kind.as_ref(), ErrorKind::Command(command)
        if [NOT_FOUND, KILLED].contains(&command.code))
}

/// Matches ids after the given one, and nothing that is not an id: a comparison is within one type.
pub(super) fn after(id: Option<impl Into<Bson>>) -> Document {
    id.map_or_else(
        || doc! { "$gte": ObjectId::from_bytes([0; 12]) },
        |id| doc! { "$gt": id.into() },
    )
}

/// The fields of a document, as far as they can be read.
pub(super) fn fields(document: &RawDocument) -> impl Iterator<Item = (&str, RawBsonRef<'_>)> {
    let fields = document.iter().filter_map(Result::ok);
    fields.map(|(name, value)| (name.as_str(), value))
}

/// A number as the server stores it: an integer of either width.
pub(super) fn integer(value: RawBsonRef<'_>) -> Option<Seq> {
    value.as_i64().or_else(|| value.as_i32().map(Seq::from))
}

/// A date; anything else is `None`.
pub(super) fn date(value: RawBsonRef<'_>) -> Option<DateTime> {
    value.as_datetime()
}

/// Any value, for filters and for display.
pub(super) fn value(value: RawBsonRef<'_>) -> Bson {
    Bson::try_from(value).unwrap_or(Bson::Null)
}

/// How a value is displayed: ids and texts bare, others as the driver writes them.
pub fn shown(value: &Bson) -> String {
    match value {
        Bson::ObjectId(id) => id.to_hex(),
        Bson::String(text) => text.clone(),
        other => other.to_string(),
    }
}
