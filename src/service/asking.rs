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

    /// Makes of a message what is to be stored, and says whether its receiver gets it. A
    /// repeat of what is stored is answered with that, whatever a hook says by now.
    ///
    /// The answer takes its time: what a client has sent twice may have been stored meanwhile,
    /// and what was allowed before may be forbidden.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Unavailable`] when the hook cannot be asked and the
    /// policy is to refuse; those of [`Messenger::may_send`]; failures.
    #[tracing::instrument(name = "messenger.ask_before_send", level = "debug", skip_all)]
    pub(super) async fn ask_before_send(
        &self,
        hooks: &HookPoints,
        (me, draft, actor): (&Me, &mut Draft, Actor),
        found: (Conversation, Reception),
        turn: Option<&Turn>,
    ) -> Result<(Conversation, Reception), Error> {
        let conversation = &found.0;
        if self.is_stored(hooks, me, draft, conversation.room).await? {
            return Ok(found);
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
        let sent = as_sent(draft, me, conversation.room);
        draft.asked = sent.and_then(|sent| hooks.digest(&sent));
        let refusal = match verdict.map_err(|CannotAsk(_)| Error::Unavailable)? {
            SendVerdict::Refuse(refusal) => Error::Refused(Arc::new(refusal)),
            verdict @ (SendVerdict::Allow | SendVerdict::Withhold | SendVerdict::Replace(_)) => {
                let is_withheld = verdict == SendVerdict::Withhold;
                if let SendVerdict::Replace(text) = verdict {
                    draft.replacement = Some(text);
                }
                if let Some(turn) = turn {
                    turn.come().await;
                }
                match self.may_send(me, draft, actor).await {
                    Ok((to, _)) if is_withheld => return Ok((to, Reception::Withheld)),
                    Err(refusal @ (Error::UserNotFound | Error::Blocked)) => refusal,
                    found => return found,
                }
            }
        };
        let is_stored = self.is_stored(hooks, me, draft, conversation.room).await?;
        if is_stored { Ok(found) } else { Err(refusal) }
    }

    /// Whether something is stored under the draft's client id. If that is what a hook made of
    /// it, the draft is recognised as the same.
    async fn is_stored(
        &self,
        hooks: &HookPoints,
        me: &Me,
        draft: &mut Draft,
        room: ChatRoomId,
    ) -> Result<bool, Error> {
        let Some(client_id) = &draft.client_id else {
            return Ok(false);
        };
        let messages = &self.store.messages;
        let stored = messages.find_by_client_id(room, me.id, client_id).await;
        let Some(stored) = stored.map_err(|error| Error::of_read(&error))? else {
            return Ok(false);
        };
        if is_replaced(hooks, me, draft, &stored) {
            draft.asked = stored.asked;
        }
        Ok(true)
    }

    /// Asks about a new chat room; `false` when nobody was asked.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Unavailable`] when the hook cannot be asked and the
    /// policy is to refuse.
    pub(super) async fn ask_before_add(
        &self,
        me: &Me,
        whom: &UserId,
        actor: Actor,
    ) -> Result<bool, Error> {
        let Some(hooks) = self.asked(Hook::BeforeAdd, actor) else {
            return Ok(false);
        };
        let asked = BeforeAdd {
            from: me.user.clone(),
            to: whom.clone(),
        };
        let verdict = Box::pin(hooks.before_add(&asked)).await;
        match verdict.map_err(|CannotAsk(_)| Error::Unavailable)? {
            AddVerdict::Allow => Ok(true),
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
