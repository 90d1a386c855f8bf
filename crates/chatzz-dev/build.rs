//! Builds the demo application into the program, where the feature `embed-demo` asks for it.
//!
//! Without that feature nothing is done here, and Node.js is not needed.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the demo application is built from, below `clients`.
const SOURCES: [&str; 9] = [
    "demo/.npmrc",
    "demo/duo.html",
    "demo/index.html",
    "demo/package-lock.json",
    "demo/package.json",
    "demo/src",
    "demo/tsconfig.json",
    "demo/vite.config.ts",
    "js/src",
];

fn main() -> Result<(), Box<dyn Error>> {
    for source in SOURCES {
        println!("cargo::rerun-if-changed=clients/{source}");
    }
    if set("CARGO_FEATURE_EMBED_DEMO").is_none() {
        return Ok(());
    }
    let made = PathBuf::from(set("OUT_DIR").ok_or("cargo names no OUT_DIR")?);
    let work = made.join("clients");
    for old in [&work, &made.join("demo")] {
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
    }
    for source in SOURCES {
        copy(&Path::new("clients").join(source), &work.join(source))?;
    }
    let demo = work.join("demo");
    npm(
        &[
            "ci",
            "--omit=dev",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ],
        &demo,
    )?;
    npm(&["run", "build"], &demo)?;
    // what the program without this feature keeps, too: see `demo/work.rs`
    for name in ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js"] {
        let from = demo.join("node_modules/socket.io-client/dist").join(name);
        copy(&from, &demo.join("dist/client").join(name))?;
    }
    fs::rename(demo.join("dist"), made.join("demo"))?;
    fs::remove_dir_all(work)?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is how cargo speaks to a build script"
)]
fn set(key: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(key)
}

/// Copies a file, or a folder with the files in it.
fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    if from.is_dir() {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::copy(from, to)?;
    Ok(())
}

fn npm(args: &[&str], folder: &Path) -> Result<(), Box<dyn Error>> {
    let said = Command::new("npm").args(args).current_dir(folder).output();
    let said =
        said.map_err(|error| format!("the feature embed-demo needs Node.js with npm: {error}"))?;
    if said.status.success() {
        return Ok(());
    }
    let text = [said.stdout, said.stderr].concat();
    Err(format!("npm {args:?} failed:\n{}", String::from_utf8_lossy(&text)).into())
}
