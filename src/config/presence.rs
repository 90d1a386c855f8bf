//! Presence, and the node that reports it.

use std::time::Duration;

use super::parse::{Parsed, Refusal, shown, within};

/// The longest name of a node, in characters.
const MAX_NODE_ID: usize = 128;

section! {
    /// Presence, and the node that reports it.
    pub struct PresenceConfig in "Presence" {
        /// How long a lost connection may take to come back before contacts are notified.
        /// Raise it when reloads of the front end take longer; `0` announces it at once.
        offline_grace: Duration =
            key("CHATZZ_OFFLINE_GRACE", "duration", default("1s"), within("0s", "1m")),
        /// The name of this process among the nodes.
        /// Set it when several share host name and port, as in containers with equal host names.
        node_id: Option<String> =
            key("CHATZZ_NODE_ID", "text", unset("host and port", None, "chat-1"), node_id),
        /// How long a silent server still counts as alive.
        /// Raise it when the database can stall for longer.
        lease: Duration = key("CHATZZ_LEASE", "duration", default("15s"), within("3s", "10m")),
    }
}

fn node_id(text: &str) -> Parsed<String> {
    let printable = text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if printable && (1..=MAX_NODE_ID).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(Refusal::new(format!(
            "{} cannot be used; write 1 to {MAX_NODE_ID} printable ASCII characters, or remove the key",
            shown(text)
        )))
    }
}
