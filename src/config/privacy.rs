//! Who may write to whom.

use std::time::Duration;

use super::contact_rule::{self, ContactRule};
use super::parse;
use super::reader::Reader;

/// Who may write to whom.
#[derive(Debug, Clone)]
pub struct PrivacyConfig {
    /// How long the block list and whitelist of somebody are believed.
    ///
    /// `CHATZZ_PRIVACY_CACHE`, default `10s`, duration. Lower it when what is blocked at
    /// another node must show sooner; what is blocked at this one shows at once.
    pub cache: Duration,
    /// What becomes of a message to somebody who has blocked its sender.
    ///
    /// `CHATZZ_BLOCKED_SENDS`, default `refuse`, choice. Set it to `withhold` when a
    /// sender is not to learn that he is blocked.
    pub blocked_sends: BlockedSends,
    /// What the application's data has to say before somebody may write.
    ///
    /// `CHATZZ_CONTACT_RULE`, default: none; everybody may write to everybody, JSON. Set
    /// it when the application knows friendships, orders or matches.
    pub contact_rule: Option<ContactRule>,
    /// How long an answer of the contact rule is believed when messages are sent.
    ///
    /// `CHATZZ_CONTACT_RULE_CACHE`, default `30s`, duration. Lower it when the end of a
    /// friendship must show sooner; `0` asks every time. `add-chat-user` always asks.
    pub contact_rule_cache: Duration,
}

/// What becomes of a message to somebody who has blocked its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockedSends {
    /// It is answered `blocked`, and stored nowhere.
    Refuse,
    /// Its sender sees it `sent`, and the receiver never sees it.
    Withhold,
}

impl PrivacyConfig {
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let cache = keys.read("CHATZZ_PRIVACY_CACHE", |text| {
            parse::duration(text, Duration::from_millis(10)..=Duration::from_mins(5))
        });
        let blocked_sends = keys.read("CHATZZ_BLOCKED_SENDS", |text| {
            let known = [
                ("refuse", BlockedSends::Refuse),
                ("withhold", BlockedSends::Withhold),
            ];
            parse::choice(text, &known)
        });
        let contact_rule = keys.read_set("CHATZZ_CONTACT_RULE", contact_rule::parse);
        let contact_rule_cache = keys.read("CHATZZ_CONTACT_RULE_CACHE", |text| {
            parse::duration(text, Duration::ZERO..=Duration::from_hours(1))
        });
        Some(Self {
            cache: cache?,
            blocked_sends: blocked_sends?,
            contact_rule: contact_rule.ok()?,
            contact_rule_cache: contact_rule_cache?,
        })
    }
}
