//! What an administrator may do while the server runs.

use std::sync::Arc;

use crate::events::Context;
use crate::id::UserId;

/// A way into a running server.
#[derive(Clone)]
pub struct Operator {
    context: Arc<Context>,
}

impl Operator {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    /// Ends every socket of a user on this server, logged in or not, and forgets
    /// logins that are remembered; how many sockets there were.
    ///
    /// Nothing keeps the user from connecting anew with a token that is still
    /// good: withdraw that first.
    pub fn end_user(&self, user: &UserId) -> usize {
        self.context.end_user(user)
    }
}
