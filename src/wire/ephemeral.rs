//! Events about the present, as they arrive.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::service::{ActiveQuery, IdInput};

/// Largest `data` of a signal, as JSON text: 4 KiB.
pub(super) const SIGNAL_MAX_BYTES: usize = 4 * 1024;

/// Payload of `typing`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Typing {
    /// The receiver.
    pub user_id: IdInput,
    /// `false` when the person has stopped.
    #[serde(default)]
    pub typing: Option<bool>,
}

/// Payload of `signal`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Signal {
    /// The receiver.
    pub user_id: IdInput,
    /// Any JSON, sent on unchanged, at most 4 KiB as it is sent.
    #[schemars(with = "Value")]
    #[serde(deserialize_with = "small_json")]
    pub data: Box<RawValue>,
}

/// Reads JSON of at most [`SIGNAL_MAX_BYTES`] that every reader can read: a lone half of
/// a surrogate pair, or a number beyond any double, would fail at the other end.
pub(crate) fn small_json<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Box<RawValue>, D::Error> {
    let data = Box::<RawValue>::deserialize(deserializer)?;
    if data.get().len() > SIGNAL_MAX_BYTES {
        let most = format!("is longer than {SIGNAL_MAX_BYTES} bytes of JSON");
        return Err(de::Error::custom(most));
    }
    serde_json::from_str::<Value>(data.get()).map_err(de::Error::custom)?;
    Ok(data)
}

/// Payload of `get-active-users`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetActiveUsers {
    #[serde(default)]
    after: Option<IdInput>,
    #[serde(default)]
    limit: Option<i64>,
    /// `true` for all contacts, also those who are offline.
    #[serde(default)]
    all: Option<bool>,
}

impl From<GetActiveUsers> for ActiveQuery {
    fn from(GetActiveUsers { after, limit, all }: GetActiveUsers) -> Self {
        let all = all.unwrap_or_default();
        Self { after, limit, all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Error;
    use crate::wire::request;

    fn signal(data: &str) -> Result<String, String> {
        let payload = format!(r#"{{"userId":"a","data":{data}}}"#);
        let payload = RawValue::from_string(payload).unwrap();
        match request::decode::<Signal>(Some(&payload)) {
            Ok(signal) => Ok(signal.data.get().to_owned()),
            Err(Error::BadRequest(text)) => Err(text),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn any_small_json_is_a_signal_and_stays_as_it_is() {
        for data in ["null", "5", "[]", r#"{"b":1.0,"a":"\u00fc"}"#, r#""x""#] {
            assert_eq!(signal(data), Ok(data.to_owned()));
        }
        let most = format!("\"{}\"", "x".repeat(SIGNAL_MAX_BYTES - 2));
        assert_eq!(signal(&most), Ok(most));
    }

    #[test]
    fn what_is_large_or_not_every_reader_can_read_is_refused() {
        let large = format!("\"{}\"", "x".repeat(SIGNAL_MAX_BYTES - 1));
        assert_eq!(
            signal(&large),
            Err("data: is longer than 4096 bytes of JSON".to_owned())
        );
        for odd in [r#""\ud800""#, "1e400"] {
            let refused = signal(odd).unwrap_err();
            assert!(refused.starts_with("data: "), "{refused}");
        }
        let payload = RawValue::from_string(r#"{"userId":"a"}"#.to_owned()).unwrap();
        let missing = request::decode::<Signal>(Some(&payload)).unwrap_err();
        assert_eq!(missing, Error::BadRequest("missing field `data`".into()));
    }
}
