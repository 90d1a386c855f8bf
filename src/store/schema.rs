//! Requirements on the database: indexes, and no foreign documents.

use bson::{Bson, Document, doc};
use futures::TryStreamExt as _;
use mongodb::{Database, IndexModel};

use super::{Error, MAINTENANCE_LIMIT, Store, chat_rooms, chat_users, messages};

/// An index that differs from its declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The collection.
    pub collection: String,
    /// The index.
    pub index: String,
}

/// How the existing indexes compare with the declared ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexState {
    /// Those that are as declared, by name.
    pub sound: Vec<String>,
    /// Those that do not exist, as (collection, name).
    pub missing: Vec<(String, String)>,
    /// Those that exist with another definition.
    pub drifted: Vec<Drift>,
}

/// Why the database cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database could not be queried.
    #[error(transparent)]
    Database(#[from] Error),
    /// Documents of the npm package chatzz 1.x are where ours would be.
    #[error(
        "the collection {collection} holds documents of chatzz 1.x ({what}): run `chatzz adopt`, \
         which takes them over (docs/from-chatzz-1.md). Until then nothing is written here. To leave \
         them as they are, set {key} to another name, or CHATZZ_DATABASE to another database"
    )]
    Legacy {
        /// The collection.
        collection: String,
        /// How they were recognised.
        what: &'static str,
        /// The configuration key that names the collection.
        key: &'static str,
    },
    /// `chatzz adopt` was interrupted.
    #[error(
        "`chatzz adopt` has begun here and has not ended: run `chatzz adopt` again, which goes on, \
         or `chatzz adopt --undo`, which goes back"
    )]
    AdoptionUnfinished,
    /// An index was changed by somebody else.
    #[error(
        "the index {} of {} differs from what chatzz declares. \
         Drop it (chatzz makes it anew), or find out who changed it",
        .0.index, .0.collection
    )]
    Drifted(Drift),
}

/// By what a collection of chatzz 1.x is recognised.
struct Sign<'a> {
    collection: &'a str,
    /// A field that documents of both have.
    theirs: &'static str,
    /// A field that only our documents have.
    ours: &'static str,
    /// The unique index that keeps theirs out.
    index: &'static str,
    what: &'static str,
    /// The configuration key that names the collection.
    key: &'static str,
}

impl Store {
    /// The declared indexes, collection by collection; privacies are queried by `_id`.
    pub(super) fn declared(&self) -> [(&str, Vec<IndexModel>); 3] {
        [
            (&self.names.chat_users, chat_users::indexes()),
            (&self.names.chat_rooms, chat_rooms::indexes()),
            (&self.names.messages, messages::indexes()),
        ]
    }

    /// By what documents of chatzz 1.x differ from ours.
    fn signs(&self) -> [Sign<'_>; 3] {
        [
            Sign {
                collection: &self.names.chat_rooms,
                theirs: "chatUsers",
                ours: "pair",
                index: chat_rooms::PAIR,
                what: "chat rooms without `pair`",
                key: "CHATZZ_CHAT_ROOM_COLLECTION",
            },
            Sign {
                collection: &self.names.messages,
                theirs: "chatRoom",
                ours: "seq",
                index: messages::SEQ,
                what: "messages without `seq`",
                key: "CHATZZ_MESSAGE_COLLECTION",
            },
            Sign {
                collection: &self.names.chat_users,
                theirs: "user",
                ours: "nodes",
                index: chat_users::USER,
                what: "chat users without `nodes`",
                key: "CHATZZ_CHAT_USER_COLLECTION",
            },
        ]
    }

    /// Refuses a database that the npm package chatzz 1.x has used, and one in which
    /// `chatzz adopt` has not ended. In one that `is_prepared`, migrations have run, perhaps
    /// under other names of collections.
    ///
    /// A collection whose unique index is as declared is not looked into: the index keeps
    /// such documents out. In the others a first foreign document is found at once.
    ///
    /// # Errors
    /// [`SchemaError::Legacy`], [`SchemaError::AdoptionUnfinished`], or when the database
    /// cannot answer.
    pub async fn refuse_legacy(&self, is_prepared: bool) -> Result<(), SchemaError> {
        self.refuse_unfinished_adoption().await?;
        let sound = self.index_state().await?.sound;
        let is_sound = |sign: &Sign<'_>| sound.iter().any(|name| name == sign.index);
        for sign in self.signs().iter().filter(|sign| !is_sound(sign)) {
            // among ours it is a damage, which `verify` reports
            if !(is_prepared && self.holds_own(&self.database, sign).await?) {
                self.refuse_sign(&self.database, sign).await?;
            }
        }
        Ok(())
    }

    /// Refuses a database whose collections, by the configured names, hold documents of
    /// chatzz 1.x.
    pub(super) async fn refuse_legacy_in(&self, database: &Database) -> Result<(), SchemaError> {
        for sign in &self.signs() {
            self.refuse_sign(database, sign).await?;
        }
        Ok(())
    }

    async fn refuse_sign(&self, database: &Database, sign: &Sign<'_>) -> Result<(), SchemaError> {
        let foreign = doc! { sign.theirs: { "$exists": true }, sign.ours: { "$exists": false } };
        match self
            .raw_find_one(database, sign.collection, foreign)
            .await?
        {
            None => Ok(()),
            Some(_) => Err(SchemaError::Legacy {
                collection: sign.collection.to_owned(),
                what: sign.what,
                key: sign.key,
            }),
        }
    }

    /// Finds a collection of the database that holds documents of this chatzz.
    pub(super) async fn find_own_in(&self, database: &Database) -> Result<Option<String>, Error> {
        for sign in &self.signs() {
            if self.holds_own(database, sign).await? {
                return Ok(Some(sign.collection.to_owned()));
            }
        }
        Ok(None)
    }

