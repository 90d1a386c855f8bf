//! Waiting until mongod is ready: writable, as a standalone or a replica set of one node, or answering.

use std::net::SocketAddrV4;
use std::time::Duration;

use bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind, Result};
use mongodb::options::{ClientOptions, ServerAddress};
use mongodb::{Client, Database};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};

use super::options::{Options, REPLICA_SET, Ready};

/// How often to check again for a state that has not been reached.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// Server code of `replSetGetConfig` on a node that was never in a replica set.
const NOT_YET_INITIALIZED: i32 = 94;

/// Waits until the mongod at `address` is as `options` want it, making it a replica set first.
///
/// # Errors
/// At the deadline, the last error of the driver if there was one.
pub(super) async fn until_ready(
    address: SocketAddrV4,
    options: &Options,
    deadline: Instant,
) -> std::result::Result<(), Option<Error>> {
    // The driver retries a refused connection after 500 ms at the earliest; a socket is quicker.
    while TcpStream::connect(address).await.is_err() {
        if Instant::now() >= deadline {
            return Err(None);
        }
        sleep(POLL_INTERVAL).await;
    }
    let node = Node::connect(address, deadline)?;
    let mut last_error = None;
    while Instant::now() < deadline {
        let ready = match options.ready {
            Ready::Writable => node.is_writable(options.replica_set).await,
            Ready::Answering => node.run(doc! { "hello": 1 }).await.map(|_| true),
        };
        match ready {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => last_error = Some(error),
        }
        sleep(POLL_INTERVAL).await;
    }
    Err(last_error)
}

/// One mongod, spoken to directly whatever it believes its replica set to be.
struct Node {
    admin: Database,
    /// `ip:port`, as it stands in the replica set's configuration.
    host: String,
    deadline: Instant,
}

impl Node {
    fn connect(address: SocketAddrV4, deadline: Instant) -> Result<Self> {
        let host = address.ip().to_string();
        let options = ClientOptions::builder()
            .hosts(vec![ServerAddress::Tcp {
                host,
                port: Some(address.port()),
            }])
            .direct_connection(true)
            .app_name("chatzz dev".to_owned())
            .server_selection_timeout(Duration::from_secs(5))
            .connect_timeout(Duration::from_secs(2))
            .build();
        let admin = Client::with_options(options)?.database("admin");
        Ok(Self {
            admin,
            host: address.to_string(),
            deadline,
        })
    }

    /// Tells whether the node can be written to, and takes the next step towards that if it cannot.
    ///
    /// Each step may be refused while the node starts or elects itself: the caller asks again.
    async fn is_writable(&self, replica_set: bool) -> Result<bool> {
        let hello = self.run(doc! { "hello": 1 }).await?;
        let writable = hello.get_bool("isWritablePrimary").unwrap_or(false);
        if !replica_set {
            return Ok(writable);
        }
        if writable && hello.get_str("me").is_ok_and(|me| me == self.host) {
            return Ok(true);
        }
        match self.run(doc! { "replSetGetConfig": 1 }).await {
            Ok(answer) => self.adopt(answer).await?,
            Err(error) if code(&error) == Some(NOT_YET_INITIALIZED) => {
                let config = doc! { "_id": REPLICA_SET, "members": self.members() };
                self.run(doc! { "replSetInitiate": config }).await?;
            }
            Err(error) => return Err(error),
        }
        Ok(false)
    }

    /// Puts this address into a configuration that has another one.
    ///
    /// A folder that is kept remembers the address of its last run. The node does not find itself
    /// in that configuration, so it stays out of its own set and only a forced change is accepted.
    async fn adopt(&self, answer: Document) -> Result<()> {
        let mut config = answer.get_document("config").cloned().unwrap_or_default();
        let members = self.members();
        if has_one_host(&config, &self.host) {
            return Ok(());
        }
        let version = config.get_i32("version").unwrap_or_default();
        config.insert("version", version.saturating_add(1));
        config.insert("members", members);
        self.run(doc! { "replSetReconfig": config, "force": true })
            .await
            .map(drop)
    }

    fn members(&self) -> Vec<Document> {
        vec![doc! { "_id": 0, "host": &self.host }]
    }

    async fn run(&self, command: Document) -> Result<Document> {
        // In a task of its own, because a future of the driver must not be dropped before its end.
        let admin = self.admin.clone();
        let answer = tokio::spawn(async move { admin.run_command(command).await });
        match timeout_at(self.deadline, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(failed)) => Err(Error::custom(failed)),
            Err(elapsed) => Err(Error::custom(elapsed)),
        }
    }
}

fn has_one_host(config: &Document, host: &str) -> bool {
    match config.get_array("members").map(Vec::as_slice) {
        Ok([Bson::Document(member)]) => member.get_str("host").is_ok_and(|known| known == host),
        _ => false,
    }
}

fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(refused) => Some(refused.code),
        _ => None,
    }
}
