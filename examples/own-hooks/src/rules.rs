//! What this deployment decides.

use std::sync::atomic::{AtomicU64, Ordering};

use chatzz::hooks::{Answer, BeforeSend, Hook, Hooks, Refusal, SendVerdict, StoredMessage};
use serde_json::json;

/// Words that nobody is to read.
const SWEAR_WORDS: [&str; 2] = ["darn", "heck"];

/// Refuses links, replaces swear words, counts what is stored.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    stored: AtomicU64,
}

impl Hooks for Rules {
    // what is not asked costs nothing
    fn asks(&self, hook: Hook) -> bool {
        hook == Hook::BeforeSend
    }

    fn before_send<'a>(&'a self, asked: &'a BeforeSend) -> Answer<'a, SendVerdict> {
        // a real one might ask a classifier here, and answer `Err(CannotAsk)` without it
        Box::pin(async move { Ok(decide(&asked.message)) })
    }

    fn stored(&self, message: &StoredMessage<'_>) {
        let stored = self.stored.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::info!(stored, seq = message.seq, "a message was stored");
    }
}

fn decide(text: &str) -> SendVerdict {
    if text.contains("://") {
        let meta = json!({ "rule": "links" }).as_object().cloned();
        return SendVerdict::Refuse(Refusal::new("Please do not send links.").with_meta(meta));
    }
    let mut clean = text.to_owned();
    for word in SWEAR_WORDS {
        clean = clean.replace(word, "***");
    }
    if clean == text {
        SendVerdict::Allow
    } else {
        SendVerdict::Replace(clean)
    }
}
