//! Reading a payload: an object, not too deep, of the right types.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::depth;
use crate::service::Error;

/// Reads a payload; the error names the field that is wrong.
///
/// # Errors
/// [`Error::BadRequest`].
pub fn decode<T: DeserializeOwned>(payload: Option<&RawValue>) -> Result<T, Error> {
    let text = payload.map_or("null", RawValue::get);
    if !text.starts_with('{') {
        return Err(Error::BadRequest("the payload must be an object".into()));
    }
    if !depth::is_within(text, MAX_DEPTH) {
        let nested = format!("the payload is nested deeper than {MAX_DEPTH} levels");
        return Err(Error::BadRequest(nested));
    }
    if may_ask_for_envelope(text) {
        read::<InEveryPayload>(text)?;
    }
    read(text)
}

/// What every payload may have, beside what its event takes.
#[derive(Deserialize)]
struct InEveryPayload {
    /// Whether the answer is sent as an envelope too.
    #[serde(default)]
    envelope: Option<bool>,
}

/// Whether a payload asks for an envelope; one that cannot be read does not.
pub(crate) fn wants_envelope(payload: Option<&RawValue>) -> bool {
    let text = payload.map(RawValue::get);
    text.is_some_and(|text| {
        // nesting that is too deep is refused, not read
        may_ask_for_envelope(text)
            && depth::is_within(text, MAX_DEPTH)
            && read::<InEveryPayload>(text).is_ok_and(|read| read.envelope == Some(true))
    })
}

/// Few events ask for one: the others are not read twice for it. A name in escapes is no name
/// that anybody writes.
fn may_ask_for_envelope(text: &str) -> bool {
    text.contains("\"envelope\"")
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let cause = cause(&error.into_inner());
        Error::BadRequest(if path == "." {
            cause
        } else {
            format!("{path}: {cause}")
        })
    })
}

/// Reads a field that only some dialects look at.
pub(super) fn field<T: DeserializeOwned>(name: &str, value: &RawValue) -> Result<T, Error> {
    let read = serde_json::from_str(value.get());
    read.map_err(|error| Error::BadRequest(format!("{name}: {}", cause(&error))))
}

/// What is wrong with a field, in the words of JSON.
fn cause(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // a payload is JSON already, so that escapes are well formed; those of surrogates need
    // not make a character
    let is_of_text = ["hex escape", "unicode code point"];
    if error.is_syntax() && is_of_text.iter().any(|part| text.contains(part)) {
        return "holds half of a surrogate pair, which is not a character".to_owned();
    }
    // serde_json appends " at line 1 column 12", which means nothing here
    let (cause, _) = text.rsplit_once(" at line ").unwrap_or((&text, ""));
    let cause = without_value(cause);
    match cause.rsplit_once(", expected ") {
        Some((found, "i64" | "u64" | "u32" | "usize")) => format!("{found}, expected an integer"),
        _ => cause,
    }
}

/// Deepest nesting of objects and arrays, including ignored fields. The payloads of
/// events have one level.
const MAX_DEPTH: usize = 16;

