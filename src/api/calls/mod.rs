//! One file for each call: what it is asked, and what it does.

pub(super) mod find_chat_room;
pub(super) mod get_chat_room;
pub(super) mod get_message;
pub(super) mod get_user;
pub(super) mod list_chat_rooms;
pub(super) mod list_messages;
pub(super) mod openapi;
pub(super) mod send_message;
