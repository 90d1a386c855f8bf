//! A handful of static files, held in memory.

use std::collections::BTreeMap;
#[cfg(any(test, not(feature = "embed-demo")))]
use std::path::Path;

use bytes::Bytes;

#[cfg(any(test, not(feature = "embed-demo")))]
use super::DemoError;

/// The folder of the socket.io client's scripts.
pub(super) const CLIENT: &str = "client";
/// Its files that pages load from a socket.io server.
pub(super) const CLIENT_FILES: [&str; 3] =
    ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js"];

/// Static files by their path below the site's root, such as `assets/index-1a2b3c.js`.
#[derive(Debug, Clone, Default)]
pub struct Site {
    files: BTreeMap<String, Bytes>,
}

impl Site {
    /// Reads a folder with everything in it.
    #[cfg(any(test, not(feature = "embed-demo")))]
    pub(super) fn read(root: &Path) -> Result<Self, DemoError> {
        let mut site = Self::default();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).map_err(DemoError::at(&folder))? {
                let path = entry.map_err(DemoError::at(&folder))?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let content = std::fs::read(&path).map_err(DemoError::at(&path))?;
                let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
                site.files.insert(name.into_owned(), content.into());
            }
        }
        Ok(site)
    }

    /// The files that are part of this program.
    #[cfg(feature = "embed-demo")]
    pub(super) fn embedded(dir: &'static include_dir::Dir<'static>) -> Self {
        let mut site = Self::default();
        let mut dirs = vec![dir];
        while let Some(dir) = dirs.pop() {
            dirs.extend(dir.dirs());
            for file in dir.files() {
                let name = file.path().to_string_lossy().into_owned();
                site.files.insert(name, Bytes::from_static(file.contents()));
            }
        }
        site
    }

    /// One file and its media type, if there is such a file.
    pub fn file(&self, name: &str) -> Option<(&'static str, Bytes)> {
        let content = self.files.get(name)?;
        Some((media_type(name), content.clone()))
    }

    /// The scripts of the socket.io client, by their names.
    pub fn client_files(&self) -> impl Iterator<Item = (&'static str, Bytes)> {
        let file = |name: &'static str| {
            let content = self.files.get(&format!("{CLIENT}/{name}"))?;
            Some((name, content.clone()))
        };
        CLIENT_FILES.into_iter().filter_map(file)
    }

    /// Whether the site has its two pages, and the scripts of the client.
    #[cfg(any(test, not(feature = "embed-demo")))]
    pub(super) fn is_whole(&self) -> bool {
        let pages = ["index.html", "duo.html"];
        pages.iter().all(|page| self.files.contains_key(*page))
            && self.client_files().count() == CLIENT_FILES.len()
    }
}

/// The output of Vite for these sources, and nothing else.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
