//! One connection, in the namespace `/`.

use std::io;
use std::time::Duration;

use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

pub use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::Packet;

/// How often a client of Engine.IO 3 pings; the server waits 45 s.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Bytes read at once. The default of 128 KiB would be 2.4 GiB for 19,000 sockets.
const READ_BUFFER: usize = 4 * 1024;
/// How long the server may take to close after a clean disconnect.
const CLOSE_WITHIN: Duration = Duration::from_secs(20);

/// Why a connection could not be made, or has ended.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The TCP connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The websocket was refused or broke.
    #[error("the websocket failed: {0}")]
    WebSocket(#[from] Box<tungstenite::Error>),
    /// The server did not let the client in; the text is its answer.
    #[error("the namespace refused: {0}")]
    Refused(String),
    /// The server ended it.
    #[error("the server closed the {0}")]
    Closed(&'static str),
}

impl From<tungstenite::Error> for SocketError {
    fn from(error: tungstenite::Error) -> Self {
        Box::new(error).into()
    }
}

/// A connected client.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// When to ping next; only in Engine.IO 3, where the client does.
    ping: Option<Instant>,
}

impl Socket {
    /// Opens a websocket on a connection and joins the namespace.
    ///
    /// `endpoint` is `<host>:<port>/<path>` without a slash at its end, `eio` the
    /// revision of Engine.IO, 4 or 3, and `auth` what stands beside CONNECT: JSON,
    /// only with revision 4, or nothing.
    ///
    /// # Errors
    /// When the server cannot be spoken to, or refuses.
    pub async fn open(
        tcp: TcpStream,
        endpoint: &str,
        eio: u8,
        auth: &str,
    ) -> Result<Self, SocketError> {
        tcp.set_nodelay(true)?;
        let url = format!("ws://{endpoint}/?EIO={eio}&transport=websocket");
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(None)
            .max_frame_size(None);
        let (stream, _) = client_async_with_config(url, tcp, Some(config)).await?;
        let mut socket = Self {
            stream,
            ping: (eio == 3).then(|| Instant::now() + PING_INTERVAL),
        };
        if eio == 4 {
            socket.send(format!("40{auth}")).await?;
        }
        loop {
            match Packet::parse(&socket.next().await?) {
                Packet::Joined => return Ok(socket),
                Packet::Refused(why) => return Err(SocketError::Refused(why.to_owned())),
                _ => {}
            }
        }
    }

    /// Waits for the next packet; pings are answered and sent here. May be dropped.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn next(&mut self) -> Result<Utf8Bytes, SocketError> {
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
            let message = message.ok_or(SocketError::Closed("connection"))??;
            if let Some(text) = self.packet(message).await? {
                return Ok(text);
            }
        }
    }

    /// The next packet if it has arrived already.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn next_if_there(&mut self) -> Result<Option<Utf8Bytes>, SocketError> {
        loop {
            let Some(message) = self.stream.next().now_or_never() else {
                return Ok(None);
            };
            let message = message.ok_or(SocketError::Closed("connection"))??;
            if let Some(text) = self.packet(message).await? {
                return Ok(Some(text));
            }
        }
    }

    async fn packet(&mut self, message: Message) -> Result<Option<Utf8Bytes>, SocketError> {
        match message {
            Message::Text(text) => match Packet::parse(&text) {
                Packet::Ping => self.send("3".to_owned()).await.map(|()| None),
                Packet::Pong => Ok(None),
                Packet::Closed => Err(SocketError::Closed("session")),
                _ => Ok(Some(text)),
            },
            Message::Close(_) => Err(SocketError::Closed("connection")),
            _ => Ok(None),
        }
    }

    /// Writes a packet into the buffer of the connection; see [`Socket::flush`].
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn feed(&mut self, packet: String) -> Result<(), SocketError> {
        Ok(self.stream.feed(Message::text(packet)).await?)
    }

    /// Sends the buffered packets.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn flush(&mut self) -> Result<(), SocketError> {
        Ok(self.stream.flush().await?)
    }

    /// Sends a packet.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn send(&mut self, packet: String) -> Result<(), SocketError> {
        Ok(self.stream.send(Message::text(packet)).await?)
    }

    /// Disconnects cleanly, so that the server logs the user out at once.
    ///
    /// # Errors
    /// When the connection has ended already.
    pub async fn close(mut self) -> Result<(), SocketError> {
        self.feed("41".to_owned()).await?;
        // the server may have closed in the meantime, which is the aim
        let _ = tokio::time::timeout(CLOSE_WITHIN, self.stream.close(None)).await;
        Ok(())
    }
}
