//! Every document that an application may keep as a user: shown as plain JSON, what has
//! no such form left out, never a panic.
//!
//! ```sh
//! cargo install cargo-fuzz && cargo +nightly fuzz run users -- -max_total_time=600
//! ```

#![no_main]

use bson::Document;
use chatzz::id::UserId;
use chatzz::store::User;
use chatzz::wire::user_details;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::from_reader(bytes) else {
        return; // the driver refuses what is no BSON
    };
    let id = document.get("_id").and_then(UserId::from_bson);
    let id = id.unwrap_or(UserId::Int(1));
    let user = User::present(id.clone(), document);
    let shown: Map<String, Value> = serde_json::from_str(user_details(&user).get()).unwrap();
    assert_eq!(shown["_id"], serde_json::to_value(&id).unwrap());
});
