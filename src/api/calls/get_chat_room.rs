//! `GET /v1/chat-rooms/{id}`: a chat room, and how far its two people got.

use crate::api::problem::Problem;
use crate::api::read::Nothing;
use crate::api::{Call, Reply};
use crate::id::ChatRoomId;
use crate::service::Error;
use crate::wire::call;

pub(in crate::api) async fn handle(call: Call, _: Nothing) -> Result<Reply, Problem> {
    let id = ChatRoomId::parse(&call.id).ok_or(Error::NoChatRoom)?;
    let room = call.api.operator.chat_room(id).await?;
    Ok(Reply::ok(&call::ChatRoom::new(&room)))
}
