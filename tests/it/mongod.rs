//! The managed mongod, from finding its binary to the end of its parent.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bson::doc;
use chatzz_dev::mongod::{Environment, Mongod, Options, StartError, locate};
use mongodb::Client;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::database::TestDatabase;
use crate::support::poll::eventually;

/// Set in a process that plays the parent which gets killed; holds the folder of its mongod.
const PARENT_DIR: &str = "CHATZZ_TEST_PARENT_DIR";

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("chatzz-mongod-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn options(dir: impl Into<PathBuf>) -> Options {
    match locate(&Environment::from_process(), &|_| {}).await {
        Ok(binary) => Options::new(binary, dir),
        Err(error) => panic!("{error}"),
    }
}

async fn insert(mongod: &Mongod, id: i32) {
    let client = Client::with_uri_str(format!("{}&w=majority&journal=true", mongod.uri())).await;
    let database = client.unwrap().database("test");
    let insert = doc! { "insert": "things", "documents": [{ "_id": id }] };
    let answer = database.run_command(insert).await.unwrap();
    assert_eq!(answer.get_i32("n").unwrap(), 1, "{answer}");
}

async fn count(mongod: &Mongod) -> i32 {
    let database = Client::with_uri_str(mongod.uri())
        .await
        .unwrap()
        .database("test");
    database
        .run_command(doc! { "count": "things" })
        .await
        .unwrap()
        .get_i32("n")
        .unwrap()
}

fn is_running(pid: u32) -> bool {
    kill(Pid::from_raw(pid.try_into().unwrap()), None) != Err(Errno::ESRCH)
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "waited 20 s in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_standalone_can_be_written_to_and_is_gone_after_stop() {
    let folder = Folder::new();
    let options = Options {
        replica_set: false,
        ..options(&folder.0).await
    };
    let mongod = Mongod::start(options).await.unwrap();
    insert(&mongod, 1).await;
    assert!(
        mongod
            .uri()
            .ends_with(&format!(":{}/?directConnection=true", mongod.port()))
    );
    let pid = mongod.pid().unwrap();

    mongod.stop().await.unwrap();

    assert!(!is_running(pid));
}

#[tokio::test]
async fn a_replica_set_acknowledges_majority_writes_and_stops_quickly() {
    let folder = Folder::new();
    let mongod = Mongod::start(options(&folder.0).await).await.unwrap();
    insert(&mongod, 1).await;
    assert_eq!(count(&mongod).await, 1);
    let stopping = Instant::now();

    mongod.stop().await.unwrap();

    assert!(
        stopping.elapsed() < Duration::from_secs(8),
        "it had to be killed"
    );
}

#[tokio::test]
async fn a_killed_mongod_restarts_on_its_port_with_its_documents() {
    let folder = Folder::new();
    let mut mongod = Mongod::start(options(&folder.0).await).await.unwrap();
    insert(&mongod, 1).await;
    let (pid, port) = (mongod.pid().unwrap(), mongod.port());

    mongod.kill().await.unwrap();
    assert!(!is_running(pid));
    assert_eq!(mongod.pid(), None);
    mongod.restart().await.unwrap();

    assert_eq!(mongod.port(), port);
    insert(&mongod, 2).await;
    assert_eq!(count(&mongod).await, 2);
    mongod.stop().await.unwrap();
}

