//! Bodies of polling requests, collected before the library sees them.
//!
//! The library waits for the rest of a body for ever, and its decoder of Engine.IO 3 looks
//! at all that it has of a body again for each piece that arrives and for each packet that
//! is in it. So the body is collected first, and then handed on with one packet in each
//! piece.
//!
//! | session | bytes | time for all of the body |
//! |---|---|---|
//! | has not joined the namespace | [`MAX_BEFORE_JOIN`] | the connect timeout |
//! | is in the namespace | what the library accepts | ping interval and ping timeout: a client that takes longer has answered no ping |

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::request::Parts;
use http::{Method, StatusCode, Uri, header};
use tokio::time::timeout;

use super::old_names::modernized;
use super::sessions::session;
use crate::config::Config;
use crate::transport::Sessions;

/// Most bytes of one body of a session that has not joined: a token, written as JSON.
const MAX_BEFORE_JOIN: usize = 32 * 1024;

/// Most digits of the length of a packet.
const MAX_DIGITS: usize = 7;

struct Bounds {
    path: String,
    /// The namespace, unless it is the root.
    namespace: Option<Arc<str>>,
    sessions: Sessions,
    /// Most bytes of one body.
    bytes: usize,
    connect: Duration,
    heartbeat: Duration,
}

/// Collects the body of each POST to the socket.io endpoint, of at most `bytes` bytes.
pub(crate) fn collect_bodies(
    router: Router,
    config: &Config,
    sessions: Sessions,
    bytes: usize,
) -> Router {
    let bounds = Arc::new(Bounds {
        path: config.socket.path.clone(),
        namespace: config.socket.named_namespace(),
        sessions,
        bytes,
        connect: config.socket.connect_timeout,
        heartbeat: config.socket.ping_interval + config.socket.ping_timeout,
    });
    router.layer(middleware::from_fn_with_state(bounds, collect))
}

async fn collect(State(bounds): State<Arc<Bounds>>, request: Request, next: Next) -> Response {
    let is_packets =
        request.method() == Method::POST && request.uri().path().starts_with(&bounds.path);
    if !is_packets {
        return next.run(request).await;
    }
    // without a session the library answers without looking at the body
    let Some(session) = session(request.uri().query().unwrap_or_default()) else {
        return next.run(request.map(|_| Body::empty())).await;
    };
    let (most, within) = if bounds.sessions.has_joined(&session) {
        (bounds.bytes, bounds.heartbeat)
    } else {
        (bounds.bytes.min(MAX_BEFORE_JOIN), bounds.connect)
    };
    let (head, body) = request.into_parts();
    let collected = timeout(within, in_one_piece(body, most)).await;
    let packets = collected
        .unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
        .and_then(|bytes| {
            if is_old(&head) {
                in_packets(bytes, bounds.namespace.clone())
            } else {
                Ok(bytes.into())
            }
        });
    match packets {
        Ok(body) => next.run(Request::from_parts(head, body)).await,
        Err(refusal) => {
            metrics::counter!("chatzz_bodies_refused_total").increment(1);
            bounds.sessions.end(session);
            // what is left of the body would be read as the next request
            (refusal, [(header::CONNECTION, "close")]).into_response()
        }
    }
}

/// All of a body, copied: each piece of it may keep a read buffer alive.
async fn in_one_piece(body: Body, most: usize) -> Result<Bytes, StatusCode> {
    let mut collected = BytesMut::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| StatusCode::BAD_REQUEST)?;
        if collected.len() + piece.len() > most {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        collected.extend_from_slice(&piece);
    }
    Ok(collected.freeze())
}

/// Whether the packets of a body are texts behind their lengths, as in Engine.IO 3.
fn is_old(head: &Parts) -> bool {
    let is_binary = head
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/octet-stream");
    is_engine_io_3(&head.uri) && !is_binary
}

/// Whether a request is of Engine.IO 3.
pub(super) fn is_engine_io_3(uri: &Uri) -> bool {
    let mut pairs = uri.query().unwrap_or_default().split('&');
    pairs.find_map(|pair| pair.strip_prefix("EIO=")) == Some("3")
}

