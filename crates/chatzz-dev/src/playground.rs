//! The environment of `chatzz dev`: a database with users, and pages.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bson::{Bson, Document, doc};

use crate::claim::Claim;
use crate::conversations::{self, DemoMessage};
use crate::mongod::{Environment, Mongod, Options, locate};
use crate::nats::Nats;
use crate::pages::{self, Pages};
use crate::{DevError, Progress, demo, old_database};

/// The demo users: what an existing application would store, secrets included.
const USERS: &str = include_str!("../fixtures/users.json");
const USERS_FILE: &str = "users.json";
/// The fields that the demo application may show for choosing a user.
const SHOWN: [&str; 6] = [
    "_id",
    "username",
    "firstName",
    "lastName",
    "displayName",
    "avatar",
];

/// The collection of users for the server.
#[derive(Clone, Copy, Debug)]
pub struct Users<'a> {
    /// The database.
    pub database: &'a str,
    /// The collection in it.
    pub collection: &'a str,
}

/// A database with demo users, and the pages that show them, for a server to be built on.
pub struct Playground {
    dir: PathBuf,
    mongod: Mongod,
    nats: Option<Nats>,
    pages: Pages,
    claim: Claim,
}

impl Playground {
    /// Gets a mongod, starts it, stores the demo users, and builds the demo application.
    ///
    /// The database lives in `dir` and keeps what earlier runs stored there, unless it is to be
    /// `fresh`. No other playground may use `dir` meanwhile.
    ///
    /// # Errors
    /// With a sentence for the developer.
    pub async fn prepare(
        dir: &Path,
        fresh: bool,
        place: Users<'_>,
        progress: Progress<'_>,
    ) -> Result<Self, DevError> {
        let data = dir.join("mongo");
        // first: a database that is in use is not emptied
        let claim = Claim::take(dir)?;
        if fresh {
            empty(&data)?;
        }
        let environment = Environment::from_process();
        let binary = locate(&environment, progress).await?;
        progress("starting MongoDB");
        let mongod = Mongod::start(Options::new(binary, data)).await?;
        let users = demo_users()?;
        store_users(&mongod, place, &users).await?;
        let cache = environment.cache_dir.as_deref().unwrap_or(dir);
        let demo = match demo::demo(&cache.join("demo"), progress).await {
            Ok(site) => Some(site),
            Err(error) => {
                progress(&error.to_string());
                None
            }
        };
        let pages = Pages {
            users: Arc::new(shown(users)),
            demo,
            max_chars: 0,
            servers: Arc::new(OnceLock::new()),
        };
        Ok(Self {
            dir: dir.to_owned(),
            mongod,
            nats: None,
            pages,
            claim,
        })
    }

