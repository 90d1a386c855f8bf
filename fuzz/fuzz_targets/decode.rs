//! Every payload of every event: decoded or refused, never a panic.
//!
//! ```sh
//! cargo install cargo-fuzz && cargo +nightly fuzz run decode -- -max_total_time=600
//! ```
//!
//! The corpus begins with the payloads of `fixtures/abuse.jsonl` and one good payload of
//! each event; what the fuzzer adds is kept beside them.

#![no_main]

use chatzz::service::{ActiveQuery, HistoryQuery, Receipt};
use chatzz::wire::request::{
    AddChatUser, BlockUser, ConnectUser, GetActiveUsers, GetBlockedUsers, GetOldMessages,
    MessageDelivered, MessageRead, RefreshToken, SendMessage, SetPrivacy, Signal, Typing, decode,
};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|text: &str| {
    let Ok(payload) = RawValue::from_string(text.to_owned()) else {
        return; // the transport refuses what is no JSON
    };
    let payload = Some(&*payload);
    let _ = decode::<ConnectUser>(payload);
    let _ = decode::<AddChatUser>(payload);
    let _ = decode::<BlockUser>(payload);
    let _ = decode::<GetBlockedUsers>(payload);
    let _ = decode::<SetPrivacy>(payload);
    let _ = decode::<RefreshToken>(payload);
    let _ = decode::<Typing>(payload);
    let _ = decode::<Signal>(payload);
    let _ = decode::<GetActiveUsers>(payload).map(ActiveQuery::from);
    let _ = decode::<SendMessage>(payload).and_then(|request| request.into_draft(4_000));
    let _ = decode::<GetOldMessages>(payload).map(HistoryQuery::from);
    let _ = decode::<MessageRead>(payload).and_then(Receipt::try_from);
    let _ = decode::<MessageDelivered>(payload).and_then(Receipt::try_from);
});
