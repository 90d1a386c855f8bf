//! Sending a message.

use super::privacy::ConstantTime;
use super::{Actor, ContentRules, Conversation, Error, IdInput, Me, Messenger, Reception};
use crate::domain::{Content, SERVER_KEY_MARK};
use crate::hooks::Turn;
use crate::rooms::{Append, Caller, Command};

/// Longest client id, in characters.
const CLIENT_ID_MAX: usize = 64;

/// A message that may be sent: its content and client id were checked.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(super) to: IdInput,
    pub(super) content: Content,
    pub(super) client_id: Option<String>,
    pub(super) via: Option<String>,
    /// The digest of the content that a hook was asked about.
    pub(super) asked: Option<String>,
    /// The text that the hook puts in its place.
    pub(super) replacement: Option<String>,
}

impl Draft {
    /// Checks a message: its content, and a client id of 1–64 printable ASCII characters.
    ///
    /// # Errors
    /// Those of [`ContentRules::check`], or [`Error::BadRequest`].
    pub fn new(
        to: IdInput,
        content: Content,
        client_id: Option<String>,
        rules: &ContentRules,
    ) -> Result<Self, Error> {
        rules.check(&content)?;
        if let Some(id) = &client_id {
            check_key("clientId", id)?;
        }
        Ok(Self {
            to,
            content,
            client_id,
            via: None,
            asked: None,
            replacement: None,
        })
    }

    /// Checks a message that the application sends as a user, under a key of its own, by
    /// the API key `via`.
    ///
    /// # Errors
    /// Those of [`Draft::new`].
    pub fn of_server(
        to: IdInput,
        content: Content,
        key: &str,
        via: String,
        rules: &ContentRules,
    ) -> Result<Self, Error> {
        check_key("key", key)?;
        Ok(Self {
            client_id: Some(format!("{SERVER_KEY_MARK}{key}")),
            via: Some(via),
            ..Self::new(to, content, None, rules)?
        })
    }

    /// Whom it is for.
    pub fn to(&self) -> &IdInput {
        &self.to
    }
}

/// Checks a sender's key of a send.
fn check_key(field: &str, key: &str) -> Result<(), Error> {
    let bad = |text: &str| Err(Error::BadRequest(format!("{field}: {text}")));
    if !(1..=CLIENT_ID_MAX).contains(&key.len()) {
        return bad("must have 1 to 64 characters");
    }
    if !key.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return bad("must be printable ASCII");
    }
    Ok(())
}

impl Messenger {
    /// What messages may say.
    pub fn content_rules(&self) -> &ContentRules {
        &self.content_rules
    }

    /// Hands a message to its chat room's lane, which answers the caller; in its turn, if a
    /// hook is asked.
    ///
    /// # Errors
    /// When the message cannot be accepted; nothing is stored then.
    #[tracing::instrument(name = "messenger.send", level = "debug", skip_all)]
    pub(crate) async fn send(
        &self,
        me: &Me,
        draft: Draft,
        caller: Caller,
        turn: Option<Turn>,
    ) -> Result<(), Error> {
        // by hand: a future of every send is not to be moved about
        let constant_time = self.rule.is_set().then(ConstantTime::begin);
        let submitted = self
            .submit_message(me, draft, Actor::User, caller, turn)
            .await;
        if let (Some(constant_time), Err(Error::UserNotFound)) = (constant_time, &submitted) {
            constant_time.next().await;
        }
        submitted
    }

    pub(super) async fn submit_message(
        &self,
        me: &Me,
        mut draft: Draft,
        actor: Actor,
        caller: Caller,
        turn: Option<Turn>,
    ) -> Result<(), Error> {
        if let Some(turn) = &turn {
            turn.begin().await;
        }
        let (conversation, reception) = match self.may_send(me, &draft, actor).await {
            Err(refusal @ (Error::UserNotFound | Error::Blocked)) => {
                let repeated = Box::pin(self.repeated(me, &draft)).await?;
                (repeated.ok_or(refusal)?, Reception::Taken)
            }
            found => found?,
        };
        let (conversation, reception) = match self.asked_before_send(actor) {
            None => (conversation, reception),
            Some(hooks) => {
                let send = (me, &mut draft, actor);
                let found = (conversation, reception);
                // boxed: seldom needed, and held by the future of every send
                Box::pin(self.ask_before_send(hooks, send, found, turn.as_ref())).await?
            }
        };
        if let Some(turn) = &turn {
            turn.come().await;
        }
        let people = [&conversation.me.user, &conversation.other.user];
        caller.will_contain(people.map(AsRef::as_ref));
        let append = Append {
            room: conversation.room,
            from: conversation.me,
            to: conversation.other,
            content: draft.content,
            replacement: draft.replacement,
            client_id: draft.client_id,
            via: draft.via,
            asked: draft.asked,
            withheld: reception == Reception::Withheld,
            deadline: caller.since() + self.deadline,
            caller,
        };
        self.lanes
            .submit(Command::Append(append))
            .map_err(|_| Error::Overloaded)
    }

    /// Whom a message goes to, and what becomes of it.
    pub(super) async fn may_send(
        &self,
        me: &Me,
        draft: &Draft,
        actor: Actor,
    ) -> Result<(Conversation, Reception), Error> {
        if actor.is_gone() {
            return Err(Error::UserNotFound);
        }
        let receiver = self.user(&draft.to).await?;
        if !actor.ignores_rule() && !self.rule.allows(me, &receiver.id).await? {
            return Err(Error::UserNotFound);
        }
        let conversation = self.conversation(me, receiver).await?;
        if actor.ignores_block() {
            return Ok((conversation, Reception::Taken));
        }
        match self.reception(conversation.other.id, me).await? {
            Reception::Refused => Err(Error::Blocked),
            reception => Ok((conversation, reception)),
        }
    }

    /// The conversation in which a message was stored under the same client id
    /// before: then that is what is answered, whatever has been forbidden since and
    /// whoever was deleted.
    async fn repeated(&self, me: &Me, draft: &Draft) -> Result<Option<Conversation>, Error> {
        let Some(client_id) = &draft.client_id else {
            return Ok(None);
        };
        let conversation = match self.user_or_deleted(&draft.to).await {
            Ok(receiver) => self.conversation(me, receiver).await,
            Err(error) => Err(error),
        };
        let conversation = match conversation {
            Ok(conversation) => conversation,
            Err(Error::UserNotFound | Error::NoChatRoom) => return Ok(None),
            Err(error) => return Err(error),
        };
        let messages = &self.store.messages;
        let found = messages.find_by_client_id(conversation.room, me.id, client_id);
        let found = found.await.map_err(|error| Error::of_read(&error))?;
        Ok(found.map(|_| conversation))
    }
}
