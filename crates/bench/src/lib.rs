//! The pieces of work that every message costs, for `cargo bench` and for the
//! comparison with the committed figures.
//!
//! None of them waits for anything: they are the processor's work between a socket and the driver.

#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "the pieces are fixed: a failure is a mistake in this file"
)]

use std::hint::black_box;
use std::sync::Arc;

use bson::{DateTime, RawDocument, doc};
use chatzz::domain::{Counts, Message};
use chatzz::id::{ChatRoomId, ChatUserId, MessageId, UserId};
use chatzz::rooms::Stored;
use chatzz::service::{ContentRules, HistoryPage};
use chatzz::store::{FromRaw as _, User};
use chatzz::wire::{Dialect, Notice, PerDialect, Render as _, Reply, request};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// One piece of work.
pub struct Piece {
    /// Its name in the figures.
    pub name: &'static str,
    /// Does it once.
    pub work: Box<dyn FnMut()>,
}

impl Piece {
    fn new(name: &'static str, work: impl FnMut() + 'static) -> Self {
        Self {
            name,
            work: Box::new(work),
        }
    }
}

/// The yardstick of all figures: SHA-256 of 1 KiB, which no change of chatzz makes faster
/// or slower.
pub fn yardstick() -> Piece {
    let text = [7_u8; 1024];
    Piece::new("sha256 of 1 KiB", move || {
        black_box(Sha256::digest(black_box(&text)));
    })
}

/// The pieces, in the order in which a message goes through them.
pub fn pieces() -> Vec<Piece> {
    let payload = r#"{"userId":"65a000000000000000000001","message":"Good morning! Is the parcel there?","clientId":"0b9d2f7e-6d0c-4f3a-9d43-1f1d6f1f7b11"}"#;
    let payload: Box<RawValue> = RawValue::from_string(payload.to_owned()).unwrap();
    let stored = stored();
    let document = bson::serialize_to_vec(&stored.message).unwrap();
    let page = Reply::History(Arc::new(HistoryPage {
        messages: (0..100).map(|_| stored.clone()).collect(),
        has_more: true,
        sent_ranges: None,
    }));
    let message = stored.message.clone();
    // as in a server's default configuration
    let rules = ContentRules {
        max_chars: 4_000,
        max_data: 16 * 1024,
        kinds: None,
    };
    vec![
        Piece::new("decode send-message", move || {
            let decoded: request::SendMessage = request::decode(Some(black_box(&payload))).unwrap();
            black_box(decoded.into_draft(&rules).unwrap());
        }),
        Piece::new("message to BSON", move || {
            black_box(bson::serialize_to_vec(black_box(&message)).unwrap());
        }),
        Piece::new("message from BSON", move || {
            let document = RawDocument::from_bytes(black_box(&document)).unwrap();
            black_box(Message::from_raw(document).unwrap());
        }),
        Piece::new("message to JSON", {
            let stored = stored.clone();
            move || {
                black_box(black_box(&stored).render(Dialect::V3));
            }
        }),
        Piece::new("new-message envelope", {
            let stored: &Stored = Box::leak(Box::new(stored));
            let message = PerDialect::new(stored);
            message.json(Dialect::V3);
            move || {
                let notice = Notice::NewMessage(black_box(&message));
                black_box(notice.render(Dialect::V3));
            }
        }),
        Piece::new("page of 100 to JSON", move || {
            black_box(black_box(&page).render(Dialect::V3));
        }),
    ]
}

/// A message as it comes out of a lane.
fn stored() -> Stored {
    let user = |number: i64, name: &str| {
        let profile = doc! {
            "_id": number, "username": name, "avatar": "/images/people/0001.jpg", "city": "Utrecht",
        };
        Arc::new(User::present(UserId::Int(number), profile))
    };
    let at = DateTime::from_millis(1_700_000_000_000);
    let receiver = ChatUserId::generate();
    let message = Message {
        id: MessageId::generate(),
        chat_room: ChatRoomId::generate(),
        from: ChatUserId::generate(),
        to: receiver,
        message: "Good morning! Is the parcel there?".to_owned(),
        kind: None,
        data: None,
        created_at: at,
        seq: 4711,
        counts: Counts::new(2400, 2311),
        client_id: Some("0b9d2f7e-6d0c-4f3a-9d43-1f1d6f1f7b11".to_owned()),
        sent_at: Some(at),
        read_at: None,
        rev: None,
        redacted: false,
        asked: None,
        via: None,
    };
    Stored {
        delivery: message.born(),
        message,
        from: user(1, "alice"),
        to: user(2, "bob"),
        receiver,
        origin: None,
    }
}
