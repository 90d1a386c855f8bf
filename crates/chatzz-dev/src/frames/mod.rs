//! Socket.IO from the client's side: raw Engine.IO 3 and 4 over a websocket.
//!
//! What `chatzz peer` and the load generator speak. The stock clients do much
//! more, such as polling and coming back by themselves.

mod packet;
mod socket;

pub use packet::Packet;
pub use socket::{Socket, SocketError, Utf8Bytes};
