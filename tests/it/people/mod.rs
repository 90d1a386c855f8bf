//! The join to users of an application that chatzz knows nothing about.

mod changes;
mod fields;
mod ids;
mod odd;
mod role;
