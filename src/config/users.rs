//! How the application's own users are read.

use std::time::Duration;

use super::parse::{choice, within};
use super::user_fields;

section! {
    /// How the application's own users are read.
    pub struct UsersConfig in "Users" {
        /// The type of the users' `_id`: `auto`, `objectid`, `string`, `int` or `uuid`.
        /// Set it when ids of one type look like those of another, for example strings of digits.
        id_type: IdType =
            key("CHATZZ_USER_ID_TYPE", "choice", default("auto"), choice(&IdType::NAMES)),
        /// The byte order of UUIDs of the old binary subtype 3: `standard` (that of Python and of
        /// subtype 4), `java` or `csharp`. Write what the application's driver used: with another
        /// one such users are `user-not-found`.
        uuid_order: UuidOrder =
            key("CHATZZ_USER_UUID_ORDER", "choice", default("standard"), choice(&UuidOrder::NAMES)),
        /// The fields of a user that others may see, always with `_id`; nothing else is sent.
        /// Dotted paths are allowed. Write what the front end shows.
        fields: Vec<String> =
            key("CHATZZ_USER_FIELDS", "list of paths",
                default("_id,username,name,firstName,lastName,displayName,avatar,picture"),
                user_fields::parse),
        /// How long the data of a user is cached.
        /// Lower it when changed names must show sooner; `0` reads every time.
        cache: Duration = key("CHATZZ_USER_CACHE", "duration", default("30s"), within("0s", "1h")),
    }
    check(keys) {
        for warning in user_fields::warnings(fields.as_deref().unwrap_or_default()) {
            keys.warn(warning);
        }
    }
}

/// The type of the users' `_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdType {
    /// Tried by format: 24 hex digits, digits, UUID, string.
    Auto,
    /// `ObjectId`.
    ObjectId,
    /// String.
    String,
    /// 32- or 64-bit integer.
    Int,
    /// UUID, binary subtype 4 or 3.
    Uuid,
}

impl IdType {
    const NAMES: [(&str, Self); 5] = [
        ("auto", Self::Auto),
        ("objectid", Self::ObjectId),
        ("string", Self::String),
        ("int", Self::Int),
        ("uuid", Self::Uuid),
    ];
}

/// The byte order of UUIDs of binary subtype 3, which depends on the driver that wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UuidOrder {
    /// As in the text, which is how subtype 4 has it.
    Standard,
    /// Each half reversed, as the Java driver wrote it.
    Java,
    /// The first three groups reversed, as the C# driver wrote it.
    CSharp,
}

impl UuidOrder {
    const NAMES: [(&str, Self); 3] = [
        ("standard", Self::Standard),
        ("java", Self::Java),
        ("csharp", Self::CSharp),
    ];
}
