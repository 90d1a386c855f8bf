//! Who may write to whom.

use std::time::Duration;

use super::contact_rule::{self, ContactRule};
use super::parse::{choice, within};

section! {
    /// Who may write to whom.
    pub struct PrivacyConfig in "Privacy" {
        /// How long a block made at another server may take, at most, to apply at this one.
        /// Blocks made at this one apply at once.
        cache: Duration =
            key("CHATZZ_PRIVACY_CACHE", "duration", default("10s"), within("10ms", "5m")),
        /// What happens to a message to somebody who has blocked its sender.
        /// `refuse` answers `blocked`. With `withhold` it looks sent to its sender, who does not
        /// learn of the block, and the receiver never sees it.
        blocked_sends: BlockedSends =
            key("CHATZZ_BLOCKED_SENDS", "`refuse` or `withhold`", default("refuse"),
                choice(&BlockedSends::NAMES)),
        /// Who may write to whom: a collection of the application, and what its document must match.
        /// Set it when the application knows friendships, orders or matches.
        contact_rule: Option<ContactRule> =
            key("CHATZZ_CONTACT_RULE", "JSON",
                unset("none; everybody may write to everybody", None, r#"{"collection":"friendships","filter":{"user":"$from","friend":"$to","accepted":true}}"#),
                contact_rule::parse),
        /// How long an answer of the contact rule is cached when messages are sent.
        /// Lower it when the end of a friendship must apply sooner; `0` asks every time.
        /// `add-chat-user` always asks.
        contact_rule_cache: Duration =
            key("CHATZZ_CONTACT_RULE_CACHE", "duration", default("30s"), within("0s", "1h")),
    }
}

/// What happens to a message to somebody who has blocked its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockedSends {
    /// It is answered `blocked`, and stored nowhere.
    Refuse,
    /// Its sender sees it as `sent`, and the receiver never sees it.
    Withhold,
}

impl BlockedSends {
    const NAMES: [(&str, Self); 2] = [("refuse", Self::Refuse), ("withhold", Self::Withhold)];
}
