//! `add-chat-user {userToAdd}`: opens the chat room with somebody.
//!
//! The client gets the added user. If the chat room is new, all sockets of the
//! added user and the adder's other sockets get `chat-user-added`.

use std::sync::Arc;

use super::{Asker, Audience, Context, Outcome};
use crate::service::Error;
use crate::wire::{envelope, request};

pub(super) async fn handle(
    context: Arc<Context>,
    asker: Asker,
    request: request::AddChatUser,
) -> Result<Outcome, Error> {
    let messenger = &context.messenger;
    let added = messenger.add(&asker.me, &request.user_to_add).await?;
    let deliveries = if added.created {
        vec![
            (
                Audience::User(added.added.id),
                envelope::chat_user_added(&added.adder),
            ),
            (Audience::OwnOthers, envelope::chat_user_added(&added.added)),
        ]
    } else {
        Vec::new()
    };
    Ok(Outcome {
        described: added.described,
        ..Outcome::of(envelope::result::contact(&added.added), deliveries)
    })
}
