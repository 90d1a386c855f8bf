//! Where the mongod binary comes from, without and with fetching it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use chatzz_dev::mongod::{Environment, FetchError, LocateError, locate};

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("chatzz-locate-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Writes a program that answers `--version` like a mongod of that version.
    fn mongod(&self, path: &str, version: &str) -> PathBuf {
        self.program(path, &format!("echo 'db version v{version}'"))
    }

    fn program(&self, path: &str, script: &str) -> PathBuf {
        let program = self.0.join(path);
        std::fs::create_dir_all(program.parent().unwrap()).unwrap();
        // Written by another process: a descriptor open for writing here could be inherited by a
        // program that another test starts at this moment, and running the file would fail (ETXTBSY).
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#;
        let written = Command::new("/bin/sh")
            .args(["-c", write, "sh"])
            .arg(&program)
            .arg(script)
            .status();
        assert!(written.unwrap().success());
        program
    }

    /// An environment with nothing in it but a cache and a Python that does not exist.
    fn environment(&self) -> Environment {
        let (cache_dir, python) = (Some(self.0.join("cache")), self.0.join("no-python"));
        Environment {
            cache_dir,
            python,
            ..Environment::default()
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn path_of(dirs: &[&Path]) -> std::ffi::OsString {
    std::env::join_paths(dirs).unwrap()
}

#[tokio::test]
async fn a_set_mongod_that_does_not_exist_is_an_error_without_fallback() {
    let folder = Folder::new();
    let on_path = folder.mongod("bin/mongod", "7.0.1");
    let environment = Environment {
        chatzz_mongod: Some("/nowhere/mongod".into()),
        path: Some(path_of(&[on_path.parent().unwrap()])),
        ..folder.environment()
    };

    let error = locate(&environment, &|_| {}).await.unwrap_err();

    assert_eq!(
        error.to_string(),
        "CHATZZ_MONGOD cannot be used: /nowhere/mongod: it cannot be run: No such file or directory (os error 2)\n\
         Set it to the path of a mongod 6.0 or later, or unset it to have one found or fetched."
    );
}

#[tokio::test]
async fn a_set_mongod_that_is_too_old_is_named_with_its_version() {
    let folder = Folder::new();
    let old = folder.mongod("mongod", "4.4.29");
    let environment = Environment {
        chatzz_mongod: Some(old),
        ..folder.environment()
    };

    let text = locate(&environment, &|_| {}).await.unwrap_err().to_string();

    assert!(
        text.contains("it is MongoDB 4.4.29, and 6.0 or later is needed"),
        "{text}"
    );
}

#[tokio::test]
async fn an_old_mongod_on_the_path_is_passed_over_for_a_newer_one() {
    let folder = Folder::new();
    let old = folder.mongod("old/mongod", "5.0.3");
    let new = folder.mongod("new/mongod", "8.0.0");
    let path = Some(path_of(&[old.parent().unwrap(), new.parent().unwrap()]));
    let environment = Environment {
        path,
        ..folder.environment()
    };
    let reported = Mutex::new(Vec::new());
    let progress = |line: &str| reported.lock().unwrap().push(line.to_owned());

    let found = locate(&environment, &progress).await.unwrap();

    assert_eq!(found, new);
    let reported = reported.into_inner().unwrap();
    assert!(
        reported.len() == 1 && reported[0].contains("5.0.3"),
        "{reported:?}"
    );
}

#[tokio::test]
async fn a_cached_mongod_needs_no_python() {
    let folder = Folder::new();
    let cached = folder.mongod("cache/mongod-6.0.5/mongod", "6.0.5");

    let found = locate(&folder.environment(), &|_| {}).await.unwrap();

    assert_eq!(found, cached);
}

#[tokio::test]
async fn without_python_the_alternatives_are_listed() {
    let folder = Folder::new();
    let old = folder.mongod("old/mongod", "5.0.3");
    let environment = Environment {
        path: Some(path_of(&[old.parent().unwrap()])),
        ..folder.environment()
    };

    let error = locate(&environment, &|_| {}).await.unwrap_err();

    let text = error.to_string();
    for expected in [
        "5.0.3",
        "set CHATZZ_MONGOD",
        "install MongoDB 6.0 or later so that `mongod` is on PATH",
        "install python3 with pip",
    ] {
        assert!(text.contains(expected), "{expected} is missing in: {text}");
    }
}

#[tokio::test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
async fn what_pip_says_is_part_of_the_error() {
    let folder = Folder::new();
    let python = folder.program("python", "echo 'No module named pip' >&2; exit 1");
    let environment = Environment {
        python,
        ..folder.environment()
    };

    let error = locate(&environment, &|_| {}).await.unwrap_err();

    let fetch_failed = matches!(
        error,
        LocateError::Unobtainable {
            cause: FetchError::Download(_),
            ..
        }
    );
    assert!(fetch_failed, "{error}");
    assert!(
        !folder.0.join("cache/fetch").exists(),
        "the folder of the download was left behind"
    );
}

#[tokio::test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
async fn two_at_once_fetch_a_working_mongod_once() {
    let folder = Folder::new();
    let environment = Environment {
        python: "python3".into(),
        ..folder.environment()
    };
    let fetches = Mutex::new(0);
    let progress = |line: &str| {
        if line.starts_with("fetching") {
            *fetches.lock().unwrap() += 1;
        }
    };

    let (one, other) = tokio::join!(
        locate(&environment, &progress),
        locate(&environment, &progress)
    );

    let one = one.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(one, other.unwrap());
    assert_eq!(*fetches.lock().unwrap(), 1);
    assert!(
        !folder.0.join("cache/fetch").exists(),
        "the folder of the download was left behind"
    );
}