    async fn holds_own(&self, database: &Database, sign: &Sign<'_>) -> Result<bool, Error> {
        let own = doc! { sign.ours: { "$exists": true } };
        let found = self.raw_find_one(database, sign.collection, own).await?;
        Ok(found.is_some())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the store")]
    async fn raw_find_one(
        &self,
        database: &Database,
        collection: &str,
        filter: Document,
    ) -> Result<Option<Document>, Error> {
        let collection = database.collection::<Document>(collection);
        self.runner
            .run_within(MAINTENANCE_LIMIT, "schema.find_one", async move {
                collection.find_one(filter).await
            })
            .await
    }

    /// Lists the declared indexes that do not exist yet, as (collection, name).
    ///
    /// # Errors
    /// [`SchemaError::Drifted`] for one that exists with another definition.
    pub async fn missing_indexes(&self) -> Result<Vec<(String, String)>, SchemaError> {
        let state = self.index_state().await?;
        if let Some(drift) = state.drifted.into_iter().next() {
            return Err(SchemaError::Drifted(drift));
        }
        Ok(state.missing)
    }

    /// Compares the existing indexes with the declared ones.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn index_state(&self) -> Result<IndexState, Error> {
        let mut state = IndexState::default();
        for (collection, declared) in self.declared() {
            let existing = self.existing_indexes(collection).await?;
            for index in declared {
                let wanted = shape_of(&index);
                // MongoDB refuses a second index with the same definition, whatever its name
                let like = |one: &&Shape| one.name == wanted.name || one.is_like(&wanted);
                let full_name = || self.full_name(collection);
                match existing.iter().find(like) {
                    None => state.missing.push((full_name(), wanted.name)),
                    Some(found) if *found == wanted => state.sound.push(wanted.name),
                    Some(found) => state.drifted.push(Drift {
                        collection: full_name(),
                        index: found.name.clone(),
                    }),
                }
            }
        }
        Ok(state)
    }

    /// A collection with its database, as operators know it.
    fn full_name(&self, collection: &str) -> String {
        format!("{}.{collection}", self.database.name())
    }

    /// Creates the declared indexes; those that exist stay as they are.
    ///
    /// # Errors
    /// When the database refuses or cannot be reached.
    #[expect(clippy::disallowed_methods, reason = "this is the store")]
    pub async fn create_indexes(&self) -> Result<(), SchemaError> {
        for (name, indexes) in self.declared() {
            let collection = self.database.collection::<Document>(name);
            self.runner
                .run_within(MAINTENANCE_LIMIT, "schema.create_indexes", async move {
                    collection.create_indexes(indexes).await
                })
                .await?;
        }
        Ok(())
    }

    /// Creates the declared index `name`; harmless when it exists.
    ///
    /// # Errors
    /// When the database refuses, for instance because of duplicates.
    #[expect(clippy::disallowed_methods, reason = "this is the store")]
    pub async fn create_index(&self, name: &str) -> Result<(), Error> {
        for (collection, indexes) in self.declared() {
            let collection = self.database.collection::<Document>(collection);
            for index in indexes {
                if shape_of(&index).name != name {
                    continue;
                }
                let collection = collection.clone();
                self.runner
                    .run_within(MAINTENANCE_LIMIT, "schema.create_index", async move {
                        collection.create_index(index).await
                    })
                    .await?;
            }
        }
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the store")]
    async fn existing_indexes(&self, name: &str) -> Result<Vec<Shape>, Error> {
        let collection = self.database.collection::<Document>(name);
        let indexes: Vec<IndexModel> = self
            .runner
            .run("schema.list_indexes", async move {
                match collection.list_indexes().await {
                    Ok(cursor) => cursor.try_collect().await,
                    Err(error) if is_missing(&error) => Ok(Vec::new()),
                    Err(error) => Err(error),
                }
            })
            .await?;
        Ok(indexes.iter().map(shape_of).collect())
    }
}

/// The properties that make an index the declared one.
#[derive(Clone, Debug, PartialEq)]
struct Shape {
    name: String,
    keys: Vec<(String, i64)>,
    unique: bool,
    filter: Option<Document>,
    /// Has an option that no declared index has, and that changes its behaviour.
    foreign: bool,
}

impl Shape {
    /// Whether the two differ only in their names.
    fn is_like(&self, other: &Self) -> bool {
        let named = Self {
            name: other.name.clone(),
            ..self.clone()
        };
        named == *other
    }
}

fn shape_of(index: &IndexModel) -> Shape {
    let options = index.options.as_ref();
    let keys = index.keys.iter().map(|(field, direction)| {
        let direction = match direction {
            Bson::Int32(n) => i64::from(*n),
            Bson::Int64(n) => *n,
            #[expect(clippy::cast_possible_truncation, reason = "directions are 1 and -1")]
            Bson::Double(n) => *n as i64,
            _ => 0,
        };
        (field.clone(), direction)
    });
    Shape {
        name: options.and_then(|o| o.name.clone()).unwrap_or_default(),
        keys: keys.collect(),
        unique: options.and_then(|o| o.unique).unwrap_or_default(),
        filter: options.and_then(|o| o.partial_filter_expression.clone()),
        foreign: options.is_some_and(|o| {
            o.sparse.unwrap_or_default()
                || o.hidden.unwrap_or_default()
                || o.collation.is_some()
                || o.expire_after.is_some()
        }),
    }
}

/// Whether the failure says that there is no such collection (code 26).
fn is_missing(error: &mongodb::error::Error) -> bool {
    matches!(
        error.kind.as_ref(),
        mongodb::error::ErrorKind::Command(command) if command.code == 26
    )
}
