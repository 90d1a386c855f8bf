//! The way to close one TCP connection from elsewhere.

use std::sync::Arc;

use dashmap::DashMap;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Found in the extensions of the requests that came over the connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transport(CancellationToken);

impl Transport {
    /// Closes the connection: reads and writes fail from now on.
    pub(crate) fn close(&self) {
        self.0.cancel();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Resolves once the connection was closed.
    pub(crate) fn closed(&self) -> WaitForCancellationFutureOwned {
        self.0.clone().cancelled_owned()
    }
}

/// Websockets that sessions begun by polling were upgraded to, by session id.
///
/// socketioxide remembers the first request of a session only, and that one's
/// connection is not the one that carries an upgraded session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Upgrades(Arc<DashMap<String, Transport>>);

impl Upgrades {
    /// Notes an upgrade; forgotten when the guard is dropped, which is to be
    /// put into the request's extensions: they live as long as the websocket.
    pub(crate) fn note(&self, session: String, transport: Transport) -> UpgradeGuard {
        self.0.insert(session.clone(), transport);
        UpgradeGuard(Arc::new(Noted {
            upgrades: self.clone(),
            session,
        }))
    }

    /// The websocket of an upgraded session.
    pub(crate) fn get(&self, session: &str) -> Option<Transport> {
        self.0.get(session).map(|transport| transport.clone())
    }
}

/// Keeps an upgrade known.
#[derive(Clone, Debug)]
pub(crate) struct UpgradeGuard(#[expect(dead_code, reason = "held for its drop")] Arc<Noted>);

#[derive(Debug)]
struct Noted {
    upgrades: Upgrades,
    session: String,
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.upgrades.0.remove(&self.session);
    }
}