    /// Stores a database as chatzz 1.1.5 left it, beside the demo users, in these collections:
    /// chat users, chat rooms and messages.
    ///
    /// # Errors
    /// [`DevError::NotEmpty`] if one of them has documents, or failures.
    #[expect(
        clippy::disallowed_methods,
        reason = "this plays chatzz 1.x: chatzz itself never writes its documents"
    )]
    pub async fn store_old(&self, database: &str, names: [&str; 3]) -> Result<(), DevError> {
        let documents = old_database::documents()?;
        let store = async {
            let client = mongodb::Client::with_uri_str(self.mongod.uri()).await?;
            let database = client.database(database);
            let collections = names.map(|name| database.collection::<Document>(name));
            let mut is_empty = true;
            for collection in &collections {
                is_empty &= collection.find_one(doc! {}).await?.is_none();
            }
            if is_empty {
                for (collection, documents) in collections.iter().zip(documents) {
                    collection.insert_many(documents).await?;
                }
            }
            client.shutdown().await;
            Ok(is_empty)
        };
        if store.await.map_err(DevError::Old)? {
            return Ok(());
        }
        Err(DevError::NotEmpty {
            dir: self.dir.clone(),
        })
    }

    /// Starts a nats-server by its program beside the database; returns its port.
    ///
    /// # Errors
    /// [`DevError::Nats`].
    pub async fn start_nats(&mut self, program: &Path) -> Result<u16, DevError> {
        let nats = Nats::start(program, &self.dir).await?;
        Ok(self.nats.insert(nats).port())
    }

    /// Says where the servers run, for whoever wants to use the folder as well, and for the page
    /// that shows people at different ones.
    pub fn announce(&mut self, servers: &[SocketAddr]) {
        if let Some(first) = servers.first() {
            self.claim.announce(&format!("http://{first}/"));
        }
        let ports = servers.iter().map(SocketAddr::port).collect();
        // said before: it is said once
        let _ = self.pages.servers.set(ports);
    }

    /// The connection string of its database.
    pub fn uri(&self) -> String {
        self.mongod.uri()
    }

    /// The folder of the socket.io client's scripts, written here; `None` if they could not be
    /// fetched.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn client_folder(&self) -> std::io::Result<Option<PathBuf>> {
        let Some(demo) = &self.pages.demo else {
            return Ok(None);
        };
        let folder = self.dir.join("client");
        std::fs::create_dir_all(&folder)?;
        for (name, content) in demo.client_files() {
            std::fs::write(folder.join(name), content)?;
        }
        Ok(Some(folder))
    }

    /// Its pages, to be served beside the socket.io endpoint of a server that takes texts of so
    /// many characters.
    pub fn pages(&self, max_chars: usize) -> axum::Router {
        let mut pages = self.pages.clone();
        pages.max_chars = max_chars;
        pages::router(pages)
    }

    /// The ids of the first two demo users.
    pub fn two_users(&self) -> Option<[&str; 2]> {
        let id = |number: usize| self.pages.users.get(number)?.get("_id")?.as_str();
        Some([id(0)?, id(1)?])
    }

    /// What the demo users wrote to each other before, for a database in which nobody has written
    /// yet: in each chat room the oldest first.
    ///
    /// # Errors
    /// [`DevError::Fixture`].
    pub fn conversations(&self) -> Result<Vec<DemoMessage>, DevError> {
        conversations::of_users(&self.pages.users)
    }

    /// Ends its database, and NATS.
    pub async fn stop(self) {
        if let Some(nats) = self.nats {
            nats.stop().await;
        }
        if let Err(error) = self.mongod.stop().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "MongoDB did not stop"
            );
        }
    }
}

fn empty(dir: &Path) -> Result<(), DevError> {
    match std::fs::remove_dir_all(dir) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(DevError::Folder {
            path: dir.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// The requested address, or the configured one, or any port when that is in use; then
/// `progress` says so.
pub fn free_or_any(
    asked: Option<SocketAddr>,
    configured: SocketAddr,
    progress: Progress<'_>,
) -> SocketAddr {
    match asked {
        Some(addr) => addr,
        None if is_free(configured) => configured,
        None => {
            progress(&format!(
                "{configured} is in use: taking a free port instead (--listen chooses one)"
            ));
            SocketAddr::new(configured.ip(), 0)
        }
    }
}

/// Whether a server may listen there.
pub fn is_free(addr: SocketAddr) -> bool {
    TcpListener::bind(addr).is_ok()
}

fn demo_users() -> Result<Vec<Document>, DevError> {
    let json: serde_json::Value =
        serde_json::from_str(USERS).map_err(|_| DevError::Fixture(USERS_FILE))?;
    let Ok(Bson::Array(users)) = Bson::try_from(json) else {
        return Err(DevError::Fixture(USERS_FILE));
    };
    users
        .into_iter()
        .map(|user| match user {
            Bson::Document(user) => Ok(user),
            _ => Err(DevError::Fixture(USERS_FILE)),
        })
        .collect()
}

/// Plays the existing application: it has users, and chatzz only reads them.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the demo application's collection, not one of chatzz's"
)]
async fn store_users(
    mongod: &Mongod,
    place: Users<'_>,
    users: &[Document],
) -> Result<(), DevError> {
    let store = async {
        let client = mongodb::Client::with_uri_str(mongod.uri()).await?;
        let collection = client
            .database(place.database)
            .collection::<Document>(place.collection);
        for user in users {
            let id = user.get("_id").cloned().unwrap_or_default();
            collection
                .replace_one(doc! { "_id": id }, user)
                .upsert(true)
                .await?;
        }
        Ok(())
    };
    store.await.map_err(DevError::Users)
}

/// The demo users as the page may see them, ids as on the wire.
fn shown(users: Vec<Document>) -> serde_json::Value {
    users
        .into_iter()
        .map(|user| {
            user.into_iter()
                .filter(|(field, _)| SHOWN.contains(&field.as_str()))
                .map(|(field, value)| match value {
                    Bson::ObjectId(id) => (field, id.to_hex().into()),
                    other => (field, other.into_relaxed_extjson()),
                })
                .collect::<serde_json::Map<_, _>>()
                .into()
        })
        .collect::<Vec<serde_json::Value>>()
        .into()
}
