//! Who is online, and which node says so.

use std::time::Duration;

use super::parse::{self, Parsed, Refusal, shown};
use super::reader::Reader;

/// The longest name of a node, in characters.
const NODE_ID_MAX: usize = 128;

/// Who is online, and which node says so.
#[derive(Debug, Clone)]
pub struct PresenceConfig {
    /// How long a lost connection may come back before contacts hear of it.
    ///
    /// `CHATZZ_OFFLINE_GRACE`, default `1s`, duration. Raise it when reloads of the
    /// front end take longer; `0` tells at once.
    pub offline_grace: Duration,
    /// The name of this process among the nodes; `None` leaves it to the server.
    ///
    /// `CHATZZ_NODE_ID`, default: host and port, text. Change it when several nodes
    /// share both, as in containers with equal host names.
    pub node_id: Option<String>,
    /// How long a node that is silent still counts as alive.
    ///
    /// `CHATZZ_LEASE`, default `15s`, duration. Raise it when the database stands still
    /// for longer; at least `3s`.
    pub lease: Duration,
}

impl PresenceConfig {
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let offline_grace = keys.read("CHATZZ_OFFLINE_GRACE", |text| {
            parse::duration(text, Duration::ZERO..=Duration::from_mins(1))
        });
        let node_id = keys.read_set("CHATZZ_NODE_ID", node_id);
        let lease = keys.read("CHATZZ_LEASE", |text| {
            parse::duration(text, Duration::from_secs(3)..=Duration::from_mins(10))
        });
        Some(Self {
            offline_grace: offline_grace?,
            node_id: node_id.ok()?,
            lease: lease?,
        })
    }
}

fn node_id(text: &str) -> Parsed<String> {
    let printable = text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if printable && (1..=NODE_ID_MAX).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(Refusal::new(format!(
            "{} does not do; write 1 to {NODE_ID_MAX} printable ASCII characters, or remove the key",
            shown(text)
        )))
    }
}
