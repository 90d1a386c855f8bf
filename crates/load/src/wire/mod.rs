//! The clients of the load, and what is read out of their frames.

mod api;
mod scan;
mod socket;
mod text;

pub(crate) use api::{Api, ApiTarget};
pub(crate) use chatzz_dev::frames::Packet;
pub(crate) use scan::{Envelope, count, number_after, sequence, text_after};
pub(crate) use socket::{Refused, Socket, Target, is_success};
pub(crate) use text::{Text, write};

/// The id of the user number `n` in the application's collection: 24 hex digits.
pub(crate) fn user(n: u32) -> String {
    format!("{USER}{n:08x}")
}

/// The number of the user with this id; `None` for users of somebody else.
pub(crate) fn user_number(id: &str) -> Option<u32> {
    let digits = id.strip_prefix(USER)?;
    u32::from_str_radix(digits.get(..8)?, 16).ok()
}

/// What the ids of all users of the load begin with; the Node peer makes the same.
const USER: &str = "64b0000000000000";
