//! The bounds of one message, and how many messages one answer contains.

use super::kinds::{self, Kinds};
use super::parse::{ByteSize, within};

/// The most bytes a message's text can have, whatever is configured: 64 KiB.
pub const MESSAGE_MAX_BYTES: usize = 65_536;

section! {
    /// The bounds of one message.
    pub struct MessagesConfig in "Messages" {
        /// The most characters (Unicode scalar values) of a message.
        /// Write what the front end allows; in addition, 64 KiB of UTF-8 is the limit.
        max_chars: usize =
            key("CHATZZ_MESSAGE_MAX_CHARS", "characters", default("4000"), within("1", "65536")),
        /// The kinds of messages that there are beside plain text.
        /// A JSON file: an object with the JSON Schema of each kind's `data`. Write it when your
        /// front end shows more than text, such as a place or an order. Without it, no message may
        /// have a `kind`.
        kinds: Option<Kinds> =
            key("CHATZZ_KINDS_FILE", "path", unset("none", None, "/etc/chatzz/kinds.json"),
                kinds::file),
        /// The longest `data` of a message, as JSON text.
        /// Lower it when your kinds need less.
        max_data: ByteSize =
            key("CHATZZ_DATA_MAX", "bytes", default("16KiB"), within("64B", "64KiB")),
    }
}

section! {
    /// How many messages one answer contains.
    pub struct PagingConfig in "Messages" {
        /// The number of messages of a history page when the client does not specify it.
        /// Write what the front end shows at once; at most `CHATZZ_HISTORY_MAX`.
        history_default: u32 =
            key("CHATZZ_HISTORY_DEFAULT", "messages", default("100"), within("1", "5000")),
        /// The most messages of a history page.
        /// Lower it to bound the work of one request.
        history_max: u32 =
            key("CHATZZ_HISTORY_MAX", "messages", default("500"), within("1", "5000")),
        /// The most missed messages of one contact at a login; clients fetch the rest as history.
        /// Lower it when logins are slow; at most `CHATZZ_MISSED_TOTAL`.
        missed_per_contact: u32 =
            key("CHATZZ_MISSED_PER_CONTACT", "messages", default("200"), within("1", "5000")),
        /// The most missed messages of all contacts at a login.
        /// Lower it when logins are slow.
        missed_total: u32 =
            key("CHATZZ_MISSED_TOTAL", "messages", default("1000"), within("1", "5000")),
    }
    check(keys) {
        keys.refuse_above(
            ("CHATZZ_HISTORY_DEFAULT", &history_default),
            ("CHATZZ_HISTORY_MAX", &history_max),
        );
        keys.refuse_above(
            ("CHATZZ_MISSED_PER_CONTACT", &missed_per_contact),
            ("CHATZZ_MISSED_TOTAL", &missed_total),
        );
    }
}
