//! Namespaces as clients 1 and 2 write them in CONNECT: with their query, which is their way
//! to show a token.
//!
//! `40/chat?token=abc` becomes `40/chat,{"token":"abc"}`, which is what later clients send.
//! The library would look for a namespace of the longer name. It offers no place for this,
//! so packets are changed on their way to it: those of polling requests in their body, those
//! of a websocket in its frames.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, BytesMut};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use url::form_urlencoded;

/// Longest frame that is looked at: the token of a handshake, encoded.
const MAX_FRAME: u64 = 64 * 1024;
/// Bytes that are read at once.
const CHUNK: usize = 2048;

/// The packet as later clients write it; `None` if it is not such a CONNECT.
pub(super) fn modernized(packet: &str, namespace: &str) -> Option<String> {
    let query = packet.strip_prefix("40")?.strip_prefix(namespace)?;
    let query = query.strip_prefix('?')?;
    let (query, _) = query.split_once(',').unwrap_or((query, ""));
    let token = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
    let auth = token.map(|(_, token)| json!({ "token": token }).to_string());
    Some(format!("40{namespace},{}", auth.unwrap_or_default()))
}

/// The namespace of a connection that has become a websocket of an old client.
pub(super) type Renamed = Arc<OnceLock<Arc<str>>>;

/// A stream whose frames are changed as they are read, once its connection is a websocket.
pub(super) struct OldNames<S> {
    stream: S,
    renamed: Renamed,
    frames: Frames,
}

impl<S> OldNames<S> {
    pub(super) fn new(stream: S, renamed: Renamed) -> Self {
        Self {
            stream,
            renamed,
            frames: Frames::default(),
        }
    }
}

/// What has been read of a websocket.
#[derive(Default)]
struct Frames {
    /// What has come and is not decided yet.
    inbox: BytesMut,
    /// What may be read.
    outbox: BytesMut,
    /// Bytes of a frame that are still to come and stay as they are.
    rest: u64,
}

impl Frames {
    fn advance(&mut self, namespace: &str) {
        while !self.inbox.is_empty() {
            let passing = usize::try_from(self.rest).unwrap_or(usize::MAX);
            let passing = self.inbox.split_to(passing.min(self.inbox.len()));
            self.rest -= passing.len() as u64;
            self.outbox.unsplit(passing);
            let Some(head) = Head::of(&self.inbox) else {
                return;
            };
            let payload = self.inbox.get(head.bytes..).unwrap_or_default();
            let is_whole = payload.len() as u64 >= head.length;
            let old_name = head.is_short_text && {
                let connect = ["40", namespace, "?"].concat();
                let is_same = head.unmasked(payload).zip(connect.bytes());
                is_same.into_iter().all(|(is, wanted)| is == wanted)
                    && head.length > connect.len() as u64
            };
            if old_name && !is_whole {
                return;
            }
            let length = usize::try_from(head.length).unwrap_or(usize::MAX);
            let packet = old_name.then(|| head.unmasked(payload).take(length).collect());
            let packet = packet.and_then(|packet| String::from_utf8(packet).ok());
            match packet.and_then(|packet| modernized(&packet, namespace)) {
                Some(packet) => {
                    let _ = self.inbox.split_to(head.bytes + length);
                    put_text(&mut self.outbox, &packet);
                }
                None => self.rest = head.length.saturating_add(head.bytes as u64),
            }
        }
    }
}

/// The head of a frame.
struct Head {
    bytes: usize,
    length: u64,
    mask: [u8; 4],
    is_short_text: bool,
}

