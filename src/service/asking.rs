//! Asking the hooks, where the messenger's own rules let something pass.

use std::sync::Arc;

use super::privacy::Reception;
use super::{Actor, Conversation, Draft, Error, Me, Messenger};
use crate::domain::Message;
use crate::hooks::{
    AddVerdict, BeforeAdd, BeforeSend, CannotAsk, Hook, HookPoints, SendVerdict, SentOnce, Turn,
};
use crate::id::{ChatRoomId, UserId};

impl Messenger {
    /// Whether sends or new chat rooms wait for a hook: those of one socket then have turns.
    pub(crate) fn has_turns(&self) -> bool {
        let asks =
            |hooks: &Arc<HookPoints>| hooks.asks(Hook::BeforeSend) || hooks.asks(Hook::BeforeAdd);
        self.hooks.as_ref().is_some_and(asks)
    }

    /// The hooks, if one is asked about this send.
    pub(super) fn asked_before_send(&self, actor: Actor) -> Option<&HookPoints> {
        self.asked(Hook::BeforeSend, actor)
    }

    fn asked(&self, hook: Hook, actor: Actor) -> Option<&HookPoints> {
        let hooks = self.hooks.as_deref()?;
        (!actor.ignores_hooks() && hooks.asks(hook)).then_some(hooks)
    }

    /// The message as it is to be stored, and whether its receiver gets it. A repeat of what
    /// is stored is not asked about: it is answered with that, whatever a hook says by now.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Unavailable`] when the hook cannot be asked and the
    /// policy is to refuse; failures.
    #[tracing::instrument(name = "messenger.ask_before_send", level = "debug", skip_all)]
    pub(super) async fn ask_before_send(
        &self,
        hooks: &HookPoints,
        (me, draft, conversation, reception): (&Me, Draft, &Conversation, Reception),
        turn: Option<&Turn>,
    ) -> Result<(Draft, Reception), Error> {
        if let Some(client_id) = &draft.client_id {
            let messages = &self.store.messages;
            let found = messages.find_by_client_id(conversation.room, me.id, client_id);
            if let Some(stored) = found.await.map_err(|error| Error::of_read(&error))? {
                return Ok((repeated(hooks, me, draft, stored), reception));
            }
        }
        let place = match turn {
            Some(turn) => turn.place().await,
            None => None,
        };
        let asked = BeforeSend {
            from: me.user.clone(),
            to: conversation.other.user.id.clone(),
            chat_room: conversation.room,
            message: draft.text.clone(),
            client_id: draft.client_id.clone().filter(|_| draft.via.is_none()),
            via: draft.via.clone(),
        };
        let may_be_sent = |text: &str| super::sending::check_text(text, self.max_chars).is_ok();
        let verdict = hooks.before_send(&asked, may_be_sent).await;
        drop(place);
        match verdict.map_err(|CannotAsk(_)| Error::Unavailable)? {
            SendVerdict::Allow => Ok((draft, reception)),
            SendVerdict::Refuse(refusal) => Err(Error::Refused(Arc::new(refusal))),
            SendVerdict::Withhold => Ok((draft, Reception::Withheld)),
            SendVerdict::Replace(text) => {
                let digest = as_sent(&draft, me, conversation.room).map(|sent| hooks.digest(&sent));
                let replaced = Draft {
                    asked: digest.flatten(),
                    text,
                    ..draft
                };
                Ok((replaced, reception))
            }
        }
    }

    /// Asks about a new chat room.
    ///
    /// # Errors
    /// Those of [`Messenger::ask_before_send`].
    pub(super) async fn ask_before_add(
        &self,
        me: &Me,
        whom: &UserId,
        actor: Actor,
    ) -> Result<(), Error> {
        let Some(hooks) = self.asked(Hook::BeforeAdd, actor) else {
            return Ok(());
        };
        let asked = BeforeAdd {
            from: me.user.clone(),
            to: whom.clone(),
        };
        let verdict = Box::pin(hooks.before_add(&asked)).await;
        match verdict.map_err(|CannotAsk(_)| Error::Unavailable)? {
            AddVerdict::Allow => Ok(()),
            AddVerdict::Refuse(refusal) => Err(Error::Refused(Arc::new(refusal))),
        }
    }
}

/// A send that repeats what is stored: where a hook replaced the text then and the sender
/// sends the same as then, it is a repeat of what it was replaced by.
fn repeated(hooks: &HookPoints, me: &Me, draft: Draft, stored: Message) -> Draft {
    let sent = as_sent(&draft, me, stored.chat_room);
    let is_same = match (&stored.asked, sent) {
        (Some(digest), Some(sent)) => hooks.is_digest(digest, &sent),
        _ => false,
    };
    if is_same {
        Draft {
            text: stored.message,
            ..draft
        }
    } else {
        draft
    }
}

/// What makes the draft the same one when it is sent again; nothing does without a client id.
fn as_sent<'a>(draft: &'a Draft, me: &'a Me, room: ChatRoomId) -> Option<SentOnce<'a>> {
    Some(SentOnce {
        room,
        from: &me.user,
        client_id: draft.client_id.as_deref()?,
        text: &draft.text,
    })
}
