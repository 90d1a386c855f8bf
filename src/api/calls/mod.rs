//! One file for each call: what it is asked, and what it does.

pub(super) mod block_user;
pub(super) mod end_sockets;
pub(super) mod export_user;
pub(super) mod find_chat_room;
pub(super) mod get_chat_room;
pub(super) mod get_message;
pub(super) mod get_presence;
pub(super) mod get_unread;
pub(super) mod get_user;
pub(super) mod list_chat_rooms;
pub(super) mod list_events;
pub(super) mod list_letters;
pub(super) mod list_messages;
pub(super) mod mark_read;
pub(super) mod open_chat_room;
pub(super) mod openapi;
pub(super) mod redact_chat_room;
pub(super) mod redact_message;
pub(super) mod retry_letter;
pub(super) mod send_batch;
pub(super) mod send_message;
pub(super) mod send_signal;
pub(super) mod unblock_user;
