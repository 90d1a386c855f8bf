//! Ids as they are in the application's documents.

use bson::{Binary, Bson, RawBsonRef, Uuid, UuidRepresentation};

use crate::config::UuidOrder;
use crate::id::UserId;

/// Reads and writes ids of users in the application's documents, where UUIDs of binary
/// subtype 3 have the byte order of the driver that wrote them.
#[derive(Clone, Copy, Debug)]
pub(super) struct ApplicationIds(UuidRepresentation);

impl ApplicationIds {
    pub(super) fn new(order: UuidOrder) -> Self {
        Self(match order {
            UuidOrder::Standard => UuidRepresentation::PythonLegacy,
            UuidOrder::Java => UuidRepresentation::JavaLegacy,
            UuidOrder::CSharp => UuidRepresentation::CSharpLegacy,
        })
    }

    /// The id as the application stores it.
    pub(super) fn to_stored(self, id: UserId) -> Bson {
        match id {
            UserId::LegacyUuid(id) => Binary::from_uuid_with_representation(id, self.0).into(),
            other => other.into(),
        }
    }

    /// Takes an `_id` of the application; `None` for types that cannot be one, and for a
    /// text that is not UTF-8.
    pub(super) fn read(self, value: RawBsonRef<'_>) -> Option<UserId> {
        match self.legacy_uuid(value) {
            Some(id) => Some(UserId::LegacyUuid(id)),
            None => UserId::from_raw(value),
        }
    }

    /// A UUID of subtype 3; `None` for any other value.
    pub(super) fn legacy_uuid(self, value: RawBsonRef<'_>) -> Option<Uuid> {
        let RawBsonRef::Binary(binary) = value else {
            return None;
        };
        binary.to_binary().to_uuid_with_representation(self.0).ok()
    }
}

#[cfg(test)]
mod tests {
    use bson::RawBson;
    use bson::spec::BinarySubtype;

    use super::*;

    #[test]
    fn each_byte_order_is_that_of_its_driver() {
        let id = Uuid::parse_str("00112233-4455-6677-8899-aabbccddeeff").unwrap();
        // the three tables of the specification, "Handling of Native UUID Types"
        for (order, hex) in [
            (UuidOrder::Standard, "00112233445566778899aabbccddeeff"),
            (UuidOrder::Java, "7766554433221100ffeeddccbbaa9988"),
            (UuidOrder::CSharp, "33221100554477668899aabbccddeeff"),
        ] {
            let ids = ApplicationIds::new(order);
            let stored = Binary {
                subtype: BinarySubtype::UuidOld,
                bytes: hex::decode(hex).unwrap(),
            };
            let written = ids.to_stored(UserId::LegacyUuid(id));
            assert_eq!(written, Bson::Binary(stored.clone()), "{order:?}");
            let raw = RawBson::Binary(stored);
            let read = ids.read(raw.as_raw_bson_ref());
            assert_eq!(read, Some(UserId::LegacyUuid(id)), "{order:?}");
        }
    }

    #[test]
    fn other_ids_are_as_in_our_documents() {
        let ids = ApplicationIds::new(UuidOrder::Java);
        for id in [UserId::Uuid(Uuid::new()), UserId::Int(7)] {
            let written = ids.to_stored(id.clone());
            assert_eq!(written, Bson::from(id.clone()));
            let raw = RawBson::try_from(written).unwrap();
            assert_eq!(ids.read(raw.as_raw_bson_ref()), Some(id));
        }
    }
}
