//! The node's name, and what others learn of it.

use std::net::SocketAddr;

use crate::clock::Clock;
use crate::config::Config;
use crate::service::Holder;
use crate::store::NO_BUS;

/// Who takes the lease of this process.
pub(super) fn holder(config: &Config, addr: SocketAddr, clock: Clock) -> Holder {
    Holder {
        id: name(config, addr),
        bus: config.nats.digest().unwrap_or_else(|| NO_BUS.to_owned()),
        length: config.presence.lease,
        clock,
    }
}

/// `CHATZZ_NODE_ID`, else `<host>:<port>`: two servers of one host never hold
/// the same port, so the name is a server's own.
fn name(config: &Config, addr: SocketAddr) -> String {
    config
        .presence
        .node_id
        .clone()
        .unwrap_or_else(|| format!("{}:{}", host(), addr.port()))
}

#[cfg(unix)]
fn host() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(not(unix))]
fn host() -> String {
    "localhost".to_owned()
}
