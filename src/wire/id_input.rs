//! Ids of users as clients write them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::service::IdInput;

/// Longest user id that is looked up, as text.
const MAX_ID_BYTES: usize = 1_024;

impl Serialize for IdInput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_i64(*number),
        }
    }
}

impl<'de> Deserialize<'de> for IdInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = IdInput;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string or an integer")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<IdInput, E> {
                if text.len() > MAX_ID_BYTES {
                    return Err(E::custom(format!("is longer than {MAX_ID_BYTES} bytes")));
                }
                if text.chars().any(char::is_control) {
                    return Err(E::custom("must not hold control characters"));
                }
                Ok(IdInput::Text(text.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<IdInput, E> {
                Ok(IdInput::Number(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<IdInput, E> {
                // outside the range of any stored integer: it belongs to nobody
                Ok(i64::try_from(number)
                    .map_or_else(|_| IdInput::Text(number.to_string()), IdInput::Number))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
