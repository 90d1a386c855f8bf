//! The script of the socket.io client, as a socket.io server serves it below its endpoint:
//! from a folder of the operator's, read once at the start.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::Path;

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

/// The files of the npm package `socket.io-client` that are served, where the folder has them.
const NAMES: [&str; 3] = ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js"];
/// Longest of them: far above any that was published.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Why there is nothing to serve.
#[derive(Debug, thiserror::Error)]
pub enum ClientFilesError {
    /// The folder has no such file.
    #[error(
        "CHATZZ_SERVE_CLIENT={0} holds no socket.io.js: write the folder `dist` of the npm package \
         socket.io-client, or remove the key"
    )]
    Missing(String),
    /// A file cannot be read.
    #[error("CHATZZ_SERVE_CLIENT: {0} cannot be read ({1})")]
    Unreadable(String, io::Error),
    /// A file is no script of that client.
    #[error("CHATZZ_SERVE_CLIENT: {0} is larger than 4 MiB, and so no script of socket.io-client")]
    TooLarge(String),
}

/// The files, held in memory.
#[derive(Debug, Default)]
pub(crate) struct ClientFiles(Vec<ClientFile>);

#[derive(Debug)]
struct ClientFile {
    name: &'static str,
    content: Bytes,
    etag: String,
}

impl ClientFiles {
    /// Reads them from a folder; without one there are none.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Self, ClientFilesError> {
        let Some(folder) = folder else {
            return Ok(Self::default());
        };
        let mut files = Vec::new();
        for name in NAMES {
            files.extend(read(&folder.join(name), name)?);
        }
        if files.iter().all(|file| file.name != "socket.io.js") {
            return Err(ClientFilesError::Missing(folder.display().to_string()));
        }
        Ok(Self(files))
    }

    /// The answer to a request for a script of this name.
    pub(super) fn answer(&self, name: &str, headers: &HeaderMap) -> Response {
        let Some(file) = self.0.iter().find(|file| file.name == name) else {
            let text = "this script of the client is not served here: take it from your own server \
                        or a CDN, or set CHATZZ_SERVE_CLIENT to a folder that has it";
            return (StatusCode::NOT_FOUND, text).into_response();
        };
        let about = [
            (header::ETAG, file.etag.clone()),
            (header::CACHE_CONTROL, "public, max-age=0".to_owned()),
            (
                header::CONTENT_TYPE,
                "text/javascript; charset=utf-8".to_owned(),
            ),
        ];
        let known = headers.get(header::IF_NONE_MATCH);
        if known.is_some_and(|known| known.as_bytes() == file.etag.as_bytes()) {
            return (StatusCode::NOT_MODIFIED, about).into_response();
        }
        (about, file.content.clone()).into_response()
    }
}

/// One file, if it is there.
fn read(path: &Path, name: &'static str) -> Result<Option<ClientFile>, ClientFilesError> {
    let shown = || path.display().to_string();
    let unreadable = |error| ClientFilesError::Unreadable(shown(), error);
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
        Ok(found) if found.len() > MAX_BYTES => return Err(ClientFilesError::TooLarge(shown())),
        Ok(_) => {}
    }
    let content = fs::read(path).map_err(unreadable)?;
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    Ok(Some(ClientFile {
        name,
        etag: format!("\"{:x}-{:x}\"", content.len(), hasher.finish()),
        content: content.into(),
    }))
}
