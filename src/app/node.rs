//! The node's name.

use std::net::SocketAddr;

use crate::config::Config;

/// `CHATZZ_NODE_ID`, else `<host>:<port>`: two servers of one host never hold
/// the same port, so the name is a server's own.
pub(super) fn name(config: &Config, addr: SocketAddr) -> String {
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
