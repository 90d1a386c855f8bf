//! Sending a message.

use super::{Error, IdInput, Me, Messenger, Reception};
use crate::lanes::{Append, Command, Origin};

pub use crate::config::MESSAGE_MAX_BYTES;

/// Longest client id, in characters.
const CLIENT_ID_MAX: usize = 64;

/// A message that may be sent: its text and client id were checked.
#[derive(Clone, Debug)]
pub struct Draft {
    to: IdInput,
    text: String,
    client_id: Option<String>,
}

impl Draft {
    /// Checks a message: not blank, at most `max_chars` characters and 64 KiB,
    /// no control characters but line feed and tab; client id of 1–64 printable
    /// ASCII characters.
    ///
    /// # Errors
    /// [`Error::BadRequest`] or [`Error::MessageTooLong`].
    pub fn new(
        to: IdInput,
        text: String,
        client_id: Option<String>,
        max_chars: usize,
    ) -> Result<Self, Error> {
        let bad = |text: &str| Err(Error::BadRequest(text.to_owned()));
        if text.trim().is_empty() {
            return bad("message: must not be empty");
        }
        if text.len() > MESSAGE_MAX_BYTES {
            return Err(Error::MessageTooLong(format!("{MESSAGE_MAX_BYTES} bytes")));
        }
        if text.chars().count() > max_chars {
            return Err(Error::MessageTooLong(format!("{max_chars} characters")));
        }
        if text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
        {
            return bad("message: must not hold control characters");
        }
        if let Some(id) = &client_id
            && !(1..=CLIENT_ID_MAX).contains(&id.len())
        {
            return bad("clientId: must have 1 to 64 characters");
        }
        if client_id
            .as_ref()
            .is_some_and(|id| !id.bytes().all(|byte| (b' '..=b'~').contains(&byte)))
        {
            return bad("clientId: must be printable ASCII");
        }
        Ok(Self {
            to,
            text,
            client_id,
        })
    }
}

impl Messenger {
    /// Most characters of a message.
    pub fn max_chars(&self) -> usize {
        self.max_chars
    }

    /// Hands a message to its chat room's lane, which answers `origin`.
    ///
    /// # Errors
    /// When the message cannot be accepted; nothing is stored then.
    #[tracing::instrument(name = "messenger.send", level = "debug", skip_all)]
    pub async fn send(&self, me: &Me, draft: Draft, origin: Origin) -> Result<(), Error> {
        let submitted = self.submit_message(me, draft, origin).await;
        self.level(submitted).await
    }

    async fn submit_message(&self, me: &Me, draft: Draft, origin: Origin) -> Result<(), Error> {
        let receiver = self.user(&draft.to).await?;
        let allowed = self.rule.allows(me, &receiver.id).await?;
        if !allowed && !Box::pin(self.is_repeat(me, &draft)).await? {
            return Err(Error::UserNotFound);
        }
        let conversation = self.conversation(me, receiver).await?;
        let reception = self.reception(conversation.other.id, me).await?;
        let refused = reception == Reception::Refused;
        if refused && !Box::pin(self.is_repeat(me, &draft)).await? {
            return Err(Error::Blocked);
        }
        let append = Append {
            room: conversation.room,
            from: conversation.me,
            to: conversation.other,
            text: draft.text,
            client_id: draft.client_id,
            withheld: reception == Reception::Withheld,
            origin,
            deadline: origin.since + self.deadline,
        };
        self.lanes
            .submit(Command::Append(append))
            .map_err(|_| Error::Overloaded)
    }

    /// Whether this was stored before: then it is answered so, whatever has
    /// been forbidden since.
    async fn is_repeat(&self, me: &Me, draft: &Draft) -> Result<bool, Error> {
        let Some(client_id) = &draft.client_id else {
            return Ok(false);
        };
        let found = self.store.messages.find_by_client_id(me.id, client_id);
        let found = found.await.map_err(|error| Error::of_read(&error))?;
        Ok(found.is_some())
    }
}
