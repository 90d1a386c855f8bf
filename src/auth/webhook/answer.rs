//! The answers of the application.

use std::sync::Arc;

use bson::DateTime;
use serde::Deserialize;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value};

use crate::auth::{self, Verified};
use crate::callout;
use crate::hooks::{Refusal, is_small};
use crate::service::{Error, IdInput};

/// A granted login: `{userId, expiresAt?, meta?}`; the error says what is wrong with it.
pub(super) fn granted(body: &[u8]) -> Result<Verified, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Granted {
        user_id: IdInput,
        #[serde(default)]
        expires_at: Option<Value>,
        #[serde(default)]
        meta: Option<Map<String, Value>>,
    }
    let granted: Granted = callout::object(body).ok_or_else(|| {
        "it is not {userId, expiresAt?, meta?} with a string or an integer as userId".to_owned()
    })?;
    if granted.user_id == IdInput::Text(String::new()) {
        return Err("userId is empty".to_owned());
    }
    let expires_at = granted.expires_at.as_ref().map(date).transpose()?;
    if granted.meta.as_ref().is_some_and(|meta| !is_small(meta)) {
        return Err("meta is larger than 8 KiB".to_owned());
    }
    let meta = granted.meta.map(|meta| to_raw_value(&meta)).transpose();
    let meta = meta.map_err(|_| "meta cannot be written".to_owned())?;
    Ok(Verified {
        user: granted.user_id,
        expires_at,
        meta: meta.map(Arc::from),
    })
}

/// RFC 3339, or milliseconds since 1970.
fn date(value: &Value) -> Result<DateTime, String> {
    let date = match value {
        Value::String(text) => DateTime::parse_rfc3339_str(text).ok(),
        Value::Number(number) => number.as_i64().map(DateTime::from_millis),
        _ => None,
    };
    date.ok_or_else(|| "expiresAt is neither RFC 3339 nor milliseconds since 1970".to_owned())
}

/// A refusal, with the `reason` and the `meta` that the application gives to the front end.
/// It stands whatever is wrong with these.
pub(super) fn refused(body: &[u8]) -> Error {
    #[derive(Deserialize)]
    struct Refused {
        reason: String,
        #[serde(default)]
        meta: Value,
    }
    let Some(Refused { reason, meta }) = callout::object(body) else {
        return auth::refused("the application refused the token");
    };
    let refusal = Refusal::new(&reason).with_meta(meta.as_object().cloned());
    Error::LoginRefused(Arc::new(refusal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_has_a_user_and_perhaps_an_end_and_more() {
        let body = br#"{"userId":7,"expiresAt":"2030-01-01T00:00:00Z","meta":{"a": [1]},"x":1}"#;
        let verified = granted(body).unwrap();
        assert_eq!(verified.user, IdInput::Number(7));
        assert_eq!(
            verified.expires_at.unwrap().timestamp_millis(),
            1_893_456_000_000
        );
        assert_eq!(verified.meta.unwrap().get(), r#"{"a":[1]}"#);
        let verified = granted(br#"{"userId":"a","expiresAt":5,"meta":null}"#).unwrap();
        assert_eq!(verified.expires_at, Some(DateTime::from_millis(5)));
        assert!(verified.meta.is_none());
        assert_eq!(granted(br#"{"userId":"a"}"#).unwrap().expires_at, None);
    }

    #[test]
    fn anything_else_is_no_grant() {
        for body in [
            "",
            "true",
            "{}",
            "[]",
            r#""a""#,
            r#"["a"]"#,
            r#" ["a", 5, null]"#,
            r#"{"userId":null}"#,
            r#"{"userId":""}"#,
            r#"{"userId":1.5}"#,
            r#"{"userId":{"$ne":1}}"#,
            r#"{"userId":["a"]}"#,
            r#"{"userId":"a","expiresAt":"soon"}"#,
            r#"{"userId":"a","expiresAt":true}"#,
            r#"{"userId":"a","meta":5}"#,
        ] {
            assert!(granted(body.as_bytes()).is_err(), "{body}");
        }
        let long = format!(
            r#"{{"userId":"a","meta":{{"a":"{}"}}}}"#,
            "x".repeat(8 * 1024)
        );
        assert!(granted(long.as_bytes()).is_err());
    }

    #[test]
    fn the_reason_of_a_refusal_is_passed_on_bounded_and_without_control_characters() {
        let text = |body: &str| refused(body.as_bytes()).to_string();
        assert_eq!(text(r#"{"reason":"pay\nfirst"}"#), "payfirst");
        for other in ["<html>", r#"["pay"]"#, r#""pay""#, r#"{"reason":5}"#] {
            assert_eq!(text(other), "the application refused the token", "{other}");
        }
        assert_eq!(
            text(&format!(r#"{{"reason":"{}"}}"#, "é".repeat(999)))
                .chars()
                .count(),
            200
        );
    }
}
