//! The points where a deployment decides: on a login, on each message, on each new chat
//! room, and on what is shown of a user.
//!
//! [`Hooks`] is asked by [`HookPoints`], which keeps the time limit and applies the policy
//! where no answer comes. The webhook is one implementation; whoever builds a server of
//! their own may write another. Never asked from a lane: only what waits for the answer
//! waits.

mod asked;
mod causes;
mod details;
mod points;
mod stored;
mod turn;
mod webhook;

use std::pin::Pin;

use serde_json::{Map, Value};

pub use crate::config::{Hook, HookFailure};
pub(crate) use asked::is_small;
pub use asked::{
    AddVerdict, BeforeAdd, BeforeSend, Granted, LoginAsked, LoginVerdict, Refusal, SendVerdict,
};
pub(crate) use points::SentOnce;
pub use points::{HookPoints, InProcess};
pub(crate) use stored::Listening;
pub use stored::StoredMessage;
pub(crate) use turn::{Turn, Turns};
pub(crate) use webhook::Webhook;

/// What a hook is about to answer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, CannotAsk>> + Send + 'a>>;

/// No answer: nothing is known, so the policy holds. The text is for the log: it must
/// contain nothing that users wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CannotAsk(pub String);

/// Decides where chatzz asks. Every method has a default, which lets everything pass.
///
/// A method may take as long as `CHATZZ_HOOK_TIMEOUT`; it is then dropped. Several are
/// called at a time.
pub trait Hooks: Send + Sync + 'static {
    /// Whether this hook is asked at all; what is not asked costs nothing. All are.
    fn asks(&self, hook: Hook) -> bool {
        let _ = hook;
        true
    }

    /// Decides on the credentials of a new socket or of `refresh-token`, before
    /// `CHATZZ_AUTH` does. Lets that decide. If it cannot be asked, nobody can log in.
    fn login<'a>(&'a self, asked: &'a LoginAsked) -> Answer<'a, LoginVerdict> {
        let _ = asked;
        Box::pin(async { Ok(LoginVerdict::Pass) })
    }

    /// Decides on a message that may be sent by all other rules. Allows it.
    fn before_send<'a>(&'a self, asked: &'a BeforeSend) -> Answer<'a, SendVerdict> {
        let _ = asked;
        Box::pin(async { Ok(SendVerdict::Allow) })
    }

    /// Decides whether two users get a chat room; one that exists is not asked about. Allows it.
    fn before_add<'a>(&'a self, asked: &'a BeforeAdd) -> Answer<'a, AddVerdict> {
        let _ = asked;
        Box::pin(async { Ok(AddVerdict::Allow) })
    }

    /// Shapes what clients are shown of users: of each the fields of `CHATZZ_USER_FIELDS`,
    /// at most 100 users and 512 KiB, unless it is one user, answered in the same order. `_id`
    /// stays what it is. Shows them as they are. If it cannot be asked, `_id` alone is shown.
    fn user_details<'a>(
        &'a self,
        users: &'a [Map<String, Value>],
    ) -> Answer<'a, Vec<Map<String, Value>>> {
        Box::pin(async { Ok(users.to_vec()) })
    }

    /// Hears of a message that this server has stored. Must return at once: the chat room
    /// waits. What is stored while a server ends may not be heard of.
    fn stored(&self, message: &StoredMessage<'_>) {
        let _ = message;
    }
}
