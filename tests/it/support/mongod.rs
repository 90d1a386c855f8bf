//! One real mongod for all tests of the process, a one-node replica set.

use std::path::{Path, PathBuf};

use chatzz::dev::mongod::{Environment, Mongod, Options, locate};
use tokio::sync::OnceCell;

static SHARED: OnceCell<Mongod> = OnceCell::const_new();

/// The connection string of the shared mongod, started by the first caller and
/// ended with the test process.
pub(crate) async fn shared_uri() -> String {
    let start = async || start("shared", |options| options).await;
    SHARED.get_or_init(start).await.uri()
}

/// Starts a mongod of the caller's own, for tests that kill it.
pub(crate) async fn start(name: &str, adjust: impl FnOnce(Options) -> Options) -> Mongod {
    let binary = locate(&Environment::from_process(), &|_| {})
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let mut options = Options::new(binary, folder(name));
    options.cache_gb = 0.25;
    options.oplog_mb = 64;
    Mongod::start(adjust(options))
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

/// An empty folder for the data of one mongod; those of ended runs are removed.
fn folder(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mongod");
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
