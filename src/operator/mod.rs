//! What the application and its administrators may do while the server runs, each verb a
//! method. The HTTP API calls these, and nothing else.

mod cursor;
mod events;
mod letters;
mod manage;
mod person;
mod read;
mod send;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::time::timeout;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::clock::Clock;
use crate::id::UserId;
use crate::service::{Error, IdInput};
use crate::socket::Context;
use crate::store::{Event, EventQueue, Store};

pub use cursor::{Cursor, Gone};
pub use events::{After, EventPage, EventQuery, EventsError};
pub use send::{SendAs, Sent, UnderWay};

/// How long the log of events is waited for before it is said that this is not known.
const LOGGED_WITHIN: Duration = Duration::from_secs(3);

/// A way into a running server.
#[derive(Clone)]
pub struct Operator {
    context: Arc<Context>,
    /// Where other servers learn of it.
    events: Arc<EventQueue>,
    /// The log of events is read here.
    store: Arc<Store>,
    /// What of it was just read.
    shared: events::Shared,
}

/// Why something was not done, and for an error in a field of what was asked, in which.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    /// The reason.
    pub error: Error,
    /// The field.
    pub field: Option<&'static str>,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, field: None }
    }
}

/// Names the field whose user there is not.
fn in_field(field: &'static str) -> impl Fn(Error) -> Refused {
    move |error| {
        let is_of_field = matches!(error, Error::UserNotFound);
        Refused {
            error,
            field: is_of_field.then_some(field),
        }
    }
}

impl Operator {
    pub(crate) fn new(context: Arc<Context>, events: Arc<EventQueue>, store: Store) -> Self {
        let store = Arc::new(store);
        Self {
            context,
            events,
            store,
            shared: events::Shared::default(),
        }
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        self.context.messenger.clock()
    }

    /// Whether the server is going down: what takes long ends early.
    pub fn is_draining(&self) -> bool {
        self.context.is_draining()
    }

    /// Notes that a call is worked on, for which a stop waits until the token is dropped;
    /// `None` while the server is going down.
    pub(crate) fn begin(&self) -> Option<TaskTrackerToken> {
        self.context.begin_call()
    }

    /// Ends every socket of a user on this server, logged in or not, and forgets
    /// logins that are remembered; how many sockets there were.
    ///
    /// Nothing keeps the user from connecting anew with a token that is still
    /// good: withdraw that first.
    pub fn end_user(&self, user: &UserId) -> usize {
        self.context.end_user(user)
    }

    /// Ends sockets of a user on all servers; how many there were on this one. The user is
    /// named as in a token or an event; an id that may be of several types stands for each
    /// of them.
    pub async fn end_named(&self, user: String) -> usize {
        self.events.happened(Event::Ended { user: user.clone() });
        self.context.end_named(&IdInput::Text(user)).await
    }

    /// Ends sockets of a user on all servers, as soon as the others can learn of it; how
    /// many there were on this one.
    ///
    /// # Errors
    /// [`Error::UnknownOutcome`] when it is not known whether the others learn of it.
    pub async fn end_everywhere(&self, user: String) -> Result<usize, Error> {
        let ended = self.end_named(user).await;
        self.logged().await?;
        Ok(ended)
    }

    /// Waits until other servers can learn of what happened.
    ///
    /// # Errors
    /// [`Error::UnknownOutcome`] when it is not known whether they do.
    async fn logged(&self) -> Result<(), Error> {
        let written = timeout(LOGGED_WITHIN, self.events.written()).await;
        match written {
            Ok(Ok(())) => Ok(()),
            _ => Err(Error::UnknownOutcome),
        }
    }

    /// [`Operator::end_named`], as a function.
    pub(crate) fn by_text(&self) -> Arc<dyn Fn(String) -> BoxFuture<'static, usize> + Send + Sync> {
        let operator = self.clone();
        Arc::new(move |user| {
            let operator = operator.clone();
            async move { operator.end_named(user).await }.boxed()
        })
    }
}
