//! `chatzz-seeded`: the server with a deliberate bug.

use std::path::{Path, PathBuf};

use chatzz::bugs::Bug;
use tokio::process::Command;
use tokio::sync::OnceCell;

use super::binary::{Binary, is_told_by_cargo};
use super::places;

static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();

/// The variable that names the bug.
pub const VARIABLE: &str = "CHATZZ_SEEDED_BUG";

/// The program, built by the first caller beside `chatzz` and in its profile.
pub async fn program() -> &'static Path {
    PROGRAM.get_or_init(build).await
}

/// Serves with a bug, or with none.
pub async fn serve(bug: Option<Bug>, keys: &[(&str, &str)]) -> Binary {
    let mut keys = keys.to_vec();
    keys.extend(bug.map(|bug| (VARIABLE, bug.name())));
    Binary::serve_by(program().await, &keys).await
}

#[expect(
    clippy::disallowed_methods,
    reason = "the child's environment is made here"
)]
async fn build() -> PathBuf {
    let folder = places::profile();
    let profile = match folder.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        other => other,
    };
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if is_told_by_cargo(&name) {
            cargo.env_remove(&*name);
        }
    }
    let built = cargo
        .args(["build", "--locked", "--features", "seeded-bugs"])
        .args(["--bin", "chatzz-seeded", "--profile", profile])
        .arg("--target-dir")
        .arg(folder.parent().unwrap())
        .current_dir(places::repository())
        .status()
        .await
        .expect("cargo can be run");
    assert!(built.success(), "chatzz-seeded was not built: {built}");
    folder.join("chatzz-seeded")
}
