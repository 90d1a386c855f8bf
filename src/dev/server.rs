//! `chatzz dev`: everything in one command.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use bson::{Bson, Document, doc};
use secrecy::SecretString;

use super::mongod::{Environment, Mongod, Options, locate};
use super::pages::{self, Pages};
use super::{DevError, Progress, demo};
use crate::app::App;
use crate::cli::DevArgs;
use crate::config::{AllowedOrigins, Config};

/// The demo users: what an existing application would hold, secrets included.
const USERS: &str = include_str!("../../fixtures/users.json");
/// What the demo application may know of everybody, to choose from.
const SHOWN: [&str; 6] = [
    "_id",
    "username",
    "firstName",
    "lastName",
    "displayName",
    "avatar",
];

/// A development server with a database of its own.
pub struct Dev {
    app: App,
    mongod: Mongod,
}

impl Dev {
    /// Gets a mongod, starts it, stores the demo users, and builds the server.
    ///
    /// # Errors
    /// With a sentence for the developer.
    pub async fn build(
        args: &DevArgs,
        mut config: Config,
        progress: Progress<'_>,
    ) -> Result<Self, DevError> {
        if args.fresh {
            empty(&args.dir.join("mongo"))?;
        }
        let environment = Environment::from_process();
        let binary = locate(&environment, progress).await?;
        progress("starting MongoDB");
        let mongod = Mongod::start(Options::new(binary, args.dir.join("mongo"))).await?;
        config.mongodb.uri = SecretString::from(mongod.uri());
        config.http.listen = free_or_any(args.listen, config.http.listen);
        config.http.metrics_listen = config.http.metrics_listen.filter(|addr| is_free(*addr));
        if config.http.allowed_origins == AllowedOrigins::SameHost {
            // a front end under development is served from somewhere else
            config.http.allowed_origins = AllowedOrigins::Any;
        }
        let users = demo_users()?;
        store_users(&mongod, &config, &users).await?;
        let cache = environment.cache_dir.as_ref().unwrap_or(&args.dir);
        let demo = match demo::demo(&cache.join("demo"), progress).await {
            Ok(site) => Some(site),
            Err(error) => {
                progress(&error.to_string());
                None
            }
        };
        let pages = pages::router(Pages {
            users: Arc::new(shown(users)),
            demo,
        });
        let app = App::build(config, pages).await?;
        Ok(Self { app, mongod })
    }

    /// Where the demo application is.
    pub fn url(&self) -> String {
        format!("http://{}/", self.app.addr())
    }

    /// Serves until `shutdown` resolves, then ends the database as well.
    pub async fn run_until(self, shutdown: impl Future<Output = ()> + Send) {
        self.app.run_until(shutdown).await;
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

/// The address asked for, or the configured one, or any port when that is taken.
fn free_or_any(asked: Option<SocketAddr>, configured: SocketAddr) -> SocketAddr {
    match asked {
        Some(addr) => addr,
        None if is_free(configured) => configured,
        None => SocketAddr::new(configured.ip(), 0),
    }
}

fn is_free(addr: SocketAddr) -> bool {
    TcpListener::bind(addr).is_ok()
}

fn demo_users() -> Result<Vec<Document>, DevError> {
    let json: serde_json::Value = serde_json::from_str(USERS).map_err(|_| DevError::Fixture)?;
    let Ok(Bson::Array(users)) = Bson::try_from(json) else {
        return Err(DevError::Fixture);
    };
    users
        .into_iter()
        .map(|user| match user {
            Bson::Document(user) => Ok(user),
            _ => Err(DevError::Fixture),
        })
        .collect()
}

/// Plays the existing application: it has users, and chatzz only reads them.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the demo application's collection, not one of chatzz's"
)]
async fn store_users(mongod: &Mongod, config: &Config, users: &[Document]) -> Result<(), DevError> {
    let store = async {
        let client = mongodb::Client::with_uri_str(mongod.uri()).await?;
        let collection = client
            .database(&config.mongodb.user_database)
            .collection::<Document>(&config.mongodb.user_collection);
        for user in users {
            let id = user.get("_id").cloned().unwrap_or_default();
            collection
                .replace_one(doc! { "_id": id }, user)
                .upsert(true)
                .await?;
        }
        client.shutdown().await;
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
