//! The handlers of client events; the table of events is in `wire::request`.

pub(super) mod add_chat_user;
pub(super) mod block_user;
pub(super) mod connect_user;
pub(super) mod get_active_users;
pub(super) mod get_blocked_users;
pub(super) mod get_changes;
pub(super) mod get_old_messages;
pub(super) mod message_delivered;
pub(super) mod message_read;
pub(super) mod refresh_token;
pub(super) mod send_message;
pub(super) mod set_privacy;
pub(super) mod signal;
pub(super) mod typing;
pub(super) mod unblock_user;
