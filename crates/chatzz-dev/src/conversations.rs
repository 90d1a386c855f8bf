//! What the demo users have written to each other before anybody tries the demo.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::DevError;

const CONVERSATIONS: &str = include_str!("../fixtures/conversations.json");
const CONVERSATIONS_FILE: &str = "conversations.json";
const MINUTE: Duration = Duration::from_mins(1);

/// A message between two demo users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoMessage {
    /// The id of the user who sent it.
    pub from: String,
    /// The id of the user who received it.
    pub to: String,
    /// How long ago it was sent.
    pub ago: Duration,
    /// Its text.
    pub message: String,
    /// Whether the receiver has not read it yet.
    pub is_unread: bool,
}

/// One of the file: the users are named.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    from: String,
    to: String,
    minutes_ago: u32,
    message: String,
    #[serde(default)]
    unread: bool,
}

/// Reads them, in their order in each chat room; `users` are the demo users.
pub(super) fn of_users(users: &Value) -> Result<Vec<DemoMessage>, DevError> {
    let wrong = || DevError::Fixture(CONVERSATIONS_FILE);
    let lines: Vec<Line> = serde_json::from_str(CONVERSATIONS).map_err(|_| wrong())?;
    let id_of = |name: &str| {
        let mut users = users.as_array().into_iter().flatten();
        let user = users.find(|user| user.get("username").is_some_and(|one| one == name));
        let id = user.and_then(|user| user.get("_id")?.as_str());
        id.map(str::to_owned).ok_or_else(wrong)
    };
    let messages = lines.into_iter().map(|line| {
        Ok(DemoMessage {
            from: id_of(&line.from)?,
            to: id_of(&line.to)?,
            ago: MINUTE * line.minutes_ago,
            message: line.message,
            is_unread: line.unread,
        })
    });
    messages.collect()
}
