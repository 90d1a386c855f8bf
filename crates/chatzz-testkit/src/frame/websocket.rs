//! The websocket transport: one task reads frames, one writes them.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderName, HeaderValue};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::http::{connect_tcp, header_bytes};
use super::options::{ConnectError, ConnectOptions};
use super::outbox::{Outbox, Outgoing, freezable};
use super::packet::Open;
use super::session::{CloseCause, Session};

/// How long an orderly end may take once it has begun.
const CLOSING: Duration = Duration::from_secs(2);

/// Opens a session and starts its tasks.
pub(super) async fn open(
    options: &ConnectOptions,
    tasks: &mut JoinSet<()>,
) -> Result<Arc<Session>, ConnectError> {
    let url = format!("ws://{}{}", options.addr, options.target(None));
    let mut request = url.into_client_request().map_err(ConnectError::io)?;
    for (name, value) in &options.headers {
        let name: HeaderName = name.parse().map_err(ConnectError::io)?;
        let value = HeaderValue::from_str(value).map_err(ConnectError::io)?;
        request.headers_mut().append(name, value);
    }
    let tcp = connect_tcp(options).await?;
    let (stream, response) = client_async(request, tcp).await.map_err(|e| match e {
        Error::Http(response) => {
            let status = response.status().as_u16();
            let body = response.into_body().unwrap_or_default();
            let body = String::from_utf8_lossy(&body).into_owned();
            ConnectError::Http { status, body }
        }
        other => ConnectError::io(other),
    })?;
    let (sink, mut stream) = stream.split();
    let first = match stream.next().await {
        Some(Ok(Message::Text(text))) => text,
        other => {
            let why = format!("instead of the open packet came {other:?}");
            return Err(ConnectError::io(why));
        }
    };
    let open = Open::parse(&first).map_err(ConnectError::io)?;
    let mut received = header_bytes(response.headers());
    received.extend_from_slice(first.as_bytes());
    received.push(b'\n');

    let (session, outbox) = Session::new(options, &open, received);
    let session = Arc::new(session);
    let reader = read(Arc::clone(&session), stream);
    tasks.spawn(freezable(session.silent.clone(), reader));
    let writer = write(Arc::clone(&session), sink, outbox);
    tasks.spawn(freezable(session.silent.clone(), writer));
    Ok(session)
}

async fn read(session: Arc<Session>, mut stream: SplitStream<WebSocketStream<TcpStream>>) {
    while !session.ended.is_cancelled() {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => {
                session.record(text.as_bytes());
                session.receive(&text);
            }
            Some(Ok(Message::Binary(bytes))) => {
                session.record(&bytes);
                let why = format!("a binary frame of {} bytes", bytes.len());
                session.finish(CloseCause::Unreadable(why));
            }
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map(|frame| frame.code.into());
                session.finish(CloseCause::Websocket(code));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => session.finish(CloseCause::Transport(error.to_string())),
            None => session.finish(CloseCause::Transport("end of stream".to_owned())),
        }
    }
    // The close frame is answered by continuing to read.
    let rest = async { while let Some(Ok(_)) = stream.next().await {} };
    timeout(CLOSING, rest).await.ok();
}

async fn write(
    session: Arc<Session>,
    mut sink: SplitSink<WebSocketStream<TcpStream>, Message>,
    mut outbox: Outbox,
) {
    let mut order = outbox.next().await;
    while let Outgoing::Packet(packet) = order {
        let mut sent = sink.feed(Message::text(packet)).await;
        order = if let Some(order) = outbox.try_next() {
            order
        } else {
            sent = sent.and(sink.flush().await);
            outbox.next().await
        };
        if let Err(error) = sent {
            session.finish(CloseCause::Transport(error.to_string()));
        }
    }
    timeout(CLOSING, sink.close()).await.ok();
}
