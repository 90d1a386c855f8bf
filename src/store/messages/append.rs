//! Adding messages, many at a time and in order.

use std::sync::Arc;
use std::time::Duration;

use mongodb::error::ErrorKind;

use super::{CLIENT_ID, Error, Messages, SEQ};
use crate::domain::Message;
use crate::store::error::{DUPLICATE_KEY, index_name};

/// The result of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Every message is stored, on a majority and journaled.
    All,
    /// Everything before `index` is stored in that way; nothing from it on.
    StoppedAt {
        /// Position, in the batch, of the message that was refused.
        index: usize,
        /// Why.
        refusal: Refusal,
    },
}

/// Which index refused a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `_id`: an earlier attempt of ours stored this very message.
    AlreadyStored,
    /// `(chatRoom, from, clientId)`: the sender has repeated a send.
    Repeated,
    /// `(chatRoom, seq)`: another server has taken the number.
    NumberTaken,
}

impl Messages {
    /// Stores messages in order, stopping at the first that is refused.
    ///
    /// Ordered, so that number n+1 of a chat room never exists without n. Waits at most
    /// `limit`; an operation that has begun continues even then.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer; see [`Error::may_be_applied`].
    pub async fn append(
        &self,
        messages: Arc<[Message]>,
        limit: Duration,
    ) -> Result<Appended, Error> {
        let inserted = self
            .documents
            .insert_ordered("messages.append", limit, messages)
            .await?;
        match inserted {
            Ok(()) => Ok(Appended::All),
            Err(error) => stopped(&error).ok_or_else(|| error.into()),
        }
    }
}

/// Reads which message of a batch an index refused; `None` for other failures.
fn stopped(error: &mongodb::error::Error) -> Option<Appended> {
    let ErrorKind::InsertMany(failure) = error.kind.as_ref() else {
        return None;
    };
    if failure.write_concern_error.is_some() {
        return None;
    }
    let refused = failure.write_errors.as_ref()?.first()?;
    if refused.code != DUPLICATE_KEY {
        return None;
    }
    let refusal = match index_name(&refused.message)?.as_str() {
        CLIENT_ID => Refusal::Repeated,
        SEQ => Refusal::NumberTaken,
        "_id_" => Refusal::AlreadyStored,
        _ => return None,
    };
    Some(Appended::StoppedAt {
        index: refused.index,
        refusal,
    })
}
