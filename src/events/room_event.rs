//! What the events that change a chat room have in common: a lane answers them.

use std::sync::Arc;

use tokio::time::timeout_at;

use super::Context;
use super::connection::Connection;
use crate::lanes::Origin;
use crate::service::{Error, Me};

/// Runs `submit`, which ends when a lane has accepted the event or it is
/// refused; a refusal is answered here.
pub(super) async fn submit<'a, F>(
    context: &'a Context,
    connection: &'a Arc<Connection>,
    origin: Origin,
    submit: impl FnOnce(&'a Me) -> F,
) where
    F: Future<Output = Result<(), Error>>,
{
    let Some(me) = connection.me() else {
        return context.delivery.reply(&origin, Err(Error::NotConnected));
    };
    connection.owe(origin.bytes);
    let accepted = timeout_at(context.deadline(&origin), submit(me)).await;
    if let Err(error) = accepted.unwrap_or(Err(Error::Unavailable)) {
        context.delivery.reply(&origin, Err(error));
        connection.settle(origin.bytes);
    }
}
