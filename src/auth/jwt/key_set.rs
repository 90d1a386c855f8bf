//! The keys that are valid at one time.

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::Value;

use super::Key;

/// Most keys of a set that are read; login services publish two or three.
const MAX_KEYS: usize = 64;
/// Most keys that a token without a key id is tried with.
const MAX_TRIED: usize = 8;

/// The keys that are valid at one time.
#[derive(Debug)]
pub(super) struct KeySet(Vec<Key>);

/// Which keys a token may have been signed with.
pub(super) enum Choice<'a> {
    These(Vec<&'a Key>),
    /// The token names a key that is not in the set.
    Unknown,
}

impl KeySet {
    pub(super) fn one(key: Key) -> Self {
        Self(vec![key])
    }

    /// Reads a JWKS. Unusable keys are skipped; a set without any usable key is an error.
    pub(super) fn parse(json: &[u8], accepted: &[Algorithm]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<Value>,
        }
        let jwks: Jwks = serde_json::from_slice(json)
            .map_err(|_| "it is not a JSON object with `keys`".to_owned())?;
        let mut keys = Vec::new();
        for value in jwks.keys.into_iter().take(MAX_KEYS) {
            let kid = value.get("kid").and_then(Value::as_str);
            let kid = kid.unwrap_or("none").to_owned();
            let read = serde_json::from_value::<Jwk>(value)
                .map_err(|_| "it is no JWK".to_owned())
                .and_then(|jwk| Key::of_jwk(&jwk, accepted));
            match read {
                Ok(key) => keys.push(key),
                Err(why) => tracing::debug!(kid, why, "a key of the JWKS is passed over"),
            }
        }
        if keys.is_empty() {
            return Err("no key in it fits the algorithms that are accepted".to_owned());
        }
        Ok(Self(keys))
    }

    /// The keys with this id; without an id all of them, up to the limit.
    pub(super) fn choose(&self, kid: Option<&str>) -> Choice<'_> {
        let fits = |key: &&Key| kid.is_none() || key.id.as_deref() == kid;
        let keys: Vec<&Key> = self.0.iter().filter(fits).take(MAX_TRIED).collect();
        if keys.is_empty() {
            Choice::Unknown
        } else {
            Choice::These(keys)
        }
    }
}
