//! The bodies of the requests: `{type, timestamp, data}`.

use bson::DateTime;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::config::Hook;
use crate::hooks::{BeforeAdd, BeforeSend};
use crate::id::UserId;

/// A question.
#[derive(Serialize)]
pub(super) struct Question<D> {
    r#type: &'static str,
    /// When it is asked.
    timestamp: Option<String>,
    data: D,
}

impl<D> Question<D> {
    pub(super) fn new(hook: Hook, now: DateTime, data: D) -> Self {
        Self {
            r#type: hook.as_str(),
            timestamp: now.try_to_rfc3339_string().ok(),
            data,
        }
    }
}

/// `data` of `before-send`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Send<'a> {
    from: &'a UserId,
    to: &'a UserId,
    chat_room_id: String,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<&'a str>,
}

impl<'a> From<&'a BeforeSend> for Send<'a> {
    fn from(asked: &'a BeforeSend) -> Self {
        Self {
            from: &asked.from,
            to: &asked.to,
            chat_room_id: asked.chat_room.to_string(),
            message: &asked.message,
            kind: asked.kind.as_deref(),
            data: asked
                .data
                .as_deref()
                .and_then(|data| serde_json::from_str(data).ok()),
            client_id: asked.client_id.as_deref(),
            via: asked.via.as_deref(),
        }
    }
}

/// `data` of `before-add`.
#[derive(Serialize)]
pub(super) struct Add<'a> {
    from: &'a UserId,
    to: &'a UserId,
}

impl<'a> From<&'a BeforeAdd> for Add<'a> {
    fn from(asked: &'a BeforeAdd) -> Self {
        Self {
            from: &asked.from,
            to: &asked.to,
        }
    }
}

/// `data` of `user-details`.
#[derive(Serialize)]
pub(super) struct Users<'a> {
    pub(super) users: &'a [Map<String, Value>],
}
