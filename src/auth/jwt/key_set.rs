//! The keys that are valid at one time.

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::Value;

use super::Key;
use super::token::{ED25519, EDDSA, Token};
use crate::callout;

/// Most keys of a set that are read; login services publish two or three.
const MAX_KEYS: usize = 64;
/// Most keys that a token without a key id is tried with.
const MAX_TRIED: usize = 8;

/// The keys that are valid at one time.
#[derive(Debug)]
pub(super) struct KeySet(Vec<Key>);

/// Which keys a token may have been signed with.
pub(super) enum Choice<'a> {
    /// Those of the id that the token names; all of them when it names none.
    These(Vec<&'a Key>),
    /// The only key of its kind, which has no id, though the token names one.
    Only(&'a Key),
    /// The token names a key that is not in the set.
    Unknown,
}

impl KeySet {
    /// Reads a JWKS. Unusable keys are skipped; a set without any usable key is an error.
    pub(super) fn parse(json: &[u8], accepted: &[Algorithm]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<Value>,
        }
        let jwks: Jwks = callout::object(json)
            .ok_or_else(|| "it is not a JSON object with `keys`".to_owned())?;
        let mut keys = Vec::new();
        for mut value in jwks.keys.into_iter().take(MAX_KEYS) {
            if let Some(alg) = value.get_mut("alg")
                && *alg == ED25519
            {
                *alg = EDDSA.into();
            }
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

    /// The keys that a token may have been signed with, up to the limit.
    pub(super) fn choose(&self, token: &Token<'_>) -> Choice<'_> {
        let wanted = token.key_id.as_deref();
        let fits = |key: &&Key| wanted.is_none() || key.id.as_deref() == wanted;
        let keys: Vec<&Key> = self.0.iter().filter(fits).take(MAX_TRIED).collect();
        if !keys.is_empty() {
            return Choice::These(keys);
        }
        let mut of_its_kind = self.0.iter().filter(|key| token.may_be_of(key));
        match (of_its_kind.next(), of_its_kind.next()) {
            (Some(key), None) if key.id.is_none() => Choice::Only(key),
            _ => Choice::Unknown,
        }
    }
}
