//! The sources of the demo application and of the library that it is built on.

use std::io;
use std::path::Path;

use include_dir::{Dir, include_dir};
use sha2::{Digest as _, Sha256};

/// Single files, by their path below the folder in which it is built.
const FILES: [(&str, &str); 7] = [
    ("demo/.npmrc", include_str!("../../clients/demo/.npmrc")),
    ("demo/duo.html", include_str!("../../clients/demo/duo.html")),
    (
        "demo/index.html",
        include_str!("../../clients/demo/index.html"),
    ),
    (
        "demo/package-lock.json",
        include_str!("../../clients/demo/package-lock.json"),
    ),
    (
        "demo/package.json",
        include_str!("../../clients/demo/package.json"),
    ),
    (
        "demo/tsconfig.json",
        include_str!("../../clients/demo/tsconfig.json"),
    ),
    (
        "demo/vite.config.ts",
        include_str!("../../clients/demo/vite.config.ts"),
    ),
];

/// Folders of sources, likewise. Not the whole of `clients`, because that would include
/// what npm installs there.
const FOLDERS: [(&str, Dir<'_>); 2] = [
    (
        "demo/src",
        include_dir!("$CARGO_MANIFEST_DIR/clients/demo/src"),
    ),
    ("js/src", include_dir!("$CARGO_MANIFEST_DIR/clients/js/src")),
];

/// Each file with its path below the folder in which it is built.
fn files() -> impl Iterator<Item = (String, &'static [u8])> {
    let single = FILES
        .iter()
        .map(|(path, text)| ((*path).to_owned(), text.as_bytes()));
    let of_folders = FOLDERS.iter().flat_map(|(folder, dir)| {
        let files = dir.files();
        files.map(move |file| {
            (
                format!("{folder}/{}", file.path().display()),
                file.contents(),
            )
        })
    });
    single.chain(of_folders)
}

/// Sixteen hex digits that differ when a source does.
pub(super) fn hash() -> String {
    let mut hash = Sha256::new();
    for (path, content) in files() {
        hash.update(path);
        hash.update(content.len().to_le_bytes());
        hash.update(content);
    }
    hex::encode(hash.finalize()).chars().take(16).collect()
}

/// Writes them all below a folder.
///
/// # Errors
/// The error of the operating system.
pub(super) fn unpack(folder: &Path) -> io::Result<()> {
    for (path, content) in files() {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_source_of_the_demo_and_the_library_is_part_of_the_program() {
        let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        let known: BTreeSet<String> = files().map(|(path, _)| path).collect();
        for folder in ["demo", "demo/src", "js/src"] {
            for entry in std::fs::read_dir(clients.join(folder)).unwrap() {
                let entry = entry.unwrap();
                let path = format!("{folder}/{}", entry.file_name().display());
                if path == "demo/.gitignore" {
                    continue;
                }
                if entry.path().is_file() {
                    assert!(known.contains(&path), "{path} is not embedded");
                } else {
                    let expected = ["demo/src", "demo/node_modules", "demo/dist"];
                    assert!(expected.contains(&path.as_str()), "{path} is not embedded");
                }
            }
        }
        assert!(known.len() > 20, "{known:?}");
    }
}
