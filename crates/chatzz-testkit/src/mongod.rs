//! One real mongod for all tests of the process, a one-node replica set.
//!
//! It requires passwords, and servers get an account that may `find` users and nothing
//! else there: the whole run is a test of that role.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bson::{Document, doc};
use chatzz_dev::mongod::{Environment, Mongod, Options, Ready, locate};
use mongodb::{Client, Database};
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::poll::until;
use super::{canary, places};

static SHARED: OnceCell<Mongod> = OnceCell::const_new();

/// The account of servers, and that of tests, which do what the application and its
/// administrator would do.
const ACCOUNT: &str = "chatzz";
const ADMINISTRATOR: &str = "administrator";
/// Collections of the application that servers read.
const READ: [&str; 6] = [
    "users",
    "people",
    "friends",
    "friendships",
    "orders",
    "matches",
];
/// chatzz's own collections, by their default names and those of some tests.
const OWN: [&str; 10] = [
    "chatusers",
    "chatrooms",
    "chatmessages",
    "chatprivacy",
    "chatzz_nodes",
    "chatzz_events",
    "chatzz_meta",
    "chatzz_users",
    "chatzz_rooms",
    "chatzz_messages",
];
/// The actions of `serve` and `migrate` on those, as in the two roles of docs/security.md.
const ACTIONS: [&str; 8] = [
    "find",
    "insert",
    "update",
    "remove",
    "listIndexes",
    "createCollection",
    "createIndex",
    "dropIndex",
];

/// Files that nobody used for 20 s are closed. Each test has a database of some 25 files; kept
/// open for 10 minutes, as is usual, those of all tests are more than a process may have.
const CLOSES_FILES: &str =
    "file_manager=(close_idle_time=20,close_scan_interval=5,close_handle_minimum=500)";

/// The connection string of the shared mongod, with the account of servers. It is
/// started by the first caller and ended with the test process.
pub async fn shared_uri() -> String {
    let mongod = SHARED.get_or_init(start_shared).await;
    with_login(&mongod.uri(), ACCOUNT)
}

/// That of the shared mongod with the account of tests, once it has been started.
pub(crate) fn administrator_uri() -> Option<String> {
    let mongod = SHARED.get()?;
    Some(with_login(&mongod.uri(), ADMINISTRATOR))
}

/// The same connection string with the account of tests, if the mongod has one.
pub fn as_administrator(uri: &str) -> String {
    uri.replace(&format!("{ACCOUNT}:"), &format!("{ADMINISTRATOR}:"))
}

