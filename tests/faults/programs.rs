//! The binaries under test: the one of `cargo test`, a release build, and the
//! ones with seeded bugs, which are built on demand.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

use crate::support::binary::{cargo, chatzz};
use crate::support::places;
use crate::support::seeded::{self, Bug};

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
        Build::Release => release(),
    }
}

/// Two binaries in turns, the one of before first: each start of a server is of the other
/// one, so that both stand beside each other and follow on each other.
///
/// # Panics
/// Panics when it cannot be written.
pub(crate) fn alternating(before: &Path, now: &Path) -> PathBuf {
    let folder = places::target().join("tmp/alternating");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let program = folder.join("chatzz");
    let before = before.canonicalize().expect("the version before is there");
    let script = format!(
        "#!/bin/sh\n\
         # mkdir finds out whose turn it is: it succeeds once\n\
         if mkdir '{turn}' 2>/dev/null; then exec '{before}' \"$@\"; fi\n\
         rmdir '{turn}'\n\
         exec '{now}' \"$@\"\n",
        turn = folder.join("turn").display(),
        before = before.display(),
        now = now.display(),
    );
    std::fs::write(&program, script).expect("a script can be written");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, executable).expect("its mode can be set");
    program
}

/// The binary whose bug is chosen at run time. Cargo builds it once.
///
/// # Panics
/// Panics when it cannot be built.
pub(crate) fn seeded(build: Build) -> PathBuf {
    seeded::build(&match build {
        Build::Test => places::profile(),
        Build::Release => places::target().join("release"),
    })
}

/// Builds the clean binary into the target folder of the tests.
fn release() -> PathBuf {
    let target = places::target();
    let built = cargo()
        .current_dir(places::repository())
        .args(["build", "--quiet", "--release", "--bin", "chatzz"])
        .arg("--target-dir")
        .arg(&target)
        .status()
        .expect("cargo can be run");
    assert!(built.success(), "chatzz could not be built: {built}");
    target.join("release/chatzz")
}

/// The trials of the patches that make the bugs; they build nothing.
pub(crate) fn trials() -> Vec<Trial> {
    let of_its_bug = || each_is_of_a_bug_and_asks_for_no_other().map_err(Failed::from);
    vec![
        Trial::test("patches::each_fits_the_sources", || {
            seeded::check().map_err(Failed::from)
        }),
        Trial::test(
            "patches::each_is_of_a_bug_and_asks_for_no_other",
            of_its_bug,
        ),
    ]
}

fn each_is_of_a_bug_and_asks_for_no_other() -> Result<(), String> {
    let mut bugs: BTreeSet<&str> = Bug::ALL.iter().map(|bug| bug.name()).collect();
    for (name, text) in patches() {
        let asked = text.split("seeded::active(\"").skip(1);
        let asked = asked.filter_map(|rest| rest.split('"').next());
        let asked: BTreeSet<&str> = asked.collect();
        // that of the program itself is of no bug and asks for none
        let own: BTreeSet<&str> = bugs.take(name.as_str()).into_iter().collect();
        if asked != own {
            return Err(format!("{name}.patch is of {own:?} and asks for {asked:?}"));
        }
    }
    if bugs.is_empty() {
        Ok(())
    } else {
        Err(format!("no patch makes {bugs:?}"))
    }
}

/// The patches by their names.
fn patches() -> Vec<(String, String)> {
    let folder = places::repository().join("tests/faults/bugs");
    let files = std::fs::read_dir(folder).expect("the patches are there");
    let files = files.map(|file| file.expect("it can be listed").path());
    let patches = files.filter(|file| file.extension().is_some_and(|ending| ending == "patch"));
    let read = |file: PathBuf| {
        let name = file.file_stem().expect("a name").to_string_lossy();
        let text = std::fs::read_to_string(&file).expect("a text");
        (name.into_owned(), text)
    };
    patches.map(read).collect()
}
