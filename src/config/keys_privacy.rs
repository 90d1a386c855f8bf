//! The keys of who may write to whom.

use super::key::{Key, key, text, told};

/// The keys of block lists and of the contact rule.
pub(super) const PRIVACY: &[Key] = &[
    key(
        "CHATZZ_PRIVACY_COLLECTION",
        text("chatprivacy"),
        "name",
        "The collection of block lists and whitelists.",
    ),
    key(
        "CHATZZ_PRIVACY_CACHE",
        text("10s"),
        "duration",
        "How long a block at another node may stay unnoticed at this one; its own are known at once.",
    ),
    key(
        "CHATZZ_BLOCKED_SENDS",
        text("refuse"),
        "choice",
        "A message to somebody who blocked its sender: `refuse` it, or `withhold` it, which then looks sent to its sender.",
    ),
    key(
        "CHATZZ_CONTACT_RULE",
        told(
            "none; everybody may write to everybody",
            r#"'{"collection":"friendships","filter":{"user":"$from","friend":"$to","accepted":true}}'"#,
        ),
        "JSON",
        "Who may write to whom: a collection of the application, and what a document of it must say.",
    ),
    key(
        "CHATZZ_CONTACT_RULE_CACHE",
        text("30s"),
        "duration",
        "How long an answer of the contact rule is believed when messages are sent. 0 asks every time.",
    ),
];