impl Head {
    /// `None` until all of it has come.
    fn of(bytes: &[u8]) -> Option<Self> {
        let [kind, length, rest @ ..] = bytes else {
            return None;
        };
        let (length, rest) = match length & 0x7f {
            126 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u16::from_be_bytes(*length).into(), rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*length), rest)
            }
            length => (length.into(), rest),
        };
        let is_masked = bytes.get(1)? & 0x80 != 0;
        let (mask, rest) = if is_masked {
            let (mask, rest) = rest.split_first_chunk()?;
            (*mask, rest)
        } else {
            ([0; 4], rest)
        };
        Some(Self {
            bytes: bytes.len() - rest.len(),
            length,
            mask,
            // all of a text in one frame
            is_short_text: *kind == 0x81 && is_masked && length <= MAX_FRAME,
        })
    }

    fn unmasked(&self, payload: &[u8]) -> impl Iterator<Item = u8> {
        let mask = self.mask.into_iter().cycle();
        payload.iter().zip(mask).map(|(byte, mask)| byte ^ mask)
    }
}

/// A text in one frame, as a client sends it.
fn put_text(into: &mut BytesMut, text: &str) {
    into.put_u8(0x81);
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(length @ 0..126), _) => into.put_u8(0x80 | length),
        (_, Ok(length)) => {
            into.put_u8(0x80 | 0x7e);
            into.put_u16(length);
        }
        _ => {
            into.put_u8(0x80 | 0x7f);
            into.put_u64(text.len() as u64);
        }
    }
    // a mask that changes nothing
    into.put_u32(0);
    into.put_slice(text.as_bytes());
}

impl<S: AsyncRead + Unpin> AsyncRead for OldNames<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(namespace) = this.renamed.get() else {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        };
        while this.frames.outbox.is_empty() {
            let mut chunk = [0; CHUNK];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.frames.inbox.extend_from_slice(read.filled());
            this.frames.advance(namespace);
        }
        let readable = buf.remaining().min(this.frames.outbox.len());
        buf.put_slice(&this.frames.outbox.split_to(readable));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for OldNames<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_behind_the_namespace_becomes_what_later_clients_send() {
        for (old, new) in [
            ("40/chat?token=a%2Bb", Some(r#"40/chat,{"token":"a+b"}"#)),
            ("40/chat?x=1&token=%22,", Some(r#"40/chat,{"token":"\""}"#)),
            ("40/chat?x=1", Some("40/chat,")),
            ("40/chat?", Some("40/chat,")),
            ("40/chat", None),
            ("40/chat,", None),
            ("40/chats?token=a", None),
            ("42/chat?token=a,[\"x\"]", None),
            ("40/?token=a", None),
        ] {
            assert_eq!(modernized(old, "/chat").as_deref(), new, "{old}");
        }
    }

    fn frame(kind: u8, text: &str, mask: [u8; 4]) -> Vec<u8> {
        let mut plain = BytesMut::new();
        put_text(&mut plain, text);
        let head = plain.len() - text.len();
        let (bytes, payload) = plain.split_at_mut(head);
        bytes[0] = kind;
        bytes[head - 4..].copy_from_slice(&mask);
        payload
            .iter_mut()
            .zip(mask.iter().cycle())
            .for_each(|(byte, mask)| *byte ^= mask);
        plain.to_vec()
    }

    #[test]
    fn frames_pass_as_they_are_except_an_old_name_however_they_arrive() {
        let mask = [0x12, 0x34, 0x56, 0x78];
        let token = "x".repeat(300);
        let connect = frame(0x81, &format!("40/chat?token={token}"), mask);
        let others = [
            frame(0x81, "2", mask),
            frame(0x81, "40/chat", mask),
            frame(0x89, "40/chat?token=a", mask),
            frame(0x01, "40/chat?token=a", mask),
            frame(0x81, &"42[\"long\"]".repeat(20_000), mask),
        ]
        .concat();
        let read = [&connect, &others, &connect].map(Vec::as_slice).concat();
        let renamed = frame(0x81, &format!(r#"40/chat,{{"token":"{token}"}}"#), [0; 4]);
        let wanted = [&renamed, &others, &renamed].map(Vec::as_slice).concat();
        for piece in [1, 2, 3, 7, 100, read.len()] {
            let mut frames = Frames::default();
            for bytes in read.chunks(piece) {
                frames.inbox.extend_from_slice(bytes);
                frames.advance("/chat");
            }
            assert!(frames.outbox == wanted, "in pieces of {piece}");
        }
    }
}
