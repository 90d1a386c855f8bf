//! Free ports for a managed mongod or nats-server.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};

use super::start_error::StartError;

/// Ports to pick from: below the range from which Linux gives outgoing connections their ports.
///
/// A client that retries a dead port of that range can connect to itself and so occupy the port.
const PICKED_PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Picks a port at random that is free on `ip` at this moment.
pub(crate) fn pick(ip: Ipv4Addr) -> Result<u16, StartError> {
    let size = u128::from(PICKED_PORTS.end - PICKED_PORTS.start);
    for _ in 0..100 {
        let offset = u16::try_from(uuid::Uuid::new_v4().as_u128() % size).unwrap_or_default();
        let port = PICKED_PORTS.start + offset;
        if is_free(SocketAddrV4::new(ip, port))? {
            return Ok(port);
        }
    }
    Err(StartError::NoFreePort(ip))
}

/// Tells whether nothing listens on `address`.
pub(super) fn is_free(address: SocketAddrV4) -> Result<bool, StartError> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(false),
        Err(source) => Err(StartError::Listen { address, source }),
    }
}
