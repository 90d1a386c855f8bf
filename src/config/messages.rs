//! The bounds of one message, and how many of them one answer holds.

use super::parse;
use super::reader::Reader;

/// The most bytes a message's text can have, whatever is configured: 64 KiB.
pub const MESSAGE_MAX_BYTES: usize = 65_536;

/// The most messages one answer can be told to hold.
const PAGE_MAX: u32 = 5_000;

/// The bounds of one message.
#[derive(Debug, Clone)]
pub struct MessagesConfig {
    /// The most characters (Unicode scalar values) of a message's text.
    ///
    /// `CHATZZ_MESSAGE_MAX_CHARS`, default `4000`, characters. Change it to what the
    /// front end allows; [`MESSAGE_MAX_BYTES`] holds besides.
    pub max_chars: usize,
}

/// How many messages one answer holds.
#[derive(Debug, Clone)]
pub struct PagingConfig {
    /// The messages of a history page when the client does not say.
    ///
    /// `CHATZZ_HISTORY_DEFAULT`, default `100`, messages. Change it to what the front
    /// end shows at once; at most `CHATZZ_HISTORY_MAX`.
    pub history_default: u32,
    /// The most messages of a history page.
    ///
    /// `CHATZZ_HISTORY_MAX`, default `500`, messages. Lower it to bound the work of one
    /// request.
    pub history_max: u32,
    /// The most missed messages of one contact at a login.
    ///
    /// `CHATZZ_MISSED_PER_CONTACT`, default `200`, messages. Lower it when logins are
    /// slow; the rest is fetched as history. At most `CHATZZ_MISSED_TOTAL`.
    pub missed_per_contact: u32,
    /// The most missed messages of all contacts at a login.
    ///
    /// `CHATZZ_MISSED_TOTAL`, default `1000`, messages. Lower it when logins are slow.
    pub missed_total: u32,
}

impl MessagesConfig {
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let max_chars = keys.read("CHATZZ_MESSAGE_MAX_CHARS", |text| {
            parse::number(text, 1..=MESSAGE_MAX_BYTES)
        });
        Some(Self {
            max_chars: max_chars?,
        })
    }
}

impl PagingConfig {
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let page = |text: &str| parse::number(text, 1..=PAGE_MAX);
        let history_default = keys.read("CHATZZ_HISTORY_DEFAULT", page);
        let history_max = keys.read("CHATZZ_HISTORY_MAX", page);
        let missed_per_contact = keys.read("CHATZZ_MISSED_PER_CONTACT", page);
        let missed_total = keys.read("CHATZZ_MISSED_TOTAL", page);
        let history = history_default.zip(history_max);
        refuse_more(
            keys,
            "CHATZZ_HISTORY_DEFAULT",
            "CHATZZ_HISTORY_MAX",
            history,
        );
        let missed = missed_per_contact.zip(missed_total);
        refuse_more(
            keys,
            "CHATZZ_MISSED_PER_CONTACT",
            "CHATZZ_MISSED_TOTAL",
            missed,
        );
        Some(Self {
            history_default: history_default?,
            history_max: history_max?,
            missed_per_contact: missed_per_contact?,
            missed_total: missed_total?,
        })
    }
}

/// Notes a first number above the second.
fn refuse_more(keys: &mut Reader<'_>, small: &str, large: &str, read: Option<(u32, u32)>) {
    if let Some((some, most)) = read
        && some > most
    {
        keys.refuse(
            format!("{small} and {large}"),
            format!("{some} is more than {most}; lower the first or raise the second"),
        );
    }
}
