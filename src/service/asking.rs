//! Asking the hooks, where the messenger's own rules let something pass.

use std::sync::Arc;

use super::privacy::Reception;
use super::{Actor, Conversation, Draft, Error, Me, Messenger};
use crate::domain::{Content, Message};
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

    /// Makes of a message what is to be stored, and says whether its receiver gets it. A
    /// repeat of what is stored is not asked about: it is answered with that, whatever a hook
    /// says by now.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Unavailable`] when the hook cannot be asked and the
    /// policy is to refuse; failures.
    #[tracing::instrument(name = "messenger.ask_before_send", level = "debug", skip_all)]
    pub(super) async fn ask_before_send(
        &self,
        hooks: &HookPoints,
        (me, draft, conversation): (&Me, &mut Draft, &Conversation),
        reception: Reception,
        turn: Option<&Turn>,
    ) -> Result<Reception, Error> {
        if let Some(client_id) = &draft.client_id {
            let messages = &self.store.messages;
            let found = messages.find_by_client_id(conversation.room, me.id, client_id);
            if let Some(stored) = found.await.map_err(|error| Error::of_read(&error))? {
                if is_replaced(hooks, me, draft, &stored) {
                    draft.content = Content {
                        text: stored.message,
                        kind: stored.kind,
                        data: stored.data,
                    };
                }
                return Ok(reception);
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
            message: draft.content.text.clone(),
            kind: draft.content.kind.clone(),
            data: draft.content.data.clone(),
            client_id: draft.client_id.clone().filter(|_| draft.via.is_none()),
            via: draft.via.clone(),
        };
        let may_be_sent = |text: &str| self.content_rules.check_text(text).is_ok();
        let verdict = hooks.before_send(&asked, may_be_sent).await;
        drop(place);
        match verdict.map_err(|CannotAsk(_)| Error::Unavailable)? {
            SendVerdict::Allow => Ok(reception),
            SendVerdict::Refuse(refusal) => Err(Error::Refused(Arc::new(refusal))),
            SendVerdict::Withhold => Ok(Reception::Withheld),
            SendVerdict::Replace(text) => {
                let sent = as_sent(draft, me, conversation.room);
                draft.asked = sent.and_then(|sent| hooks.digest(&sent));
                draft.content.text = text;
                Ok(reception)
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

/// Whether a hook replaced the text of what is stored, and the sender sends the same as then.
fn is_replaced(hooks: &HookPoints, me: &Me, draft: &Draft, stored: &Message) -> bool {
    let sent = as_sent(draft, me, stored.chat_room);
    let digest = stored.asked.as_deref().zip(sent);
    digest.is_some_and(|(digest, sent)| hooks.is_digest(digest, &sent))
}

/// What makes the draft the same one when it is sent again; nothing does without a client id.
fn as_sent<'a>(draft: &'a Draft, me: &'a Me, room: ChatRoomId) -> Option<SentOnce<'a>> {
    Some(SentOnce {
        room,
        from: &me.user,
        client_id: draft.client_id.as_deref()?,
        content: &draft.content,
    })
}
