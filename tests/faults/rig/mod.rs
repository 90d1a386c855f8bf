//! A whole chatzz to be broken: servers as children, their database, and the
//! links between.

mod database;
mod server;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Document, doc};
use chatzz::config::{ApiScope, new_api_key};
use mongodb::Client;
use mongodb::options::{Acknowledgment, WriteConcern};
use tokio::time::{Instant, sleep, timeout};

pub(crate) use database::Database;
pub(crate) use server::{Server, Settings, bounds};

use crate::application::{HOOK_TIMEOUT, Hooks, Receiver, SECRET};
use crate::history::Policy;
use crate::plan::Plan;
use crate::proxy::Proxy;
use crate::support::nats::NatsServer;
use crate::support::places;

/// The name of the messenger's database.
pub(crate) const DATABASE: &str = "faults";
/// Pause between two tries to write.
const PAUSE: Duration = Duration::from_millis(20);
/// How long one try may take.
const TRY_WITHIN: Duration = Duration::from_secs(5);

/// Servers and their database.
pub(crate) struct Rig {
    pub(crate) servers: Vec<Server>,
    pub(crate) database: Database,
    /// What the servers tell each other by, if planned.
    pub(crate) nats: Option<NatsServer>,
    /// A key of the HTTP API of every server, for all of it.
    pub(crate) api_key: String,
    /// Where the application is pushed events, if planned.
    pub(crate) receiver: Option<Receiver>,
    /// Where it is asked about messages, if planned.
    pub(crate) hooks: Option<Hooks>,
    /// Beside the servers, past every proxy.
    mongo: Client,
}

impl Rig {
    /// Starts a database and servers as planned; `users` are the ids of the
    /// application's users.
    pub(crate) async fn start(plan: &Plan, program: &Path, users: &[String]) -> Self {
        let database = Database::start(plan.topology).await;
        let mongo = Client::with_uri_str(database.uri()).await.unwrap();
        let nats = if plan.nats {
            Some(NatsServer::start().await)
        } else {
            None
        };
        let (api_key, api_keys) = new_api_key("faults", &ApiScope::ALL).unwrap();
        let mut rig = Self {
            servers: Vec::new(),
            database,
            nats,
            api_key,
            receiver: None,
            hooks: None,
            mongo,
        };
        rig.add_users(users).await;
        let keys = rig.start_application(plan).await;
        let settings = Settings {
            program: program.to_owned(),
            database: DATABASE.to_owned(),
            api_keys: keep_keys(&api_keys),
            keys,
            clocks: plan.clocks.clone(),
            bug: plan.bug.clone(),
        };
        for number in 0..plan.servers {
            let link = rig.database.link(plan.seed + number as u64);
            let uri = match &link {
                Some(link) => format!("mongodb://{}/?directConnection=true", link.addr()),
                None => rig.database.uri(),
            };
            let bus = rig.nats.as_ref().map(NatsServer::addr);
            let bus = bus.map(|nats| Proxy::start(nats).unwrap());
            let server = Server::start(number, &settings, &uri, link, bus).await;
            rig.servers.push(server);
        }
        rig
    }

    /// Starts what the application is, and says how the servers find it.
    async fn start_application(&mut self, plan: &Plan) -> BTreeMap<String, String> {
        let mut keys = plan.keys.clone();
        let mut add = |key: &str, value: String| {
            keys.entry(key.to_owned()).or_insert(value);
        };
        if plan.pushes {
            let receiver = Receiver::start(plan.seed).await;
            add("CHATZZ_EVENTS_URL", receiver.url());
            add("CHATZZ_EVENTS_SECRET", SECRET.to_owned());
            self.receiver = Some(receiver);
        }
        if let Some(policy) = plan.hooks {
            let hooks = Hooks::start(plan.seed).await;
            let policy = match policy {
                Policy::Refuse => "refuse",
                Policy::Allow => "allow",
            };
            add("CHATZZ_HOOKS", "before-send".to_owned());
            add("CHATZZ_HOOK_URL", hooks.url());
            add("CHATZZ_HOOK_SECRET", SECRET.to_owned());
            add("CHATZZ_HOOK_FAILURE", policy.to_owned());
            let timeout = HOOK_TIMEOUT.as_millis();
            add("CHATZZ_HOOK_TIMEOUT", format!("{timeout}ms"));
            self.hooks = Some(hooks);
        }
        keys
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the application's own collection"
    )]
    async fn add_users(&self, users: &[String]) {
        let documents = users.iter().enumerate().map(|(number, id)| {
            doc! {
                "_id": ObjectId::parse_str(id).unwrap(),
                "username": format!("user{number}"),
                "password": "$2b$10$never-to-be-seen",
            }
        });
        let users = self
            .mongo
            .database(DATABASE)
            .collection::<Document>("users");
        users.insert_many(documents).await.unwrap();
    }

    /// The database that the servers use.
    pub(crate) fn raw(&self) -> mongodb::Database {
        self.mongo.database(DATABASE)
    }

    /// Waits until a majority takes writes; how long that took.
    ///
    /// # Panics
    /// Panics when it does not within `limit`.
    #[expect(clippy::disallowed_methods, reason = "a collection of the harness")]
    pub(crate) async fn until_writable(&self, limit: Duration) -> Duration {
        let began = Instant::now();
        let scratch = self
            .mongo
            .database("harness")
            .collection::<Document>("scratch");
        loop {
            let scratch = scratch.clone();
            let written = tokio::spawn(async move { scratch.insert_one(doc! {}).await });
            if matches!(timeout(TRY_WITHIN, written).await, Ok(Ok(Ok(_)))) {
                return began.elapsed();
            }
            assert!(began.elapsed() < limit, "no writes within {limit:?}");
            sleep(PAUSE).await;
        }
    }

    /// Waits until every node of the database has what was written: whoever came
    /// back may roll back first, and is of no use to an election meanwhile.
    ///
    /// # Panics
    /// Panics when they do not within `limit`.
    #[expect(clippy::disallowed_methods, reason = "a collection of the harness")]
    pub(crate) async fn until_copied(&self, limit: Duration) {
        let everywhere = WriteConcern::builder()
            .w(Acknowledgment::Nodes(self.database.nodes()))
            .w_timeout(TRY_WITHIN)
            .build();
        let began = Instant::now();
        loop {
            let scratch = self
                .mongo
                .database("harness")
                .collection::<Document>("scratch");
            let everywhere = everywhere.clone();
            let copied = tokio::spawn(async move {
                let insert = scratch.insert_one(doc! {});
                insert.write_concern(everywhere).await
            });
            if matches!(timeout(TRY_WITHIN * 2, copied).await, Ok(Ok(Ok(_)))) {
                return;
            }
            assert!(began.elapsed() < limit, "not copied within {limit:?}");
            sleep(PAUSE).await;
        }
    }

    /// Every proxy.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Proxy> {
        self.servers.iter().flat_map(|server| {
            [&server.clients, &server.some, &server.api]
                .into_iter()
                .chain(&server.database)
                .chain(&server.bus)
        })
    }

    /// Keeps what the servers logged.
    pub(crate) fn keep_logs(&self, folder: &Path) {
        for (number, server) in self.servers.iter().enumerate() {
            std::fs::write(folder.join(format!("server-{number}.log")), server.log()).unwrap();
        }
    }
}

/// A file with these lines, which every server rereads.
fn keep_keys(lines: &str) -> PathBuf {
    let folder = places::temporary().join("faults-keys");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(ObjectId::new().to_hex());
    std::fs::write(&path, lines).unwrap();
    path
}