/// The commands on a collection of the application that the shared mongod has refused,
/// according to its log. Whatever they were, they were not reads.
pub fn refused_on(collection: &str) -> Vec<String> {
    let Some(mongod) = SHARED.get() else {
        return Vec::new();
    };
    let mut refusals = REFUSALS.lock();
    refusals.read_on(&mongod.log_path());
    let named = format!(r#": \"{collection}\","#);
    let named = refusals.lines.iter().filter(|line| line.contains(&named));
    named.cloned().collect()
}

/// The lines of the shared mongod's log about refused commands.
///
/// Every server asks for them at its end, so what has been read is not read again: the log of
/// a whole run has tens of megabytes.
struct Refusals {
    /// So many bytes of the log have been read, up to the end of a line.
    read: u64,
    lines: Vec<String>,
}

static REFUSALS: Mutex<Refusals> = Mutex::new(Refusals {
    read: 0,
    lines: Vec::new(),
});

impl Refusals {
    fn read_on(&mut self, log: &Path) {
        let mut log = File::open(log).unwrap();
        log.seek(SeekFrom::Start(self.read)).unwrap();
        let mut log = BufReader::new(log);
        // a slow command with a text that is not UTF-8 is logged as it came
        let mut line = Vec::new();
        // what does not end yet is read the next time
        while log.read_until(b'\n', &mut line).unwrap() > 0 && line.ends_with(b"\n") {
            self.read += u64::try_from(line.len()).unwrap();
            let text = String::from_utf8_lossy(&line);
            // "Checking authorization failed"
            if text.contains(r#""id":20436,"#) {
                self.lines.push(text.into_owned());
            }
            line.clear();
        }
    }
}

fn with_login(uri: &str, account: &str) -> String {
    let (scheme, rest) = uri.split_once("://").unwrap();
    format!(
        "{scheme}://{account}:{}@{rest}&authSource=admin",
        canary::DATABASE
    )
}

async fn start_shared() -> Mongod {
    let mongod = start("shared", |mut options| {
        options.ready = Ready::Answering;
        let key = key_file(&options.dir).display().to_string();
        options.extra_args = vec!["--keyFile".to_owned(), key];
        let engine = ["--wiredTigerEngineConfigString", CLOSES_FILES];
        options.extra_args.extend(engine.map(str::to_owned));
        options
    })
    .await;
    let host = format!("127.0.0.1:{}", mongod.port());
    let direct = format!("mongodb://{host}/?directConnection=true");
    let members = vec![doc! { "_id": 0, "host": host }];
    // until there is an account, this machine may create one
    let open = Client::with_uri_str(&direct).await.unwrap();
    let open = open.database("admin");
    let initiate = doc! { "replSetInitiate": { "_id": "chatzz", "members": members } };
    open.run_command(initiate).await.unwrap();
    until("a primary", std::time::Duration::from_mins(1), async || {
        let hello = open.run_command(doc! { "hello": 1 }).await.unwrap();
        hello.get_bool("isWritablePrimary").unwrap().then_some(())
    })
    .await;
    create_account(&open, ADMINISTRATOR, "root").await;
    let administrator = with_login(&mongod.uri(), ADMINISTRATOR);
    let administrator = Client::with_uri_str(administrator).await.unwrap();
    let administrator = administrator.database("admin");
    let may = |names: &[&str], actions: &[&str]| -> Vec<Document> {
        let one = |name: &&str| {
            // of any database: each test has its own
            let resource = doc! { "db": "", "collection": *name };
            doc! { "resource": resource, "actions": actions.to_vec() }
        };
        names.iter().map(one).collect()
    };
    let privileges = [may(&READ, &["find"]), may(&OWN, &ACTIONS)].concat();
    let role = doc! { "createRole": ACCOUNT, "privileges": privileges, "roles": [] };
    administrator.run_command(role).await.unwrap();
    create_account(&administrator, ACCOUNT, ACCOUNT).await;
    mongod
}

async fn create_account(admin: &Database, name: &str, role: &str) {
    let create = doc! { "createUser": name, "pwd": canary::DATABASE, "roles": [role] };
    admin.run_command(create).await.unwrap();
}

/// The key by which the nodes of a replica set with passwords recognise each other.
fn key_file(dir: &Path) -> PathBuf {
    use std::io::Write as _;
    std::fs::create_dir_all(dir).unwrap();
    let path = dir.join("key");
    let mut options = File::options();
    let file = options.create(true).truncate(true).write(true).mode(0o600);
    let key = uuid::Uuid::new_v4().simple().to_string();
    file.open(&path).unwrap().write_all(key.as_bytes()).unwrap();
    path
}

/// The path of the mongod of the tests.
pub async fn located() -> PathBuf {
    locate(&Environment::from_process(), &|_| {})
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Starts a mongod of the caller's own, for tests that kill it.
pub async fn start(name: &str, adjust: impl FnOnce(Options) -> Options) -> Mongod {
    let mut options = Options::new(located().await, folder(name));
    options.cache_gb = 0.25;
    options.oplog_mb = 64;
    Mongod::start(adjust(options))
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

/// An empty folder for the data of one mongod; those of ended runs are removed.
fn folder(name: &str) -> PathBuf {
    let root = places::temporary().join("mongod");
    let runs = std::fs::read_dir(&root).into_iter().flatten().flatten();
    for run in runs {
        let pid = run.file_name();
        if !Path::new("/proc").join(&pid).exists() {
            // another test process may be removing it as well
            let _ = std::fs::remove_dir_all(run.path());
        }
    }
    let unique = format!("{name}-{}", uuid::Uuid::new_v4());
    root.join(std::process::id().to_string()).join(unique)
}
