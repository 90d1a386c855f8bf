//! Node.js, Python and Chromium, the packages that the scripts need, and load balancers.
//!
//! The packages are installed once, into the target folder, and kept. A missing tool is a
//! failure that names the command which installs it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use nix::fcntl::{Flock, FlockArg};
use tokio::sync::OnceCell;

use super::places;

/// A script of `tests/clients`, without its arguments.
#[derive(Debug)]
pub struct Script(Command);

impl Script {
    /// Adds arguments.
    pub fn args(&mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) {
        self.0.args(args);
    }

    /// Sets a variable of its environment.
    pub fn env(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.0.env(name, value);
    }

    /// The command itself, for one that is not run to its end.
    pub fn into_command(self) -> Command {
        self.0
    }

    /// Runs it to its end; each of its steps has a time limit of its own.
    pub async fn output(self) -> Output {
        let mut command = self.into_command();
        let run = move || command.stdin(Stdio::null()).output().unwrap();
        tokio::task::spawn_blocking(run).await.unwrap()
    }
}

/// A script run by Node.js, with the packages of `package.json` beside it.
pub async fn node(script: &str) -> Script {
    let mut command = Command::new("node");
    command.arg(packages().await.join(script));
    Script(command)
}

/// The folder of one of the packages of `tests/clients`.
pub async fn node_package(name: &str) -> PathBuf {
    packages().await.join("node_modules").join(name)
}

/// The script that has `AsyncAPI`'s own generator make types; its packages are many, and
/// no other test needs them.
pub async fn asyncapi_generator() -> Script {
    let folder = blocking(install_generator).await;
    let mut command = Command::new("node");
    command.arg(folder.join("models.mjs"));
    Script(command)
}

/// The linter of `OpenAPI` documents.
pub async fn openapi_linter() -> Script {
    let folder = blocking(install_linter).await;
    let mut command = Command::new(folder.join("node_modules/.bin/redocly"));
    command.current_dir(folder).arg("lint");
    Script(command)
}

/// The tests in `demo`, one file after the other.
pub async fn browser_tests() -> Script {
    const FILES: [&str; 10] = [
        "back-end.test.js",
        "chat.test.js",
        "docs.test.js",
        "first.test.js",
        "from-1x.test.js",
        "looks.test.js",
        "notify.test.js",
        "old.test.js",
        "readme.test.js",
        "talk.test.js",
    ];
    let folder = packages().await.join("demo");
    let mut command = Command::new("node");
    command.args(["--test", "--test-reporter=tap", "--test-concurrency=1"]);
    command.args(FILES.map(|file| folder.join(file)));
    command.env("CHATZZ_LIBRARY", library().await);
    command.env("CHATZZ_SERVER_LIBRARY", server_library().await);
    command.env("CHATZZ_SOURCES", places::repository());
    Script(command)
}

async fn packages() -> &'static Path {
    static INSTALLED: OnceCell<PathBuf> = OnceCell::const_new();
    INSTALLED.get_or_init(|| blocking(install_packages)).await
}

/// `npm test` of the package in `clients/js`, in a copy with its packages.
pub async fn npm_test() -> Script {
    let mut command = Command::new("npm");
    command.arg("test").current_dir(library().await);
    Script(command)
}

/// `npm test` of the package in `clients/server-js`, in a copy with its packages.
pub async fn npm_test_of_back_ends() -> Script {
    let mut command = Command::new("npm");
    command.arg("test").current_dir(server_library().await);
    Script(command)
}

/// The type check of the demo application, in a copy with its packages beside the library.
pub async fn demo_check() -> Script {
    let folder = blocking(install_demo).await;
    let mut command = Command::new("npm");
    command.args(["run", "check"]).current_dir(folder);
    Script(command)
}

async fn library() -> &'static Path {
    static INSTALLED: OnceCell<PathBuf> = OnceCell::const_new();
    INSTALLED.get_or_init(|| blocking(install_library)).await
}

async fn server_library() -> &'static Path {
    static INSTALLED: OnceCell<PathBuf> = OnceCell::const_new();
    let install = || blocking(install_server_library);
    INSTALLED.get_or_init(install).await
}

/// Versions of python-socketio, each in an environment of its own.
#[derive(Clone, Copy, Debug)]
pub enum Python {
    /// Version 4, which speaks Engine.IO 3; the packages of `requirements-4.txt`.
    Socketio4,
    /// Version 5, which speaks Engine.IO 4; the packages of `requirements.txt`.
    Socketio5,
}

/// A script run by Python, with the packages of a version.
pub async fn python(version: Python, script: &str) -> Script {
    static INSTALLED: [OnceCell<PathBuf>; 2] = [OnceCell::const_new(), OnceCell::const_new()];
    let [four, five] = &INSTALLED;
    let environment = match version {
        Python::Socketio4 => {
            let install = || install_python("python-4", "requirements-4.txt");
            four.get_or_init(|| blocking(install)).await
        }
        Python::Socketio5 => {
            let install = || install_python("python", "requirements.txt");
            five.get_or_init(|| blocking(install)).await
        }
    };
    let mut command = Command::new(environment.join("bin/python"));
    command.arg(sources().join(script));
    Script(command)
}