/// A body of Engine.IO 3, one packet in each piece.
fn in_packets(bytes: Bytes, namespace: Option<Arc<str>>) -> Result<Body, StatusCode> {
    // the library looks for the longest valid beginning again and again
    if std::str::from_utf8(&bytes).is_err() {
        return Err(StatusCode::BAD_REQUEST);
    }
    let packets = stream::unfold(bytes, async |mut rest| {
        if rest.is_empty() {
            return None;
        }
        match first_packet(&rest) {
            Some(length) => Some((Ok(rest.split_to(length)), rest)),
            None => Some((Err(io::ErrorKind::InvalidData), Bytes::new())),
        }
    });
    let packets = packets.map_ok(move |packet| match &namespace {
        Some(namespace) => renamed(&packet, namespace).unwrap_or(packet),
        None => packet,
    });
    Ok(Body::from_stream(packets.map_err(io::Error::from)))
}

/// A packet with its length that joins a namespace, without the query behind the name.
fn renamed(packet: &[u8], namespace: &str) -> Option<Bytes> {
    let (_, packet) = std::str::from_utf8(packet).ok()?.split_once(':')?;
    let packet = modernized(packet, namespace)?;
    let length = packet.encode_utf16().count();
    Some(format!("{length}:{packet}").into())
}

/// How many bytes the first packet has, with its length and the colon.
fn first_packet(rest: &[u8]) -> Option<usize> {
    let colon = rest
        .iter()
        .take(MAX_DIGITS + 1)
        .position(|byte| *byte == b':')?;
    let (length, text) = rest.split_at_checked(colon + 1)?;
    let length: usize = std::str::from_utf8(length.get(..colon)?)
        .ok()?
        .parse()
        .ok()?;
    // valid as a whole, and cut between characters
    let mut bytes = 0;
    let mut units = 0;
    while units < length {
        // in UTF-16, a character has one unit, or two if it has four bytes in UTF-8
        let (width, has) = match text.get(bytes)? {
            0..0x80 => (1, 1),
            0x80..0xe0 => (2, 1),
            0xe0..0xf0 => (3, 1),
            0xf0.. => (4, 2),
        };
        bytes += width;
        units += has;
    }
    Some(colon + 1 + bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(count: usize) -> Body {
        let pieces = (0..count).map(|_| Ok::<_, io::Error>(Bytes::from_static(b"x")));
        Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_is_one_piece_as_long_as_it_fits() {
        let whole = in_one_piece(pieces(1_000), 1_000).await;
        assert_eq!(whole.unwrap(), vec![b'x'; 1_000]);
        let too_long = in_one_piece(pieces(1_001), 1_000).await;
        assert_eq!(too_long.unwrap_err(), StatusCode::PAYLOAD_TOO_LARGE);
        let broken = stream::iter([Err::<Bytes, _>(io::Error::other("gone"))]);
        let broken = in_one_piece(Body::from_stream(broken), 1_000).await;
        assert_eq!(broken.unwrap_err(), StatusCode::BAD_REQUEST);
    }

    /// The pieces of a body of Engine.IO 3; the last one is `error` if it is none.
    async fn packets(body: &'static str) -> Vec<String> {
        let namespace = Some("/chat".into());
        let pieces = in_packets(Bytes::from_static(body.as_bytes()), namespace).unwrap();
        let text = |piece: Result<Bytes, _>| match piece {
            Ok(piece) => String::from_utf8(piece.to_vec()).unwrap(),
            Err(_) => "error".to_owned(),
        };
        pieces.into_data_stream().map(text).collect().await
    }

    #[tokio::test]
    async fn each_packet_is_a_piece_of_its_own() {
        assert_eq!(packets("1:22:413:4ü€").await, ["1:2", "2:41", "3:4ü€"]);
        assert_eq!(packets("3:4😀1:2").await, ["3:4😀", "1:2"]);
        assert_eq!(packets("0:0:1:2").await, ["0:", "0:", "1:2"]);
        let old = "15:40/chat?token=x1:2";
        assert_eq!(packets(old).await, [r#"21:40/chat,{"token":"x"}"#, "1:2"]);
        for broken in ["1:2x", "1:2:", "1:299:4", "1:212345678:4", "1:2-1:4"] {
            assert_eq!(packets(broken).await, ["1:2", "error"], "{broken}");
        }
        let not_text = in_packets(Bytes::from_static(b"1:2\xff"), None);
        assert_eq!(not_text.unwrap_err(), StatusCode::BAD_REQUEST);
    }
}
