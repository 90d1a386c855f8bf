//! Building the demo application with npm, once for each version of its sources.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use tokio::process::Command;

use super::site::{CLIENT, CLIENT_FILES};
use super::{DemoError, Site, sources};
use crate::{Progress, ToolError, lock, tool};

/// Returns the files built in `cache` from these sources, or builds them there.
///
/// Several processes may call this for one `cache` at once. An interrupted build leaves
/// nothing that could be mistaken for a complete one.
pub(super) async fn built(
    npm: &OsStr,
    cache: &Path,
    progress: Progress<'_>,
) -> Result<Site, DemoError> {
    let kept = cache.join(sources::hash());
    if let Some(site) = whole(&kept)? {
        return Ok(site);
    }
    fs::create_dir_all(cache).map_err(DemoError::at(cache))?;
    let lock = cache.join("npm.lock");
    let waiting = "waiting for another chatzz that is building the demo application";
    let _lock = lock::acquire(&lock, waiting, progress)
        .await
        .map_err(DemoError::at(&lock))?;
    if let Some(site) = whole(&kept)? {
        return Ok(site);
    }
    progress("building the demo application with npm, once (from 23 MB of packages)");
    let work = cache.join("work");
    remove(&work)?;
    sources::unpack(&work).map_err(DemoError::at(&work))?;
    let demo = work.join("demo");
    // The lock file names each package with its hash; no package may run a program while it is installed.
    let fetch = [
        "ci",
        "--omit=dev",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--fetch-retries=1",
    ];
    run(npm, &fetch, &demo).await?;
    progress("the packages are there, now Vite builds");
    run(npm, &["run", "build"], &demo).await?;
    keep_client(&demo)?;
    remove(&kept)?;
    fs::rename(demo.join("dist"), &kept).map_err(DemoError::at(&kept))?;
    remove(&work)?;
    Site::read(&kept)
}

/// Keeps the script of the client, which old pages load from their server, with what was built.
fn keep_client(demo: &Path) -> Result<(), DemoError> {
    let from = demo.join("node_modules/socket.io-client/dist");
    let to = demo.join("dist").join(CLIENT);
    fs::create_dir_all(&to).map_err(DemoError::at(&to))?;
    for name in CLIENT_FILES {
        let from = from.join(name);
        fs::copy(&from, to.join(name)).map_err(DemoError::at(&from))?;
    }
    Ok(())
}

async fn run(npm: &OsStr, args: &[&str], folder: &Path) -> Result<(), DemoError> {
    let mut command = Command::new(npm);
    command.args(args).current_dir(folder);
    tool::run(&mut command).await.map_err(|error| match error {
        ToolError::Start { .. } => DemoError::NoNpm(error),
        ToolError::Failed { .. } | ToolError::TooLong { .. } => DemoError::Npm(error),
    })
}

fn whole(folder: &Path) -> Result<Option<Site>, DemoError> {
    if !folder.is_dir() {
        return Ok(None);
    }
    Ok(Some(Site::read(folder)?).filter(Site::is_whole))
}

fn remove(folder: &Path) -> Result<(), DemoError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DemoError::at(folder)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn folder() -> PathBuf {
        std::env::temp_dir().join(format!("chatzz-demo-{}", uuid::Uuid::new_v4()))
    }

    #[tokio::test]
    async fn the_demo_is_built_once_and_then_needs_no_npm() {
        let dir = folder();
        let first = built("npm".as_ref(), &dir, &|_| {})
            .await
            .expect("install Node.js with npm: apt-get install npm");
        let silent = |line: &str| panic!("built again: {line}");
        let kept = built("no-such-npm".as_ref(), &dir, &silent).await.unwrap();

        let (media_type, page) = first.file("index.html").unwrap();
        assert_eq!(media_type, "text/html; charset=utf-8");
        assert_eq!(kept.file("index.html").unwrap().1, page);
        let script = kept
            .client_files()
            .find(|(name, _)| *name == "socket.io.js");
        assert!(script.is_some_and(|(_, script)| script.starts_with(b"/*!")));
        assert!(!dir.join("work").exists(), "the packages do not stay");
        fs::remove_dir_all(dir).unwrap();
    }

    #[tokio::test]
    async fn a_missing_npm_is_reported_with_what_to_install() {
        let dir = folder();
        let error = built("no-such-npm".as_ref(), &dir, &|_| {})
            .await
            .unwrap_err();

        assert!(matches!(error, DemoError::NoNpm(_)));
        let text = error.to_string();
        assert!(
            text.contains("Install Node.js 18 or later with npm"),
            "{text}"
        );
        assert!(text.contains("a plain page is served"), "{text}");
        fs::remove_dir_all(dir).unwrap();
    }

    #[tokio::test]
    async fn a_failing_npm_leaves_nothing_that_is_taken_for_a_build() {
        let dir = folder();
        for _ in 0..2 {
            let error = built("false".as_ref(), &dir, &|_| {}).await.unwrap_err();
            assert!(matches!(error, DemoError::Npm(_)), "{error}");
        }
        fs::remove_dir_all(dir).unwrap();
    }

    #[tokio::test]
    async fn half_a_build_is_not_served() {
        let dir = folder();
        let kept = dir.join(sources::hash());
        fs::create_dir_all(&kept).unwrap();
        fs::write(kept.join("index.html"), "half").unwrap();

        let error = built("no-such-npm".as_ref(), &dir, &|_| {})
            .await
            .unwrap_err();

        assert!(matches!(error, DemoError::NoNpm(_)), "{error}");
        fs::remove_dir_all(dir).unwrap();
    }
}
