//! How the application's own users are read.

use std::time::Duration;

use super::parse;
use super::reader::Reader;
use super::user_fields;

/// How the application's own users are read.
#[derive(Debug, Clone)]
pub struct UsersConfig {
    /// The type of the users' `_id`.
    ///
    /// `CHATZZ_USER_ID_TYPE`, default `auto`, choice. Change it to the type in use when
    /// ids of one type look like those of another, for example strings of digits.
    pub id_type: IdType,
    /// The fields of a user that others may see, `_id` always among them.
    ///
    /// `CHATZZ_USER_FIELDS`, default
    /// `_id,username,name,firstName,lastName,displayName,avatar,picture`,
    /// list of paths. Change it to what the front end shows; nothing else leaves.
    pub fields: Vec<String>,
    /// How long a user that was read is believed.
    ///
    /// `CHATZZ_USER_CACHE`, default `30s`, duration. Lower it when changed names must
    /// show sooner; `0` reads every time.
    pub cache: Duration,
}

/// The type of the users' `_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdType {
    /// Tried by shape: 24 hex digits, digits, UUID, string.
    Auto,
    /// `ObjectId`.
    ObjectId,
    /// String.
    String,
    /// 32- or 64-bit integer.
    Int,
    /// UUID, binary subtype 4.
    Uuid,
}

impl UsersConfig {
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let id_types = [
            ("auto", IdType::Auto),
            ("objectid", IdType::ObjectId),
            ("string", IdType::String),
            ("int", IdType::Int),
            ("uuid", IdType::Uuid),
        ];
        let id_type = keys.read("CHATZZ_USER_ID_TYPE", |text| parse::choice(text, &id_types));
        let fields = keys.read("CHATZZ_USER_FIELDS", user_fields::parse);
        let cache = keys.read("CHATZZ_USER_CACHE", |text| {
            parse::duration(text, Duration::ZERO..=Duration::from_hours(1))
        });
        for warning in user_fields::warnings(fields.as_deref().unwrap_or_default()) {
            keys.warn(warning);
        }
        Some(Self {
            id_type: id_type?,
            fields: fields?,
            cache: cache?,
        })
    }
}
