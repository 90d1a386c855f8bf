//! How much may come in, and what happens to peers that misbehave.

mod abuse;
mod address;
mod bodies;
mod browser;
mod details;
mod errors;
mod peers;
mod rates;
mod sockets;

use crate::support::server::Server;

/// A server with the limits on.
async fn limited(keys: &[(&str, &str)]) -> Server {
    let mut all = vec![("CHATZZ_RATE_LIMITS", "on")];
    all.extend(keys);
    Server::with(&all).await
}
