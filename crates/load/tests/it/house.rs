//! The rules of the repository that the compiler does not check.

use std::path::{Path, PathBuf};

#[test]
fn no_file_is_longer_than_three_hundred_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("tests")];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 30, "the sources are where they were");
    let lines = |path: &PathBuf| std::fs::read_to_string(path).unwrap().lines().count();
    files.retain(|path| lines(path) > 300);
    assert_eq!(files, Vec::<PathBuf>::new());
}
