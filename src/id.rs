//! Ids of the messenger's own objects and of the application's users.
//!
//! Functions take these types, never a bare `ObjectId` or `&str`, so that a
//! chat room's id cannot be passed where a message's is wanted.

use std::fmt;
use std::sync::LazyLock;

use bson::oid::ObjectId;
use bson::{Binary, Bson, RawBsonRef, UuidRepresentation, spec::BinarySubtype};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

macro_rules! object_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(ObjectId);

        impl $name {
            /// Makes a new id, unique across processes.
            pub fn generate() -> Self {
                Self(ObjectId::new())
            }

            /// Makes a new id, unique as well, that has no neighbours: objects made one
            /// after the other are not next to each other in an index or on a shard.
            pub fn generate_spread() -> Self {
                let [bytes @ .., _, _, _, _] = uuid::Uuid::new_v4().into_bytes();
                Self(ObjectId::from_bytes(bytes))
            }

            /// Reads 24 hex digits; anything else is `None`.
            pub fn parse(text: &str) -> Option<Self> {
                ObjectId::parse_str(text).ok().map(Self)
            }

            /// Takes a value of the database; any type but `ObjectId` is `None`.
            pub fn from_raw(value: RawBsonRef<'_>) -> Option<Self> {
                value.as_object_id().map(Self)
            }

            /// The 24 hex digits of the id.
            pub fn to_hex(self) -> Hex {
                Hex::of(self.0.bytes())
            }

            /// Twelve bytes that identify the object; used to spread load.
            pub fn bytes(self) -> [u8; 12] {
                self.0.bytes()
            }

            /// The id with these bytes.
            pub fn from_bytes(bytes: [u8; 12]) -> Self {
                Self(ObjectId::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.to_hex())
            }
        }

        impl From<$name> for Bson {
            fn from(id: $name) -> Self {
                Self::ObjectId(id.0)
            }
        }
    )*};
}

object_ids! {
    /// A person inside the messenger: `_id` of the chat users collection.
    ChatUserId;
    /// A conversation between two people: `_id` of the chat rooms collection.
    ChatRoomId;
    /// A stored message: `_id` of the messages collection.
    MessageId;
}

/// The hex digits of an id, held in place: answers are full of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hex([u8; 24]);

impl Hex {
    fn of(bytes: [u8; 12]) -> Self {
        let mut digits = [b'0'; 24];
        // cannot fail: there is room for two digits a byte
        let _ = hex::encode_to_slice(bytes, &mut digits);
        Self(digits)
    }
}

impl std::ops::Deref for Hex {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

/// The bytes of an `ObjectId` that name the process which made it (5 to 9 of 12).
static PROCESS: LazyLock<[u8; 5]> = LazyLock::new(|| process_of(ObjectId::new()));

fn process_of(id: ObjectId) -> [u8; 5] {
    let [_, _, _, _, process @ .., _, _, _] = id.bytes();
    process
}

impl MessageId {
    /// The first id that can be made at a time, in seconds since 1970.
    pub fn first_of(seconds: i64) -> Self {
        let seconds = u32::try_from(seconds.max(0)).unwrap_or(u32::MAX);
        let mut bytes = [0; 12];
        let (first, _) = bytes.split_at_mut(4);
        first.copy_from_slice(&seconds.to_be_bytes());
        Self(ObjectId::from_bytes(bytes))
    }

    /// Whether this process made it.
    pub fn is_of_this_process(self) -> bool {
        process_of(self.0) == *PROCESS
    }
}

impl ChatUserId {
    /// Whom a withheld message is addressed to: no chat user has the id of zeros.
    pub const NOBODY: Self = Self(ObjectId::from_bytes([0; 12]));
}

/// A position within a chat room: 1, 2, 3 … without a gap.
pub type Seq = i64;

/// One socket.io socket of this process, never reused while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketId(pub u64);

/// The key of a user in the application's own collection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserId {
    /// A MongoDB `ObjectId`; 24 hex digits on the wire.
    ObjectId(ObjectId),
    /// Any string, as it is.
    String(String),
    /// A whole number; a JSON number up to 2^53, a string beyond.
    Int(i64),
    /// A UUID (binary subtype 4); lower-case with hyphens on the wire.
    Uuid(bson::Uuid),
    /// A UUID of the old binary subtype 3, which says nothing about its byte order: it has
    /// that of subtype 4 everywhere but in the application's documents.
    LegacyUuid(bson::Uuid),
}

/// The largest integer every JSON reader holds exactly (2^53 − 1, RFC 8259 §6).
const LARGEST_EXACT_JSON_INTEGER: u64 = (1 << 53) - 1;

/// What the name of a chat user begins with who was erased.
pub(crate) const ERASED: &str = "erased:";

impl UserId {
    /// The name of a chat user who was erased: it says nothing of whom it was.
    pub fn erased(who: ChatUserId) -> Self {
        Self::String(format!("{ERASED}{who}"))
    }

    /// Reads such a name; `None` for anything else.
    pub fn parse_erased(text: &str) -> Option<Self> {
        ChatUserId::parse(text.strip_prefix(ERASED)?).map(Self::erased)
    }

    /// Whether this is such a name.
    pub fn is_erased(&self) -> bool {
        matches!(self, Self::String(text) if Self::parse_erased(text).is_some())
    }

