//! Bytes as clients see them. Wire types are not documents: nothing reaches a
//! client because it happens to be stored.

pub(crate) mod call;
mod decode;
mod depth;
mod dialect;
mod dialect1;
pub mod envelope;
mod ephemeral;
pub(crate) mod erasure;
mod error;
pub(crate) mod event;
pub(crate) mod export;
mod id_input;
pub(crate) mod import;
mod json;
pub mod request;
pub(crate) mod schema;
mod time;

mod view;

pub use dialect::{Dialect, PerDialect, Render};
pub use envelope::Notice;
pub use envelope::result::Reply;
pub use error::{Code, ErrorBody};
pub(crate) use json::{Json, rendered};
pub use view::user_details;
