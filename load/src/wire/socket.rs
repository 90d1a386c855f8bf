//! One socket.io client, as little of it as a load needs.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::{Packet, user};

/// How long any single answer may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a client of Engine.IO 3 pings; the server waits 45 s.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Bytes read at once. The default of 128 KiB would be 2.4 GiB for 19,000 sockets.
const READ_BUFFER: usize = 4 * 1024;

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
struct Refused {
    /// The event.
    event: &'static str,
    /// The arguments of the ack.
    answer: String,
}

/// A connected client.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// When to ping next; only in Engine.IO 3, where the client does.
    ping: Option<Instant>,
    calls: u64,
}

/// Ack ids of [`Socket::call`] begin here, beyond those of any run's messages.
const CALLS: u64 = 1 << 48;

impl Socket {
    /// Connects, from an address of its own if one is given, and joins the namespace.
    pub(crate) async fn connect(target: &Target, from: Option<Ipv4Addr>) -> anyhow::Result<Self> {
        timeout(PATIENCE, Self::open(target, from, None))
            .await
            .context("connecting took too long")?
    }

    /// The same with so many bytes for what the system has received and nobody read.
    pub(crate) async fn connect_reading(
        target: &Target,
        from: Option<Ipv4Addr>,
        buffer: u32,
    ) -> anyhow::Result<Self> {
        timeout(PATIENCE, Self::open(target, from, Some(buffer)))
            .await
            .context("connecting took too long")?
    }

    async fn open(
        target: &Target,
        from: Option<Ipv4Addr>,
        buffer: Option<u32>,
    ) -> anyhow::Result<Self> {
        let tcp = TcpSocket::new_v4()?;
        if let Some(buffer) = buffer {
            tcp.set_recv_buffer_size(buffer)?;
        }
        if let Some(from) = from {
            tcp.bind((from, 0).into())?;
        }
        let tcp = tcp.connect(target.addr).await.context("connecting")?;
        tcp.set_nodelay(true)?;
        let Target {
            addr, path, eio, ..
        } = target;
        let url = format!("ws://{addr}{path}/?EIO={eio}&transport=websocket");
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(None)
            .max_frame_size(None);
        let (stream, _) = client_async_with_config(url, tcp, Some(config)).await?;
        let mut socket = Self {
            stream,
            ping: (*eio == 3).then(|| Instant::now() + PING_INTERVAL),
            calls: CALLS,
        };
        if *eio == 4 {
            socket.send("40".to_owned()).await?;
        }
        loop {
            match Packet::parse(&socket.next().await?) {
                Packet::Joined => return Ok(socket),
                Packet::Refused(why) => bail!("the namespace refused: {why}"),
                _ => {}
            }
        }
    }

    /// Waits for the next packet; pings are answered and made here. May be dropped.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Utf8Bytes> {
        loop {
            let message = match self.ping {
                None => self.stream.next().await,
                Some(at) => {
                    let Ok(message) = timeout_at(at, self.stream.next()).await else {
                        self.ping = Some(Instant::now() + PING_INTERVAL);
                        self.send("2".to_owned()).await?;
                        continue;
                    };
                    message
                }
            };
            let message = message.context("the server ended the connection")??;
            if let Some(text) = self.packet(message).await? {
                return Ok(text);
            }
        }
    }

    /// The next packet if it is here already.
    pub(crate) async fn next_if_there(&mut self) -> anyhow::Result<Option<Utf8Bytes>> {
        loop {
            let Some(message) = self.stream.next().now_or_never() else {
                return Ok(None);
            };
            let message = message.context("the server ended the connection")??;
            if let Some(text) = self.packet(message).await? {
                return Ok(Some(text));
            }
        }
    }

    async fn packet(&mut self, message: Message) -> anyhow::Result<Option<Utf8Bytes>> {
        match message {
            Message::Text(text) => match Packet::parse(&text) {
                Packet::Ping => self.send("3".to_owned()).await.map(|()| None),
                Packet::Pong => Ok(None),
                Packet::Closed => bail!("the server closed the session"),
                _ => Ok(Some(text)),
            },
            Message::Close(frame) => bail!("the server closed the connection: {frame:?}"),
            _ => Ok(None),
        }
    }

    /// Writes a packet into the buffer of the connection; see [`Socket::flush`].
    pub(crate) async fn feed(&mut self, packet: String) -> anyhow::Result<()> {
        Ok(self.stream.feed(Message::text(packet)).await?)
    }

    /// Sends what was fed.
    pub(crate) async fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.stream.flush().await?)
    }

    async fn send(&mut self, packet: String) -> anyhow::Result<()> {
        Ok(self.stream.send(Message::text(packet)).await?)
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
        self.send(format!("42{wanted}[\"{event}\",{payload}]"))
            .await?;
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
        let payload = format!("{{\"userId\":\"{}\"}}", user(n));
        self.call("connect-user", &payload, events).await.map(drop)
    }

    /// Says goodbye, so that the server logs the user out at once.
    pub(crate) async fn close(mut self) -> anyhow::Result<()> {
        self.feed("41".to_owned()).await?;
        // the server may have closed meanwhile, which is what is wanted
        let _ = timeout(PATIENCE, self.stream.close(None)).await;
        Ok(())
    }
}

/// Whether the arguments of an ack begin with no error.
pub(crate) fn is_success(arguments: &str) -> bool {
    arguments.starts_with("[null")
}