    /// Takes the `_id` of a user, a legacy UUID in the byte order of subtype 4; `None` for
    /// types that cannot be one.
    pub fn from_bson(value: &Bson) -> Option<Self> {
        match value {
            Bson::ObjectId(id) => Some(Self::ObjectId(*id)),
            Bson::String(text) => Some(Self::String(text.clone())),
            Bson::Int32(number) => Some(Self::Int(i64::from(*number))),
            Bson::Int64(number) => Some(Self::Int(*number)),
            Bson::Double(number) => whole(*number).map(Self::Int),
            Bson::Binary(binary) => match binary.subtype {
                BinarySubtype::Uuid => binary.to_uuid().ok().map(Self::Uuid),
                BinarySubtype::UuidOld => binary
                    .to_uuid_with_representation(UuidRepresentation::PythonLegacy)
                    .ok()
                    .map(Self::LegacyUuid),
                _ => None,
            },
            _ => None,
        }
    }

    /// As [`UserId::from_bson`], for a value of the database.
    pub fn from_raw(value: RawBsonRef<'_>) -> Option<Self> {
        match value {
            RawBsonRef::ObjectId(id) => Some(Self::ObjectId(id)),
            RawBsonRef::String(text) => Some(Self::String(text.to_owned())),
            other => Self::from_bson(&Bson::try_from(other).ok()?),
        }
    }

    /// The id as a key of a JSON object, and in logs.
    pub fn to_key(&self) -> String {
        match self {
            Self::ObjectId(id) => id.to_hex(),
            Self::String(text) => text.clone(),
            Self::Int(number) => number.to_string(),
            Self::Uuid(id) | Self::LegacyUuid(id) => id.to_string(),
        }
    }
}

/// Turns a double that holds a whole number exactly into that number.
fn whole(number: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the round trip is checked")]
    let integer = number as i64;
    #[expect(clippy::cast_precision_loss, reason = "the round trip is checked")]
    let back = integer as f64;
    (back.to_bits() == number.to_bits()).then_some(integer)
}

impl From<UserId> for Bson {
    fn from(id: UserId) -> Self {
        match id {
            UserId::ObjectId(id) => Self::ObjectId(id),
            UserId::String(text) => Self::String(text),
            UserId::Int(number) => Self::Int64(number),
            UserId::Uuid(id) => Self::Binary(id.into()),
            UserId::LegacyUuid(id) => Self::Binary(Binary::from_uuid_with_representation(
                id,
                UuidRepresentation::PythonLegacy,
            )),
        }
    }
}

/// How ids look on the wire; documents use [`stored`] instead.
impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Int(number) if number.unsigned_abs() <= LARGEST_EXACT_JSON_INTEGER => {
                serializer.serialize_i64(*number)
            }
            Self::ObjectId(id) => serializer.serialize_str(&Hex::of(id.bytes())),
            Self::String(text) => serializer.serialize_str(text),
            other => serializer.serialize_str(&other.to_key()),
        }
    }
}

/// How a user's id stands in chatzz's own documents: as the application has it.
pub mod stored {
    use super::{Bson, Deserialize, Deserializer, Serialize, Serializer, UserId};

    /// Writes the id with its BSON type.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(id: &UserId, serializer: S) -> Result<S::Ok, S::Error> {
        Bson::from(id.clone()).serialize(serializer)
    }

    /// Reads an id of any of the types.
    ///
    /// # Errors
    /// When the value is of a type that no user id has.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UserId, D::Error> {
        let value = Bson::deserialize(deserializer)?;
        UserId::from_bson(&value).ok_or_else(|| super::not_an_id::<D>(&value))
    }
}

fn not_an_id<'de, D: Deserializer<'de>>(value: &Bson) -> D::Error {
    D::Error::custom(format_args!("a user id of type {:?}", value.element_type()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_shown_as_the_driver_shows_it() {
        let id = MessageId::generate();
        let driver = ObjectId::from_bytes(id.bytes());
        assert_eq!(*id.to_hex(), driver.to_hex());
        assert_eq!(id.to_string(), driver.to_string());
        let user = serde_json::to_value(UserId::ObjectId(driver)).unwrap();
        assert_eq!(user, driver.to_hex());
    }

    #[test]
    fn integers_of_every_bson_width_are_the_same_user() {
        for value in [Bson::Int32(7), Bson::Int64(7), Bson::Double(7.0)] {
            assert_eq!(UserId::from_bson(&value), Some(UserId::Int(7)));
        }
        assert_eq!(UserId::from_bson(&Bson::Double(7.5)), None);
        assert_eq!(UserId::from_bson(&Bson::Null), None);
    }

    #[test]
    fn integers_that_json_readers_would_round_travel_as_strings() {
        let json = |n| serde_json::to_string(&UserId::Int(n)).unwrap();
        assert_eq!(json(9_007_199_254_740_991), "9007199254740991");
        assert_eq!(json(9_007_199_254_740_992), "\"9007199254740992\"");
        assert_eq!(json(i64::MIN), "\"-9223372036854775808\"");
    }

    #[test]
    fn a_stored_id_keeps_its_bson_type() {
        #[derive(Serialize, Deserialize)]
        struct Holder {
            #[serde(with = "stored")]
            user: UserId,
        }
        for id in [
            UserId::ObjectId(ObjectId::new()),
            UserId::String("x".into()),
            UserId::Int(5),
            UserId::Uuid(bson::Uuid::new()),
            UserId::LegacyUuid(bson::Uuid::new()),
        ] {
            let bytes = bson::serialize_to_vec(&Holder { user: id.clone() }).unwrap();
            let raw: bson::Document = bson::deserialize_from_slice(&bytes).unwrap();
            assert_eq!(raw.get("user"), Some(&Bson::from(id.clone())));
            let back: Holder = bson::deserialize_from_slice(&bytes).unwrap();
            assert_eq!(back.user, id);
        }
    }
}
