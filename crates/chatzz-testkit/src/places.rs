//! Paths: the repository, what cargo has built, and a folder for the files of tests.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn repository() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).expect("it is below `crates`")
}

/// The `chatzz` that cargo has built for these tests.
#[expect(
    clippy::disallowed_methods,
    reason = "this is how cargo speaks to a test that it runs"
)]
pub fn chatzz() -> PathBuf {
    if let Some(path) = std::env::var_os("CARGO_BIN_EXE_chatzz") {
        return path.into();
    }
    // run by hand: a test is target/debug/deps/it-…, the program target/debug/chatzz
    let test = std::env::current_exe().expect("a process knows its program");
    let profile = test.parent().and_then(Path::parent);
    let name = format!("chatzz{}", std::env::consts::EXE_SUFFIX);
    profile
        .expect("tests are in a folder of their own")
        .join(name)
}

/// The folder of the profile that these tests are built in, such as `target/debug`.
pub fn profile() -> PathBuf {
    chatzz()
        .parent()
        .expect("programs are in a folder")
        .to_owned()
}

/// Cargo's target folder, or the part of it for one platform.
pub fn target() -> PathBuf {
    profile()
        .parent()
        .expect("a profile is in a folder")
        .to_owned()
}

/// The folder for files that tests write.
pub fn temporary() -> PathBuf {
    target().join("tmp")
}