/// Where a load balancer is: on the `PATH`, or where Debian installs it.
#[expect(
    clippy::disallowed_methods,
    reason = "it asks for a program of this machine"
)]
pub fn balancer(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| {
            panic!("no {name} on the PATH: `apt-get install nginx-light haproxy caddy`")
        })
}

/// Where Chromium is: `CHATZZ_CHROMIUM`, or a usual name on the `PATH`.
#[expect(
    clippy::disallowed_methods,
    reason = "it asks for a program of this machine"
)]
pub fn chromium() -> PathBuf {
    const NAMES: [&str; 5] = [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "chrome",
    ];
    if let Some(set) = std::env::var_os("CHATZZ_CHROMIUM") {
        let set = PathBuf::from(set);
        assert!(
            set.is_file(),
            "CHATZZ_CHROMIUM is {}, which is no file",
            set.display()
        );
        return set;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
        .expect("no Chromium on the PATH: `apt-get install chromium`, or set CHATZZ_CHROMIUM")
}

async fn blocking(install: fn() -> PathBuf) -> PathBuf {
    tokio::task::spawn_blocking(install).await.unwrap()
}

fn sources() -> PathBuf {
    places::repository().join("tests/clients")
}

/// Copies the scripts into the target folder and installs their packages beside them.
fn install_packages() -> PathBuf {
    let folder = places::temporary().join("clients");
    once(&sources(), &folder, "package.json", || npm_install(&folder))
}

/// The same for the generator of types.
fn install_generator() -> PathBuf {
    let folder = places::temporary().join("asyncapi");
    once(&sources().join("asyncapi"), &folder, "package.json", || {
        npm_install(&folder);
    })
}

/// The same for the linter.
fn install_linter() -> PathBuf {
    let folder = places::temporary().join("openapi");
    once(&sources().join("openapi"), &folder, "package.json", || {
        npm_install(&folder);
    })
}

/// The same for the package in `clients/js`.
fn install_library() -> PathBuf {
    let from = places::repository().join("clients/js");
    let folder = places::temporary().join("chatzz-client");
    once(&from, &folder, "package.json", || npm_install(&folder))
}

/// The same for the package in `clients/server-js`.
fn install_server_library() -> PathBuf {
    let from = places::repository().join("clients/server-js");
    let folder = places::temporary().join("chatzz-server");
    once(&from, &folder, "package.json", || npm_install(&folder))
}

/// The same for the demo application, which finds the library in `../js`.
fn install_demo() -> PathBuf {
    let from = places::repository().join("clients");
    let place = places::temporary().join("chatzz-demo");
    let folder = place.join("demo");
    fs::create_dir_all(place.join("js")).unwrap();
    copy(&from.join("js"), &place.join("js"));
    once(&from.join("demo"), &folder, "package.json", || {
        npm_install(&folder);
    })
}

fn npm_install(folder: &Path) {
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-package-lock", "--no-audit", "--no-fund"]);
    npm.arg("--ignore-scripts").current_dir(folder);
    run(&mut npm, "apt-get install nodejs npm");
}

/// Makes a virtual environment in the target folder and installs the packages there.
fn install_python(name: &str, requirements: &str) -> PathBuf {
    let folder = places::temporary().join(name);
    once(&sources(), &folder, requirements, || {
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--clear"]).arg(&folder);
        run(&mut venv, "apt-get install python3 python3-venv");
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ]);
        pip.arg(sources().join(requirements));
        run(&mut pip, "apt-get install python3-pip python3-venv");
    })
}

/// Copies a folder and installs the packages of a list in it, unless that was done
/// before, even by another process.
fn once(from: &Path, folder: &Path, list: &str, install: impl FnOnce()) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    let lock = File::create(folder.with_extension("lock")).unwrap();
    let _lock = Flock::lock(lock, FlockArg::LockExclusive)
        .map_err(|(_, error)| error)
        .unwrap();
    let wanted = fs::read(from.join(list)).unwrap();
    let done = folder.with_extension("installed");
    copy(from, folder);
    if fs::read(&done).ok().as_ref() != Some(&wanted) {
        install();
        fs::write(&done, wanted).unwrap();
    }
    folder.to_owned()
}

/// Copies a folder with its subfolders; in those, files that no longer exist are removed.
fn copy(from: &Path, to: &Path) {
    const MADE: [&str; 4] = ["__pycache__", "build", "dist", "node_modules"];
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_file() {
            fs::copy(entry.path(), target).unwrap();
        } else if !MADE.iter().any(|made| entry.file_name() == *made) {
            fs::create_dir_all(&target).unwrap();
            for old in fs::read_dir(&target).unwrap() {
                let old = old.unwrap();
                if old.path().is_file() && !entry.path().join(old.file_name()).exists() {
                    fs::remove_file(old.path()).unwrap();
                }
            }
            copy(&entry.path(), &target);
        }
    }
}

fn run(command: &mut Command, remedy: &str) {
    let program: OsString = command.get_program().to_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output
        .unwrap_or_else(|error| panic!("cannot run {} ({error}): `{remedy}`", program.display()));
    assert!(
        output.status.success(),
        "{command:?} failed; if it is not complete, `{remedy}`:\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
