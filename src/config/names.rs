//! Names of databases and collections that MongoDB and chatzz accept.

use super::parse::{Parsed, Refusal, shown};
use super::reader::Reader;

/// The longest name of a collection, in bytes.
///
/// The server bounds database and collection together by 255 bytes.
const MAX_COLLECTION_BYTES: usize = 120;

/// The longest name of a database, in bytes: the server's own limit.
const MAX_DATABASE_BYTES: usize = 63;

/// Databases that belong to the server itself.
const RESERVED_DATABASES: [&str; 3] = ["admin", "config", "local"];

/// The collection of the nodes' leases.
pub(super) fn nodes_collection(prefix: &str) -> String {
    format!("{prefix}nodes")
}

/// The collection of the log of events.
pub(super) fn events_collection(prefix: &str) -> String {
    format!("{prefix}events")
}

/// The collection of migrations and their lock.
pub(super) fn meta_collection(prefix: &str) -> String {
    format!("{prefix}meta")
}

/// Notes every two keys that name the same collection; `None` is a mistake noted before.
pub(super) fn refuse_clashes(keys: &mut Reader<'_>, all: &[(&str, Option<String>)]) {
    let mut rest = all;
    while let [(key, name), others @ ..] = rest {
        rest = others;
        let Some(name) = name else { continue };
        for (other, _) in others.iter().filter(|(_, n)| n.as_ref() == Some(name)) {
            keys.refuse(
                format!("{key} and {other}"),
                format!(
                    "both make the collection {}; give each its own name",
                    shown(name)
                ),
            );
        }
    }
}

/// A name that the server accepts for a database, other than its own databases.
pub(super) fn database(text: &str) -> Parsed<String> {
    let problem = if text.is_empty() {
        Some("is empty")
    } else if text.len() > MAX_DATABASE_BYTES {
        Some("is longer than 63 bytes")
    } else if text.contains(|c: char| c.is_control() || "/\\. \"$*<>:|?".contains(c)) {
        Some("holds a space or one of `/\\.\"$*<>:|?`")
    } else if RESERVED_DATABASES.contains(&text) {
        Some("belongs to MongoDB itself")
    } else {
        None
    };
    match problem {
        None => Ok(text.to_owned()),
        Some(problem) => Err(Refusal::new(format!(
            "the database name {} {problem}; write letters, digits, `_` and `-`",
            shown(text)
        ))),
    }
}

/// Reads the name of a database from the command line.
///
/// # Errors
/// With a sentence for the operator.
pub fn parse_database(text: &str) -> Result<String, String> {
    database(text).map_err(Refusal::sentence)
}

/// A name that the server accepts for a collection.
pub(super) fn collection(text: &str) -> Parsed<String> {
    let problem = if text.is_empty() {
        Some("is empty")
    } else if text.len() > MAX_COLLECTION_BYTES {
        Some("is longer than 120 bytes")
    } else if text.starts_with("system.") {
        Some("belongs to MongoDB itself")
    } else if text.starts_with('.') {
        Some("begins with a dot")
    } else if text.contains(['$', '\0']) {
        Some("holds `$` or a NUL")
    } else {
        None
    };
    match problem {
        None => Ok(text.to_owned()),
        Some(problem) => Err(Refusal::new(format!(
            "the collection name {} {problem}; write letters, digits, `_` and `-`",
            shown(text)
        ))),
    }
}

/// A prefix that makes valid names; it may be empty.
pub(super) fn meta_prefix(text: &str) -> Parsed<String> {
    collection(&events_collection(text))?;
    Ok(text.to_owned())
}
