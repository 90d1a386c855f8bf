//! Socket.IO from the client's side: raw Engine.IO 3 and 4 over a websocket.
//!
//! Used by `chatzz peer` and the load generator. The stock clients do much more, such as
//! polling and reconnecting by themselves.

mod packet;
mod socket;

pub use packet::Packet;
pub use socket::{Socket, SocketError, Utf8Bytes};
