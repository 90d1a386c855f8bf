//! The answers of the application: an object with one word, `action`, and what belongs to it.
//! Anything else is no answer, and never taken for one.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::callout;
use crate::hooks::{AddVerdict, Refusal, SendVerdict, is_small};

/// An answer to `before-send`.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
enum ToSend {
    Allow {},
    Refuse {
        reason: String,
        #[serde(default)]
        meta: Option<Map<String, Value>>,
    },
    Replace {
        message: String,
    },
    Withhold {},
}

/// An answer to `before-add`.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
enum ToAdd {
    Allow {},
    Refuse {
        reason: String,
        #[serde(default)]
        meta: Option<Map<String, Value>>,
    },
}

/// An answer to `user-details`.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
enum ToUsers {
    Allow {},
    Replace { users: Vec<Map<String, Value>> },
}

/// Reads an answer; the text of the error repeats nothing of it, since it may be a message.
fn read<T: DeserializeOwned>(body: &[u8], forms: &str) -> Result<T, String> {
    callout::object(body).ok_or_else(|| format!("it is none of {forms}"))
}

fn refusal(reason: &str, meta: Option<Map<String, Value>>) -> Result<Refusal, String> {
    if meta.as_ref().is_some_and(|meta| !is_small(meta)) {
        return Err("meta is larger than 8 KiB".to_owned());
    }
    Ok(Refusal::new(reason).with_meta(meta))
}

pub(super) fn to_send(body: &[u8]) -> Result<SendVerdict, String> {
    const FORMS: &str = "{action: allow}, {action: refuse, reason, meta?}, {action: replace, \
                         message} and {action: withhold}";
    Ok(match read(body, FORMS)? {
        ToSend::Allow {} => SendVerdict::Allow,
        ToSend::Refuse { reason, meta } => SendVerdict::Refuse(refusal(&reason, meta)?),
        ToSend::Replace { message } => SendVerdict::Replace(message),
        ToSend::Withhold {} => SendVerdict::Withhold,
    })
}

pub(super) fn to_add(body: &[u8]) -> Result<AddVerdict, String> {
    const FORMS: &str = "{action: allow} and {action: refuse, reason, meta?}";
    Ok(match read(body, FORMS)? {
        ToAdd::Allow {} => AddVerdict::Allow,
        ToAdd::Refuse { reason, meta } => AddVerdict::Refuse(refusal(&reason, meta)?),
    })
}

/// The users in the order in which they were asked about, whatever order the answer has.
pub(super) fn to_users(
    asked: &[Map<String, Value>],
    body: &[u8],
) -> Result<Vec<Map<String, Value>>, String> {
    const FORMS: &str = "{action: allow} and {action: replace, users}";
    let users = match read(body, FORMS)? {
        ToUsers::Allow {} => return Ok(asked.to_vec()),
        ToUsers::Replace { users } => users,
    };
    let named = users.len();
    let id = |user: &Map<String, Value>| user.get("_id").map(ToString::to_string);
    let users = users.into_iter().map(|user| (id(&user), user));
    let mut users: HashMap<Option<String>, Map<String, Value>> = users.collect();
    let ordered: Option<Vec<_>> = asked.iter().map(|user| users.remove(&id(user))).collect();
    match ordered {
        Some(ordered) if ordered.len() == named => Ok(ordered),
        _ => Err("it does not name each of the users once, by _id".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_action_is_read() {
        assert_eq!(to_send(br#"{"action":"allow"}"#), Ok(SendVerdict::Allow));
        assert_eq!(
            to_send(br#" {"action":"withhold"}"#),
            Ok(SendVerdict::Withhold)
        );
        let replaced = to_send(br#"{"message":"***","action":"replace"}"#);
        assert_eq!(replaced, Ok(SendVerdict::Replace("***".to_owned())));
        let refused = to_send(br#"{"action":"refuse","reason":"no","meta":{"a":1}}"#).unwrap();
        let SendVerdict::Refuse(refusal) = refused else {
            panic!("it is refused");
        };
        assert_eq!(refusal.reason(), "no");
        assert_eq!(refusal.meta().map(|meta| meta["a"].clone()), Some(json!(1)));
        assert_eq!(to_add(br#"{"action":"allow"}"#), Ok(AddVerdict::Allow));
        assert!(matches!(
            to_add(br#"{"action":"refuse","reason":""}"#),
            Ok(AddVerdict::Refuse(_))
        ));
    }

    #[test]
    fn anything_else_is_no_answer_and_is_not_repeated() {
        for body in [
            "",
            "null",
            "true",
            "\"allow\"",
            "[\"allow\"]",
            "[{\"action\":\"allow\"}]",
            "{}",
            "{\"action\":null}",
            "{\"action\":true}",
            "{\"action\":\"Allow\"}",
            "{\"action\":\"canary\"}",
            "{\"action\":[\"allow\"]}",
            "{\"action\":\"allow\",\"action\":\"refuse\",\"reason\":\"\"}",
            "{\"action\":\"allow\",\"reason\":\"canary\"}",
            "{\"action\":\"refuse\"}",
            "{\"action\":\"refuse\",\"reason\":5}",
            "{\"action\":\"refuse\",\"reason\":\"\",\"meta\":[]}",
            "{\"action\":\"replace\"}",
            "{\"action\":\"replace\",\"mesage\":\"canary\"}",
            "{\"action\":\"allow\"} trailing",
        ] {
            let refused = to_send(body.as_bytes()).unwrap_err();
            assert!(!refused.contains("canary"), "{refused}");
        }
        let large = json!({ "action": "refuse", "reason": "", "meta": { "a": "x".repeat(9_000) } });
        assert_eq!(
            to_send(large.to_string().as_bytes()).unwrap_err(),
            "meta is larger than 8 KiB"
        );
        to_add(br#"{"action":"withhold"}"#).unwrap_err();
    }

    #[test]
    fn shaped_users_are_matched_by_id() {
        let users = |ids: &[i64]| -> Vec<Map<String, Value>> {
            let users = ids.iter().map(|id| json!({ "_id": id, "of": id }));
            users
                .map(|user| user.as_object().cloned().unwrap())
                .collect()
        };
        let asked = users(&[1, 2]);
        let answer = |ids: &[i64]| {
            let answer = json!({ "action": "replace", "users": users(ids) });
            to_users(&asked, answer.to_string().as_bytes())
        };
        assert_eq!(answer(&[2, 1]).unwrap(), asked);
        for wrong in [&[1_i64] as &[i64], &[1, 1], &[1, 2, 3], &[1, 3], &[1, 2, 2]] {
            answer(wrong).unwrap_err();
        }
        assert_eq!(to_users(&asked, br#"{"action":"allow"}"#).unwrap(), asked);
        to_users(&asked, br#"{"action":"refuse","reason":""}"#).unwrap_err();
    }
}
