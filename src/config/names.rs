//! Names of databases and collections that the server and we can live with.

use super::parse::{Parsed, Refusal, shown};
use super::reader::Reader;

/// The longest name of a collection, in bytes.
///
/// The server bounds database and collection together by 255 bytes.
const COLLECTION_MAX_BYTES: usize = 120;

/// The longest name of a database, in bytes: the server's own limit.
const DATABASE_MAX_BYTES: usize = 63;

/// Databases that belong to the server itself.
const RESERVED_DATABASES: [&str; 3] = ["admin", "config", "local"];

/// The collection of the nodes' leases.
pub(super) fn nodes_collection(prefix: &str) -> String {
    format!("{prefix}nodes")
}

/// The collection of migrations and their lock.
pub(super) fn meta_collection(prefix: &str) -> String {
    format!("{prefix}meta")
}

/// The names of all collections; `None` where the key has a mistake.
pub(super) struct CollectionNames {
    pub(super) user: Option<String>,
    pub(super) chat_user: Option<String>,
    pub(super) chat_room: Option<String>,
    pub(super) message: Option<String>,
    pub(super) privacy: Option<String>,
    pub(super) meta_prefix: Option<String>,
}

impl CollectionNames {
    pub(super) fn read(keys: &mut Reader<'_>) -> Self {
        Self {
            user: keys.read("CHATZZ_USER_COLLECTION", collection),
            chat_user: keys.read("CHATZZ_CHAT_USER_COLLECTION", collection),
            chat_room: keys.read("CHATZZ_CHAT_ROOM_COLLECTION", collection),
            message: keys.read("CHATZZ_MESSAGE_COLLECTION", collection),
            privacy: keys.read("CHATZZ_PRIVACY_COLLECTION", collection),
            meta_prefix: keys.read("CHATZZ_META_PREFIX", meta_prefix),
        }
    }

    /// Notes each two keys that name the same collection.
    ///
    /// The users' collection can only clash when it lies in the same database.
    pub(super) fn refuse_clashes(&self, keys: &mut Reader<'_>, users_in_same_database: bool) {
        let prefix = self.meta_prefix.as_deref();
        let users = self.user.clone().filter(|_| users_in_same_database);
        let all = [
            ("CHATZZ_USER_COLLECTION", users),
            ("CHATZZ_CHAT_USER_COLLECTION", self.chat_user.clone()),
            ("CHATZZ_CHAT_ROOM_COLLECTION", self.chat_room.clone()),
            ("CHATZZ_MESSAGE_COLLECTION", self.message.clone()),
            ("CHATZZ_PRIVACY_COLLECTION", self.privacy.clone()),
            ("CHATZZ_META_PREFIX", prefix.map(nodes_collection)),
            ("CHATZZ_META_PREFIX", prefix.map(meta_collection)),
        ];
        let mut rest = all.as_slice();
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
}

/// A name that the server accepts for a database, and that is not its own.
pub(super) fn database(text: &str) -> Parsed<String> {
    let problem = if text.is_empty() {
        Some("is empty")
    } else if text.len() > DATABASE_MAX_BYTES {
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

pub(super) fn collection(text: &str) -> Parsed<String> {
    let problem = if text.is_empty() {
        Some("is empty")
    } else if text.len() > COLLECTION_MAX_BYTES {
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

/// A prefix that makes valid names; an empty one does.
fn meta_prefix(text: &str) -> Parsed<String> {
    collection(&nodes_collection(text))?;
    Ok(text.to_owned())
}
