//! A real mongod and server for the load generator, and the running of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use chatzz::app::App;
use chatzz::config::{ApiKey, ApiScope, Config, Mode};
use chatzz_dev::mongod::{Environment, Mongod, Options, locate};
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The longest one run of the load generator may take.
const LIMIT: Duration = Duration::from_secs(90);

/// The key of its HTTP API.
const KEY: &str = "chatzz_load";

/// A server of this process on a mongod of its own.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    /// The options that say where the HTTP API is.
    pub(crate) api: String,
    pub(crate) uri: String,
    mongod: Mongod,
    dir: PathBuf,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let dir = tmp.join(format!("load-{}", uuid::Uuid::new_v4()));
        let binary = locate(&Environment::from_process(), &|_| {}).await;
        let mut options = Options::new(binary.unwrap_or_else(|error| panic!("{error}")), &dir);
        options.cache_gb = 0.25;
        options.oplog_mb = 64;
        let mongod = Mongod::start(options).await.unwrap();
        let uri = mongod.uri();
        let keys = dir.join("api-keys");
        let key = ApiKey::new("load", ApiScope::ALL.to_vec(), KEY).unwrap();
        std::fs::write(&keys, key.line()).unwrap();
        let settings = [
            ("CHATZZ_API_LISTEN", "127.0.0.1:0"),
            ("CHATZZ_API_KEYS_FILE", keys.to_str().unwrap()),
            ("CHATZZ_API_LIMIT", "off"),
            ("CHATZZ_LISTEN", "127.0.0.1:0"),
            ("CHATZZ_METRICS_LISTEN", "off"),
            ("CHATZZ_AUTH", "trusted"),
            ("CHATZZ_RATE_LIMITS", "off"),
            ("CHATZZ_MONGODB_URI", &uri),
        ];
        let lookup = |key: &str| {
            let found = settings.iter().find(|(name, _)| *name == key);
            found.map(|(_, value)| (*value).to_owned())
        };
        let names = settings.iter().map(|(name, _)| (*name).to_owned());
        let (config, _) = Config::from_lookup(lookup, names, Mode::Serve).unwrap();
        let app = App::build(config, axum::Router::new()).await.unwrap();
        let addr = app.addr();
        let api = format!("--api {} --key {KEY}", app.api_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(app.run_until(async {
            // a test that fails drops the sender
            let _ = stopped.await;
        }));
        Self {
            addr,
            api,
            uri,
            mongod,
            dir,
            stop,
            running,
        }
    }

    /// Runs a mode of the load generator on this server.
    pub(crate) async fn load(&self, line: &str) -> Run {
        run(&format!("{line} --addr {}", self.addr)).await
    }

    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.running.await.unwrap();
        self.mongod.stop().await.unwrap();
        std::fs::remove_dir_all(self.dir).unwrap();
    }
}

/// How the load generator ended, and its JSON line.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) report: Value,
    pub(crate) said: String,
}

impl Run {
    /// The count of what was done, of a run that found nothing wrong.
    #[track_caller]
    pub(crate) fn clean_count(&self) -> u64 {
        assert_eq!(self.code, Some(0), "{self:?}");
        for check in ["lost", "duplicate", "disorder", "errors"] {
            assert_eq!(self.report["checks"][check], 0, "{self:?}");
        }
        self.report["count"].as_u64().unwrap()
    }
}

/// Runs the load generator to its end.
pub(crate) async fn run(line: &str) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatzz-load"));
    command.args(line.split_ascii_whitespace());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = timeout(LIMIT, command.output()).await;
    let ended = ended.expect("it ends").unwrap();
    let out = String::from_utf8(ended.stdout).unwrap();
    Run {
        code: ended.status.code(),
        report: serde_json::from_str(&out).unwrap_or_default(),
        said: String::from_utf8_lossy(&ended.stderr).into_owned(),
    }
}
