//! Bytes where chatzz expects documents of its own: read, or refused, never a panic;
//! and a message that was read is read as the same once it is stored again.
//!
//! ```sh
//! cargo install cargo-fuzz && cargo +nightly fuzz run documents -- -max_total_time=600
//! ```

#![no_main]

use bson::RawDocument;
use chatzz::domain::Message;
use chatzz::store::{ChatRoom, ChatUser, FromRaw as _};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = RawDocument::from_bytes(bytes) else {
        return; // the driver refuses what is no BSON
    };
    let _ = ChatRoom::from_raw(document);
    let _ = ChatUser::from_raw(document);
    let Ok(message) = Message::from_raw(document) else {
        return;
    };
    let stored = bson::serialize_to_vec(&message).unwrap();
    let again = Message::from_raw(RawDocument::from_bytes(&stored).unwrap()).unwrap();
    assert_eq!(bson::serialize_to_vec(&again).unwrap(), stored);
});
