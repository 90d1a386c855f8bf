//! One socket.io client, as little of it as a load needs.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use chatzz_dev::frames::{self, Packet, Utf8Bytes};
use clap::Args;
use tokio::net::TcpSocket;
use tokio::time::timeout;

use super::user;

/// How long any single answer may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// Which server, and how to speak to it.
#[derive(Args, Clone, Debug)]
pub(crate) struct Target {
    /// Where the server listens
    #[arg(long, default_value = "127.0.0.1:3000")]
    pub(crate) addr: SocketAddr,
    /// The revision of Engine.IO: 4 or 3
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(3..=4))]
    pub(crate) eio: u8,
    /// The path of the socket.io endpoint
    #[arg(long, default_value = "/socket.io")]
    pub(crate) path: String,
    /// The server is the Node peer: its answers differ a little
    #[arg(long)]
    pub(crate) peer: bool,
}

/// The server answered an event with an error.
#[derive(Debug, thiserror::Error)]
#[error("{event} was refused: {answer}")]
pub(crate) struct Refused {
    /// The event.
    event: &'static str,
    /// The arguments of the ack.
    pub(crate) answer: String,
}

/// A connected client.
#[derive(Debug)]
pub(crate) struct Socket {
    frames: frames::Socket,
    calls: u64,
}

/// Ack ids of [`Socket::call`] begin here, beyond those of any run's messages.
const CALLS: u64 = 1 << 48;

impl Socket {
    /// Connects, from an address of its own if one is given, and joins the namespace.
    pub(crate) async fn connect(target: &Target, from: Option<Ipv4Addr>) -> anyhow::Result<Self> {
        timeout(PATIENCE, Self::open(target, from, None, ""))
            .await
            .context("connecting took too long")?
    }

    /// The same with so many bytes for what the system has received and nobody read.
    pub(crate) async fn connect_reading(
        target: &Target,
        from: Option<Ipv4Addr>,
        buffer: u32,
    ) -> anyhow::Result<Self> {
        timeout(PATIENCE, Self::open(target, from, Some(buffer), ""))
            .await
            .context("connecting took too long")?
    }

    /// Connects, with this JSON beside CONNECT.
    pub(crate) async fn connect_with(target: &Target, auth: &str) -> anyhow::Result<Self> {
        timeout(PATIENCE, Self::open(target, None, None, auth))
            .await
            .context("connecting took too long")?
    }

    async fn open(
        target: &Target,
        from: Option<Ipv4Addr>,
        buffer: Option<u32>,
        auth: &str,
    ) -> anyhow::Result<Self> {
        let tcp = TcpSocket::new_v4()?;
        if let Some(buffer) = buffer {
            tcp.set_recv_buffer_size(buffer)?;
        }
        if let Some(from) = from {
            tcp.bind((from, 0).into())?;
        }
        let tcp = tcp.connect(target.addr).await.context("connecting")?;
        let endpoint = format!("{}{}", target.addr, target.path);
        Ok(Self {
            frames: frames::Socket::open(tcp, &endpoint, target.eio, auth).await?,
            calls: CALLS,
        })
    }

    /// Waits for the next packet; pings are answered and made here. May be dropped.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Utf8Bytes> {
        Ok(self.frames.next().await?)
    }

    /// The next packet if it is here already.
    pub(crate) async fn next_if_there(&mut self) -> anyhow::Result<Option<Utf8Bytes>> {
        Ok(self.frames.next_if_there().await?)
    }

    /// Writes a packet into the buffer of the connection; see [`Socket::flush`].
    pub(crate) async fn feed(&mut self, packet: String) -> anyhow::Result<()> {
        Ok(self.frames.feed(packet).await?)
    }

    /// Sends what was fed.
    pub(crate) async fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.frames.flush().await?)
    }

    /// Emits an event and waits for its ack; other packets go to `events`.
    ///
    /// # Errors
    /// [`Refused`] inside when the first argument of the ack is not `null`.
    pub(crate) async fn call(
        &mut self,
        event: &'static str,
        payload: &str,
        mut events: impl FnMut(&str) + Send,
    ) -> anyhow::Result<Utf8Bytes> {
        self.calls += 1;
        let wanted = self.calls;
        let packet = format!("42{wanted}[\"{event}\",{payload}]");
        self.frames.send(packet).await?;
        let answer = async {
            loop {
                let packet = self.next().await?;
                match Packet::parse(&packet) {
                    Packet::Ack(id, arguments) if id == wanted => {
                        return if is_success(arguments) {
                            Ok(packet)
                        } else {
                            let answer = arguments.to_owned();
                            Err(Refused { event, answer }.into())
                        };
                    }
                    Packet::Event(arguments) => events(arguments),
                    _ => {}
                }
            }
        };
        let answer = timeout(PATIENCE, answer).await;
        answer.with_context(|| format!("{event} was not answered within {PATIENCE:?}"))?
    }

    /// Logs in as the user number `n`.
    pub(crate) async fn login(
        &mut self,
        n: u32,
        events: impl FnMut(&str) + Send,
    ) -> anyhow::Result<()> {
        let payload = format!("{{\"userId\":\"{}\",\"protocol\":3}}", user(n));
        self.call("connect-user", &payload, events).await.map(drop)
    }

    /// Says goodbye, so that the server logs the user out at once.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        Ok(self.frames.close().await?)
    }
}

/// Whether the arguments of an ack begin with no error.
pub(crate) fn is_success(arguments: &str) -> bool {
    arguments.starts_with("[null")
}
