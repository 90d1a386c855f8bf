//! A database of chatzz 1.x, for `chatzz dev --from-1x` and for the tests of `chatzz adopt`.
//!
//! `fixtures/chatzz-1.1.5.json` is what 1.1.5 wrote, recorded: two people who add each other at
//! the same moment three times, texts sent at once, a note to oneself, two that are too long, a
//! user whom the application deletes, one whom it never had, and a process that is killed while
//! two are online. A text of one repeated character is written as `{repeated, times}`.

use bson::{Bson, Document};
use serde_json::Value;

use crate::DevError;

const RECORDED: &str = include_str!("../fixtures/chatzz-1.1.5.json");
/// The names that mongoose gives the collections.
const NAMES: [&str; 3] = ["chatusers", "chatrooms", "chatmessages"];

/// The recorded documents: chat users, chat rooms, and messages.
///
/// # Errors
/// When the recording cannot be read.
pub fn documents() -> Result<[Vec<Document>; 3], DevError> {
    let unusable = || DevError::Fixture("chatzz-1.1.5.json");
    let recorded: Value = serde_json::from_str(RECORDED).map_err(|_| unusable())?;
    let read = |name: &str| {
        let documents = recorded.get(name).and_then(Value::as_array);
        let documents = documents.into_iter().flatten().map(document);
        documents.collect::<Option<Vec<Document>>>()
    };
    let [users, rooms, messages] = NAMES.map(read);
    let all = users.zip(rooms).zip(messages);
    let ((users, rooms), messages) = all.ok_or_else(unusable)?;
    Ok([users, rooms, messages])
}

fn document(recorded: &Value) -> Option<Document> {
    let mut recorded = recorded.clone();
    let message = recorded.get("message");
    if let Some(times) = message.and_then(|message| message.get("times")) {
        let repeated = message?.get("repeated")?.as_str()?;
        let times = usize::try_from(times.as_u64()?).ok()?;
        let text = repeated.repeat(times);
        *recorded.get_mut("message")? = text.into();
    }
    match Bson::try_from(recorded) {
        Ok(Bson::Document(document)) => Some(document),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recording_is_whole() {
        let [users, rooms, messages] = documents().unwrap();
        assert_eq!([users.len(), rooms.len(), messages.len()], [6, 6, 36]);
        let texts = messages.iter().map(|one| one.get_str("message").unwrap());
        assert_eq!(texts.map(str::len).max(), Some(2_000_000));
        assert!(users[0].get_object_id("user").is_ok());
        assert!(rooms[0].get_datetime("createdAt").is_ok());
    }
}
