//! What a packet says: which event, with which payload.

use serde_json::value::RawValue;
use socketioxide_core::Value;

use super::connection::Connection;
use super::fifo::Incoming;
use crate::lanes::Origin;

/// An event's name and first argument.
pub(super) struct Parsed<'a> {
    /// The name as the client wrote it.
    pub(super) name: String,
    pub(super) event: Option<Event>,
    pub(super) payload: Option<&'a RawValue>,
}

/// The events of the contract.
#[derive(Clone, Copy)]
pub(super) enum Event {
    ConnectUser,
    AddChatUser,
    GetOldMessages,
    SendMessage,
    MessageRead,
    MessageDelivered,
    RefreshToken,
    BlockUser,
    UnblockUser,
    GetBlockedUsers,
    SetPrivacy,
    Disconnect,
}

impl Event {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "connect-user" => Self::ConnectUser,
            "add-chat-user" => Self::AddChatUser,
            "get-old-messages" => Self::GetOldMessages,
            "send-message" => Self::SendMessage,
            "message-read" => Self::MessageRead,
            "message-delivered" => Self::MessageDelivered,
            "refresh-token" => Self::RefreshToken,
            "block-user" => Self::BlockUser,
            "unblock-user" => Self::UnblockUser,
            "get-blocked-users" => Self::GetBlockedUsers,
            "set-privacy" => Self::SetPrivacy,
            "disconnect" => Self::Disconnect,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::ConnectUser => "connect-user",
            Self::AddChatUser => "add-chat-user",
            Self::GetOldMessages => "get-old-messages",
            Self::SendMessage => "send-message",
            Self::MessageRead => "message-read",
            Self::MessageDelivered => "message-delivered",
            Self::RefreshToken => "refresh-token",
            Self::BlockUser => "block-user",
            Self::UnblockUser => "unblock-user",
            Self::GetBlockedUsers => "get-blocked-users",
            Self::SetPrivacy => "set-privacy",
            Self::Disconnect => "disconnect",
        }
    }
}

/// Longest name of an unknown event that is told back, in characters.
pub(super) const MOST_NAME_CHARS: usize = 64;

impl<'a> Parsed<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        let text = match value {
            Value::Str(text, _) => text.as_str(),
            Value::Bytes(_) => "[]",
        };
        let arguments: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        let mut arguments = arguments.into_iter();
        let name: String = arguments
            .next()
            .and_then(|name| serde_json::from_str(name.get()).ok())
            .unwrap_or_default();
        Self {
            event: Event::of(&name),
            name,
            payload: arguments.next(),
        }
    }

    pub(super) fn origin(&self, connection: &Connection, event: &Incoming) -> Origin {
        Origin {
            socket: connection.id,
            ack: event.ack,
            event: self.event.map_or("unknown", Event::name),
            since: event.since,
            bytes: event.bytes(),
        }
    }
}