/// The message of serde, without the value: it may be a token in the wrong place, and the
/// text of an error ends up in the logs of front ends.
fn without_value(cause: &str) -> String {
    let quoted = cause.starts_with("invalid ").then_some(cause);
    let parts = quoted.and_then(|cause| cause.rsplit_once(", expected "));
    match parts {
        Some((found, expected)) => {
            let kind = found.split(['`', '"']).next().unwrap_or_default();
            format!("{}, expected {expected}", kind.trim_end())
        }
        None => cause.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::service::{ActiveQuery, ContentRules, People, Receipt};
    use crate::wire::request::{self, ConnectUser, GetOldMessages, MessageDelivered, SendMessage};

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn refusal<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> String {
        decode::<T>(Some(&raw(json))).unwrap_err().to_string()
    }

    #[test]
    fn a_wrong_field_is_named() {
        assert_eq!(
            refusal::<SendMessage>(r#"{"userId":"a","message":5}"#),
            "message: invalid type: integer, expected a string"
        );
        assert_eq!(
            refusal::<MessageDelivered>(r#"{"userId":"a","upTo":"s\", expected ` at line 1"}"#),
            "upTo: invalid type: string, expected an integer"
        );
        assert_eq!(
            refusal::<GetOldMessages>(r#"{"userId":1,"limit":true}"#),
            "limit: invalid type: boolean, expected an integer"
        );
        assert_eq!(
            refusal::<SendMessage>(r#"{"message":"x"}"#),
            "missing field `userId`"
        );
        assert!(refusal::<ConnectUser>(r#"{"userId":{"$ne":null}}"#).starts_with("userId: "));
        assert!(refusal::<ConnectUser>(r#"{"userId":1.5}"#).starts_with("userId: "));
        let page = raw(r#"{"userId":1,"date":"x"}"#);
        let page: GetOldMessages = decode(Some(&page)).unwrap();
        let refused = page.into_query(People::Details).unwrap_err();
        assert!(refused.to_string().starts_with("date: "), "{refused}");
    }

    #[test]
    fn half_of_a_surrogate_pair_is_not_a_character() {
        let why = "holds half of a surrogate pair, which is not a character";
        for half in [
            "\\ud83d",
            "\\ud83d\\ud83d",
            "\\udc4b",
            "x\\ud83dx",
            "\\ud83d\\n",
        ] {
            let refused =
                refusal::<SendMessage>(&format!(r#"{{"userId":"a","message":"{half}"}}"#));
            assert_eq!(refused, format!("message: {why}"), "{half}");
            let refused =
                refusal::<MessageDelivered>(&format!(r#"{{"userId":"a","upTo":"{half}"}}"#));
            assert_eq!(refused, format!("upTo: {why}"), "{half}");
            let refused = refusal::<ConnectUser>(&format!(r#"{{"userId":"{half}"}}"#));
            assert_eq!(refused, format!("userId: {why}"), "{half}");
            // the name of a field
            let refused = refusal::<ConnectUser>(&format!(r#"{{"{half}":"a"}}"#));
            assert!(refused.ends_with(why), "{refused}");
        }
        let pair = r#"{"userId":"a","message":"\ud83d\udc4b"}"#;
        decode::<SendMessage>(Some(&raw(pair))).unwrap();
    }

    #[test]
    fn an_id_is_short_and_holds_no_control_characters() {
        let id = |id: &str| format!(r#"{{"userId":{}}}"#, serde_json::Value::from(id));
        decode::<ConnectUser>(Some(&raw(&id(&"x".repeat(1_024))))).unwrap();
        decode::<ConnectUser>(Some(&raw(&id("\u{202e}ü $ne")))).unwrap();
        let long = refusal::<ConnectUser>(&id(&"x".repeat(1_025)));
        assert_eq!(long, "userId: is longer than 1024 bytes");
        for control in ["a\0", "\n", "\u{7f}"] {
            let refused = refusal::<ConnectUser>(&id(control));
            assert_eq!(refused, "userId: must not hold control characters");
        }
    }

    #[test]
    fn a_payload_is_nested_sixteen_levels_deep_at_most() {
        let nested = |levels: usize| {
            let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
            format!(r#"{{"userId":"a","ignored":{open}{close}}}"#)
        };
        decode::<ConnectUser>(Some(&raw(&nested(16)))).unwrap();
        for levels in [17, 10_000] {
            let refused = refusal::<ConnectUser>(&nested(levels));
            assert_eq!(refused, "the payload is nested deeper than 16 levels");
        }
    }

    #[test]
    fn only_an_object_is_a_payload() {
        for json in ["null", "[]", "5", "\"x\"", "true"] {
            assert_eq!(
                refusal::<ConnectUser>(json),
                "the payload must be an object"
            );
        }
        assert!(decode::<ConnectUser>(None).is_err());
    }

    /// Any JSON text of objects with the fields that payloads have.
    fn payload() -> impl Strategy<Value = String> {
        let value = prop_oneof![
            Just("null".to_owned()),
            any::<i64>().prop_map(|number| number.to_string()),
            any::<f64>().prop_map(|number| serde_json::Value::from(number).to_string()),
            any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
            "[0-9T:.Z+-]{0,28}".prop_map(|date| format!("{date:?}")),
            "[\\[\\]{}\":,a-z0-9.\\\\u$ -]{0,30}",
        ];
        let names = "userId|userToAdd|message|clientId|messageId|upTo|date|fromDate|before|after\
                     |limit|envelope|deliveryAcks|whitelist|whitelistOnly|token|typing|data|kind|other";
        let field = (names, value).prop_map(|(name, value)| format!("{name:?}:{value}"));
        proptest::collection::vec(field, 0..6).prop_map(|all| format!("{{{}}}", all.join(",")))
    }

    proptest! {
        #[test]
        fn any_json_is_decoded_or_refused(json in payload()) {
            // what is not JSON never gets this far
            if let Ok(payload) = RawValue::from_string(json) {
                macro_rules! decode_each {
                    ($($name:literal $summary:literal $handler:ident($request:ident) -> $result:ty, $limit:ident, $order:ident;)*) => {
                        $(let _ = decode::<request::$request>(Some(&payload));)*
                    };
                }
                request::client_events!(decode_each);
                let active = decode::<request::GetActiveUsers>(Some(&payload));
                let _ = active.map(ActiveQuery::from);
                let rules = ContentRules { max_chars: 10, max_data: 64, kinds: None };
                let _ = decode::<SendMessage>(Some(&payload)).and_then(|it| it.into_draft(&rules));
                let history = decode::<GetOldMessages>(Some(&payload));
                let _ = history.map(|asked| asked.into_query(People::Ids));
                let _ = decode::<request::MessageRead>(Some(&payload)).and_then(Receipt::try_from);
                let _ = decode::<MessageDelivered>(Some(&payload)).and_then(Receipt::try_from);
            }
        }

        #[test]
        fn a_refusal_repeats_no_value(value in "[a-z]{12}", field in "userId|date|limit|before") {
            for wrong in [
                format!(r#"{{"userId":{{"x":"{value}"}},"{field}":"{value}"}}"#),
                format!(r#"{{"{field}":["{value}"]}}"#),
                format!(r#"{{"userId":1,"{field}":"`{value}\", expected {value} at line 7"}}"#),
            ] {
                if let Err(error) = decode::<GetOldMessages>(Some(&raw(&wrong))) {
                    prop_assert!(!error.to_string().contains(&value), "{error}");
                }
            }
        }
    }
}
