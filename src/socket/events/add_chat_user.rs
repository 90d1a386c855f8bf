//! `add-chat-user {userToAdd}`: opens the chat room with somebody.
//!
//! The client gets the added user. If the chat room is new, all sockets of the
//! added user and the adder's other sockets get `chat-user-added`.

use std::sync::Arc;

use crate::service::Error;
use crate::socket::{Audience, Call, Outcome};
use crate::wire::{Notice, Reply, request};

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::AddChatUser,
) -> Result<Outcome, Error> {
    let messenger = &call.context.messenger;
    let added = Box::pin(messenger.add(&call.me, &request.user_to_add)).await?;
    let contact = Arc::new(added.added);
    let notices = added.created.then(|| {
        let user = Audience::User(contact.id);
        [
            (user, Arc::new(added.adder)),
            (Audience::OwnOthers, Arc::clone(&contact)),
        ]
    });
    let notices = notices.into_iter().flatten();
    let notices = notices.map(|(who, contact)| (who, Notice::ChatUserAdded(contact)));
    Ok(Outcome {
        described: added.described,
        ..Outcome::new(Reply::Contact(contact), notices)
    })
}
