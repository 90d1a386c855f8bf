//! Sending as a user.

use tokio::sync::oneshot;

use super::{Operator, Refused, in_field};
use crate::rooms::{Answer, Caller, LaneError, Stored};
use crate::service::{Bypass, Content, Draft, Error, IdInput, Imported, ToImport};

/// A message that the application sends as a user.
#[derive(Clone, Debug)]
pub struct SendAs {
    /// The user who sends it; need never have logged in.
    pub from: IdInput,
    /// The user who receives it.
    pub to: IdInput,
    /// What it says.
    pub content: Content,
    /// The application's key of this send: under the same one it happens once, for ever.
    pub key: String,
    /// The name of whoever asks, stored with the message.
    pub via: String,
    /// Rules that do not hold.
    pub bypass: Bypass,
}

/// A message that is stored.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The message.
    pub stored: Stored,
    /// Whether it was stored before.
    pub is_duplicate: bool,
}

/// A message on its way into the database.
#[derive(Debug)]
pub struct UnderWay(oneshot::Receiver<Result<Answer, LaneError>>);

impl UnderWay {
    /// Waits until the message is stored.
    ///
    /// # Errors
    /// Why it is not, or may not be.
    pub async fn stored(self) -> Result<Sent, Error> {
        // nobody answers any more: what becomes of it is not known
        let answer = self.0.await.map_err(|_| Error::UnknownOutcome)?;
        let (stored, is_duplicate) = match answer? {
            Answer::Message(stored) => (stored, false),
            Answer::Duplicate(stored) => (stored, true),
            Answer::Unmoved(_) | Answer::Moved { .. } => return Err(Error::Internal),
        };
        Ok(Sent {
            stored,
            is_duplicate,
        })
    }
}

impl Operator {
    /// Brings in messages that were sent somewhere else before, in the order given; what
    /// became of each. Nobody hears of them.
    ///
    /// # Errors
    /// Failures, after which the same can be done again.
    pub async fn import(&self, messages: Vec<ToImport>) -> Result<Vec<Imported>, Error> {
        self.context.messenger.import(messages).await
    }

    /// Sends a message as a user and waits until it is stored. The chat room is opened if
    /// there is none.
    ///
    /// # Errors
    /// Why nothing was stored, or why that is not known ([`Error::UnknownOutcome`]).
    pub async fn send(&self, send: SendAs) -> Result<Sent, Refused> {
        Ok(self.submit(send).await?.stored().await?)
    }

    /// Hands a message to its chat room: those that are handed over one after another are
    /// stored in that order.
    ///
    /// # Errors
    /// Why nothing was stored.
    pub async fn submit(&self, send: SendAs) -> Result<UnderWay, Refused> {
        let messenger = &self.context.messenger;
        let SendAs { from, to, .. } = &send;
        let rules = messenger.content_rules();
        let (content, via) = (send.content.clone(), send.via.clone());
        let draft = Draft::of_server(send.to.clone(), content, &send.key, via, rules)?;
        messenger.check_known(to).await.map_err(in_field("to"))?;
        let sender = messenger.sender(from).await.map_err(in_field("from"))?;
        let bypass = send.bypass;
        let submit = async |draft| {
            let (answer, answered) = oneshot::channel();
            let caller = Caller::Call(answer);
            let submitted = messenger.send_as(&sender, draft, bypass, caller).await;
            submitted.map(|()| UnderWay(answered))
        };
        match submit(draft.clone()).await {
            Err(Error::NoChatRoom) => {}
            submitted => return submitted.map_err(in_field("to")),
        }
        let added = messenger.add_as(&sender, &send.to, bypass).await;
        let added = added.map_err(in_field("to"))?;
        let is_new = added.created;
        // first: nothing is said in a chat room that one does not know
        self.context.announce_added(&sender.me, added);
        let submitted = submit(draft).await;
        let submitted = submitted.map_err(|error| match error {
            // the chat room is stored
            Error::Unavailable | Error::Overloaded if is_new => Error::UnknownOutcome,
            error => error,
        });
        submitted.map_err(in_field("to"))
    }
}