#[tokio::test]
async fn a_kept_folder_is_taken_to_another_port() {
    let folder = Folder::new();
    let first = Mongod::start(options(&folder.0).await).await.unwrap();
    insert(&first, 1).await;
    let port = first.port();
    first.stop().await.unwrap();

    let second = Mongod::start(options(&folder.0).await).await.unwrap();

    assert_ne!(second.port(), port);
    insert(&second, 2).await;
    assert_eq!(count(&second).await, 2);
    assert!(second.log_path().with_extension("log.old").is_file());
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_frozen_mongod_goes_on_when_asked_and_can_be_killed_frozen() {
    let folder = Folder::new();
    let mut mongod = Mongod::start(options(&folder.0).await).await.unwrap();
    let pid = mongod.pid().unwrap();
    let state = || {
        let stat = std::process::Command::new("ps")
            .args(["-o", "stat=", "-p", &pid.to_string()])
            .output();
        String::from_utf8(stat.expect("install ps: apt-get install procps").stdout).unwrap()
    };

    mongod.signal(Signal::SIGSTOP).unwrap();
    until("mongod is frozen", || state().starts_with('T')).await;
    mongod.signal(Signal::SIGCONT).unwrap();
    insert(&mongod, 1).await;
    mongod.signal(Signal::SIGSTOP).unwrap();
    mongod.kill().await.unwrap();

    assert!(!is_running(pid));
    assert!(mongod.signal(Signal::SIGCONT).is_err());
}

#[tokio::test]
async fn a_mongod_that_is_dropped_ends() {
    let folder = Folder::new();
    let mongod = Mongod::start(options(&folder.0).await).await.unwrap();
    let pid = mongod.pid().unwrap();

    drop(mongod);

    until("mongod ends with its handle", || !is_running(pid)).await;
}

/// Runs itself a second time as the parent to be killed.
#[tokio::test]
async fn a_mongod_ends_with_a_parent_that_is_killed() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test binary takes no arguments of its own"
    )]
    if let Some(dir) = std::env::var_os(PARENT_DIR) {
        let mongod = Mongod::start(options(&dir).await).await.unwrap();
        std::fs::write(
            Path::new(&dir).join("pid.new"),
            mongod.pid().unwrap().to_string(),
        )
        .unwrap();
        std::fs::rename(Path::new(&dir).join("pid.new"), Path::new(&dir).join("pid")).unwrap();
        return std::future::pending().await;
    }
    let folder = Folder::new();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "mongod::a_mongod_ends_with_a_parent_that_is_killed",
        ])
        .env(PARENT_DIR, &folder.0)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let read_pid = || {
        std::fs::read_to_string(folder.0.join("pid"))
            .ok()?
            .parse()
            .ok()
    };
    until("the parent has started its mongod", || read_pid().is_some()).await;
    let pid: u32 = read_pid().unwrap();
    assert!(is_running(pid));

    // `Child::kill` is SIGKILL.
    parent.kill().unwrap();
    parent.wait().unwrap();

    // A successor on the same folder waits for the orphan's end by itself.
    let successor = Mongod::start(options(&folder.0).await).await.unwrap();
    assert!(!is_running(pid));
    successor.stop().await.unwrap();
}

#[tokio::test]
async fn a_folder_in_use_is_reported_with_the_process_that_uses_it() {
    let folder = Folder::new();
    let mongod = Mongod::start(options(&folder.0).await).await.unwrap();

    let error = Mongod::start(options(&folder.0).await).await.unwrap_err();

    assert!(
        matches!(error, StartError::DbPathInUse { pid, .. } if pid == mongod.pid()),
        "{error}"
    );
    insert(&mongod, 1).await;
    mongod.stop().await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_reported() {
    let folder = Folder::new();
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = other.local_addr().unwrap().port();

    let error = Mongod::start(Options {
        port: Some(port),
        ..options(&folder.0).await
    })
    .await
    .unwrap_err();

    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    assert!(
        matches!(error, StartError::PortTaken(taken) if taken == address),
        "{error}"
    );
}

#[tokio::test]
async fn a_refused_argument_is_reported_in_the_words_of_mongod() {
    let folder = Folder::new();
    let extra_args = vec!["--no-such-option".to_owned()];

    let error = Mongod::start(Options {
        extra_args,
        ..options(&folder.0).await
    })
    .await
    .unwrap_err();

    assert!(matches!(error, StartError::Exited { .. }), "{error}");
    assert!(error.to_string().contains("no-such-option"), "{error}");
}

#[tokio::test]
async fn the_database_of_a_test_that_has_ended_is_dropped() {
    let of_another = std::thread::spawn(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let database = TestDatabase::shared().await;
            database.user("alice").await;
            assert_eq!(database.collections().await, ["users"]);
            database.name().to_owned()
        })
    });
    let name = of_another.join().unwrap();

    let here = TestDatabase::shared().await;
    let ended = here.raw().client().database(&name);
    eventually("it is dropped", async || {
        let left = ended.list_collection_names().await.unwrap();
        left.is_empty().then_some(())
    })
    .await;
}
