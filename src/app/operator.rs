//! What an administrator may do while the server runs.

use std::sync::Arc;

use futures::FutureExt as _;

use crate::http::EndUser;
use crate::id::UserId;
use crate::service::IdInput;
use crate::socket::Context;
use crate::store::{Event, EventQueue};

/// A way into a running server.
#[derive(Clone)]
pub struct Operator {
    context: Arc<Context>,
    /// Where other servers learn of it.
    events: Arc<EventQueue>,
}

impl Operator {
    pub(super) fn new(context: Arc<Context>, events: Arc<EventQueue>) -> Self {
        Self { context, events }
    }

    /// Ends every socket of a user on this server, logged in or not, and forgets
    /// logins that are remembered; how many sockets there were.
    ///
    /// Nothing keeps the user from connecting anew with a token that is still
    /// good: withdraw that first.
    pub fn end_user(&self, user: &UserId) -> usize {
        self.context.end_user(user)
    }

    /// Ends sockets of a user who is named as in a token or an event; an id that may be of
    /// several types stands for each of them.
    pub(super) fn by_text(&self) -> EndUser {
        let (context, events) = (Arc::clone(&self.context), Arc::clone(&self.events));
        Arc::new(move |id| {
            let context = Arc::clone(&context);
            events.happened(Event::Ended { user: id.clone() });
            async move { context.end_named(&IdInput::Text(id)).await }.boxed()
        })
    }
}
