//! The binaries under test: the one of `cargo test`, a release build, and the
//! ones with seeded bugs, which are built on demand.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::binary::{chatzz, is_told_by_cargo};

/// How a binary is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// As the tests are.
    Test,
    /// `--release`.
    Release,
}

/// The clean binary.
///
/// # Panics
/// Panics when it cannot be built.
pub(crate) fn clean(build: Build) -> PathBuf {
    match build {
        Build::Test => chatzz(),
        Build::Release => cargo(build, "chatzz", &[]),
    }
}

/// The binary whose bug is chosen at run time. Cargo builds it once.
///
/// # Panics
/// Panics when it cannot be built.
pub(crate) fn seeded(build: Build) -> PathBuf {
    cargo(build, "chatzz-seeded", &["--features", "seeded-bugs"])
}

/// Builds a binary of this package with the cargo that runs the tests, into
/// the target folder of the tests.
#[expect(
    clippy::disallowed_methods,
    reason = "the child's environment is made here"
)]
fn cargo(build: Build, name: &str, features: &[&str]) -> PathBuf {
    // target/debug/chatzz
    let test_program = chatzz();
    let target = test_program.parent().and_then(Path::parent);
    let target = target.expect("binaries are in a folder of the target folder");
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--bin", name, "--target-dir"])
        .arg(target)
        .args(features)
        .stdin(Stdio::null());
    if build == Build::Release {
        command.arg("--release");
    }
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if is_told_by_cargo(&name) {
            command.env_remove(&*name);
        }
    }
    let status = command.status().expect("cargo can be run");
    assert!(status.success(), "{name} could not be built: {status}");
    let profile = match build {
        Build::Test => "debug",
        Build::Release => "release",
    };
    target.join(profile).join(name)
}
