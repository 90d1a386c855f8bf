//! A TCP proxy inside the test process that misbehaves on order.
//!
//! One [`Proxy`] per link. It listens on 127.0.0.1, connects each client to its target, and treats
//! the bytes of each direction as told, also those of connections that are open already. It ends
//! with its drop, and all its connections with it.

mod connection;
mod fault;
mod link;
mod mongo;
mod pump;
mod queue;
mod trials;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::{JoinHandle, JoinSet};

pub(crate) use fault::{Direction, Flow, LostReplies};
pub(crate) use trials::trials;

use fault::Settings;
use link::Link;

/// The most connections open at a time; further ones are reset.
const MAX_CONNECTIONS: usize = 10_000;

/// How to open a [`Proxy`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// The port to listen on, default 0: any.
    pub(crate) port: u16,
    /// What jitter and cuts are drawn from, default 0.
    ///
    /// The draws depend on it and on the number of the connection, in the order of accepting.
    pub(crate) seed: u64,
    /// The target speaks the wire protocol of `MongoDB`, so replies can be lost; default false.
    pub(crate) mongo: bool,
    /// Bytes that the kernel may hold of what the target sends, default as the system has it:
    /// megabytes, which hide a stall for long.
    pub(crate) receive_buffer: Option<u32>,
}

/// A link that can be made to fail.
#[derive(Debug)]
pub(crate) struct Proxy {
    addr: SocketAddr,
    link: Arc<Link>,
    acceptor: JoinHandle<()>,
}

impl Proxy {
    /// Opens a link to `target` on any port. To be called inside a tokio runtime.
    pub(crate) fn start(target: SocketAddr) -> io::Result<Self> {
        Self::start_with(target, Options::default())
    }

    /// Opens a link to a `mongod` on any port: replies can be lost.
    pub(crate) fn to_mongod(target: SocketAddr, seed: u64) -> io::Result<Self> {
        let options = Options {
            seed,
            mongo: true,
            ..Options::default()
        };
        Self::start_with(target, options)
    }

    /// Opens a link to `target`.
    pub(crate) fn start_with(target: SocketAddr, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let addr = listener.local_addr()?;
        let settings = Settings::new(target);
        let link = Arc::new(Link::new(settings, options));
        let acceptor = tokio::spawn(accept(listener, Arc::clone(&link)));
        Ok(Self {
            addr,
            link,
            acceptor,
        })
    }

    /// Where clients connect to.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends new connections to another target; open ones stay where they are.
    pub(crate) fn set_target(&self, target: SocketAddr) {
        self.set(|settings| settings.target = target);
    }

    /// Treats the bytes of one direction as `flow` says, of open connections too.
    ///
    /// Bytes that were held back by the flow before are sent at once.
    pub(crate) fn flow(&self, direction: Direction, flow: Flow) {
        self.set(|settings| settings.flows[direction.index()] = flow);
    }

    /// Treats both directions so.
    pub(crate) fn flow_both(&self, flow: Flow) {
        self.set(|settings| settings.flows = [flow; 2]);
    }

    /// Resets new connections at once (`true`), or accepts them again.
    pub(crate) fn refuse(&self, refuse: bool) {
        self.set(|settings| settings.refuse = refuse);
    }

    /// Resets all open connections (RST to both ends).
    pub(crate) fn reset(&self) {
        self.set(|settings| settings.resets += 1);
    }

    /// Ends one direction of all open connections: its receiver sees the end of the stream, its
    /// sender notices nothing. The other direction goes on.
    pub(crate) fn half_close(&self, direction: Direction) {
        self.set(|settings| settings.half_closes[direction.index()] += 1);
    }

    /// Resets each open connection after so many more bytes in a direction, drawn from `after` for
    /// each.
    pub(crate) fn cut(&self, direction: Direction, after: RangeInclusive<u64>) {
        self.set(|settings| {
            let cut = &mut settings.cuts[direction.index()];
            *cut = (cut.0 + 1, after);
        });
    }

    /// Loses replies as planned, in place of an earlier plan.
    ///
    /// # Panics
    /// Panics if the link was not opened for a `mongod`.
    pub(crate) fn lose_replies(&self, plan: LostReplies) {
        assert!(self.link.mongo, "only a link to a mongod can lose replies");
        self.link.plan(Some(plan));
    }

    /// Ends every fault. What was counted stays.
    pub(crate) fn heal(&self) {
        self.link.plan(None);
        self.set(|settings| {
            settings.flows = [Flow::Pass; 2];
            settings.refuse = false;
        });
    }

    /// How many replies were lost; each was swallowed whole.
    pub(crate) fn lost_replies(&self) -> u64 {
        self.link.lost_replies.load(Ordering::Relaxed)
    }

    /// How many connections were reset deliberately, including refused ones and lost replies.
    pub(crate) fn resets(&self) -> u64 {
        self.link.resets.load(Ordering::Relaxed)
    }

    /// How many connections were accepted so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.link.accepted.load(Ordering::Relaxed)
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.link.open.load(Ordering::Relaxed)
    }

    fn set(&self, change: impl FnOnce(&mut Settings)) {
        self.link.settings.send_modify(change);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// Accepts clients until it is aborted, which ends all connections.
async fn accept(listener: tokio::net::TcpListener, link: Arc<Link>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else {
                    // Out of descriptors, or the client has disconnected already.
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                    continue;
                };
                let number = link.accepted.fetch_add(1, Ordering::Relaxed);
                if connections.len() < MAX_CONNECTIONS {
                    connections.spawn(connection::serve(Arc::clone(&link), client, number));
                } else {
                    connection::reset(client);
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
