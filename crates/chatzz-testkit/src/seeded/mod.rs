//! `chatzz-seeded`: chatzz with a deliberate bug, to show that the tests find it.
//!
//! The bugs are patches in `tests/faults/bugs`, whose readme says how they are written.
//! All of them are applied to one copy of the sources below the target folder; a variable
//! chooses one when the program starts.

mod bug;
mod copy;
mod patch;

use std::path::{Path, PathBuf};

use tokio::sync::OnceCell;

pub use bug::{Bug, UnknownBug};

use super::binary::{Binary, cargo};
use super::places;

static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();

/// The variable that names the bug.
pub const VARIABLE: &str = "CHATZZ_SEEDED_BUG";
/// The program's name.
const NAME: &str = "chatzz-seeded";

/// The program, built by the first caller in the profile of `chatzz`.
pub async fn program() -> &'static Path {
    PROGRAM.get_or_init(build_in_background).await
}

/// Serves with a bug, or with none.
pub async fn serve(bug: Option<Bug>, keys: &[(&str, &str)]) -> Binary {
    let mut keys = keys.to_vec();
    keys.extend(bug.map(|bug| (VARIABLE, bug.name())));
    Binary::serve_by(program().await, &keys).await
}

/// Whether every bug's patch still fits the sources; if not, which does not, and where.
pub fn check() -> Result<(), String> {
    copy::patched().map(drop)
}

async fn build_in_background() -> PathBuf {
    let build = || build(&places::profile());
    tokio::task::spawn_blocking(build).await.unwrap()
}

/// Builds the program in the profile whose folder this is, such as `target/debug`.
///
/// Everything but chatzz itself is what cargo has compiled for the tests.
pub fn build(folder: &Path) -> PathBuf {
    let copy = copy::refresh().unwrap_or_else(|wrong| panic!("{wrong}"));
    let profile = match folder.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        other => other,
    };
    let built = cargo()
        .args(["build", "--quiet", "--locked", "--bin", NAME])
        .args(["--no-default-features", "--features", "jemalloc"])
        .args(["--profile", profile, "--target-dir"])
        .arg(folder.parent().unwrap())
        .current_dir(copy)
        .status()
        .expect("cargo can be run");
    assert!(built.success(), "{NAME} was not built: {built}");
    folder.join(NAME)
}
