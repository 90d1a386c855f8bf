//! The copy of chatzz with all the bugs in it, below the target folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::patch::{Hunk, Patch, apply};
use super::{Bug, NAME};
use crate::places;

/// Files of the package beside `src` that its build reads.
const COPIED: [&str; 2] = ["Cargo.toml", "Cargo.lock"];
/// Folders that its build reads, and that no bug changes.
const LINKED: [&str; 4] = ["crates", "examples", "migrations", "tests"];

/// Brings the copy up to date and returns its folder. What has not changed is left as it
/// is, so that cargo does not build it again.
pub(super) fn refresh() -> Result<PathBuf, String> {
    let files = patched()?;
    let copy = places::temporary().join(NAME);
    fs::create_dir_all(&copy).unwrap();
    let lock = fs::File::create(copy.with_extension("lock")).unwrap();
    let _lock = Flock::lock(lock, FlockArg::LockExclusive).expect("a lock can be waited for");
    for stale in files_below(&copy, &copy.join("src")) {
        if !files.contains_key(&stale) {
            fs::remove_file(copy.join(stale)).unwrap();
        }
    }
    for (file, text) in files {
        write(&copy.join(file), &text);
    }
    for folder in LINKED {
        link(&places::repository().join(folder), &copy.join(folder));
    }
    Ok(copy)
}

/// The files of the copy, with every patch applied.
pub(super) fn patched() -> Result<BTreeMap<String, String>, String> {
    let folder = places::repository().join("tests/faults/bugs");
    let mut patches = vec![Patch::read(&folder, NAME)];
    patches.extend(Bug::ALL.iter().map(|bug| bug.patch()));

    let mut files = sources();
    let mut wrong = Vec::new();
    for (file, hunks) in by_file(&patches) {
        let text = files.get(file).map(|text| apply(text, &hunks));
        match text.unwrap_or_else(|| {
            Err(format!(
                "{}.patch changes {file}, which is not there",
                hunks[0].0
            ))
        }) {
            Ok(text) => _ = files.insert(file.to_owned(), text),
            Err(why) => wrong.push(why),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    let module = fs::read_to_string(folder.join("seeded.rs")).unwrap();
    files.insert("src/seeded.rs".to_owned(), module);
    files.insert("src/seeded.txt".to_owned(), announcements());
    Ok(files)
}

/// What is copied of the package, as it is.
fn sources() -> BTreeMap<String, String> {
    let root = places::repository();
    let files = files_below(root, &root.join("src")).into_iter();
    let files = files.chain(COPIED.map(str::to_owned));
    let text = |file: &String| fs::read_to_string(root.join(file)).unwrap();
    files.map(|file| (file.clone(), text(&file))).collect()
}

/// The changes of all patches, file by file, each with the name of its patch.
fn by_file(patches: &[Patch]) -> BTreeMap<&str, Vec<(&str, &Hunk)>> {
    let mut by_file: BTreeMap<&str, Vec<(&str, &Hunk)>> = BTreeMap::new();
    for patch in patches {
        for hunk in &patch.hunks {
            let hunks = by_file.entry(&hunk.file).or_default();
            hunks.push((&patch.name, hunk));
        }
    }
    by_file
}

/// What the program says of each bug that it has.
fn announcements() -> String {
    let lines = Bug::ALL.iter().map(|bug| {
        let (breaks, description) = (bug.breaks().join(", "), bug.description());
        format!("`{bug}`, against {breaks}: {description}\n")
    });
    lines.collect()
}

/// The files of a folder and the folders in it, as paths from `root`.
fn files_below(root: &Path, folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path.strip_prefix(root).unwrap();
                files.push(below.to_str().unwrap().to_owned());
            }
        }
    }
    files
}

fn write(file: &Path, text: &str) {
    if fs::read_to_string(file).is_ok_and(|there| there == text) {
        return;
    }
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn link(from: &Path, to: &Path) {
    if fs::read_link(to).is_ok_and(|there| there == from) {
        return;
    }
    let _ = fs::remove_file(to);
    symlink(from, to).unwrap();
}
