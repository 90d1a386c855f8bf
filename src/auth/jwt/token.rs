//! The parts of a token (RFC 7515 §3.1), before anything in it is believed.

use std::str::FromStr as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};

use super::Key;
use crate::auth::refused;
use crate::callout;
use crate::service::Error;

/// The name of EdDSA with the curve Ed25519 in RFC 9864; `jsonwebtoken` has the older one.
pub(super) const ED25519: &str = "Ed25519";
/// The older name.
pub(super) const EDDSA: &str = "EdDSA";

/// A token.
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    /// The id of the key that it says it is signed with.
    pub(super) key_id: Option<String>,
    /// What is signed: head and claims.
    signed: &'a str,
    claims: &'a str,
    signature: &'a str,
}

/// What the first part says.
#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood; chatzz understands none.
    crit: Option<IgnoredAny>,
    /// Of encrypted tokens.
    enc: Option<IgnoredAny>,
    /// Of compressed ones.
    zip: Option<IgnoredAny>,
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    pub(super) fn read(text: &'a str) -> Result<Self, Error> {
        let (signed, signature) = text.rsplit_once('.').ok_or_else(unreadable)?;
        let (head, claims) = signed.split_once('.').ok_or_else(unreadable)?;
        let head: Head = decoded(head)?;
        if head.crit.is_some() || head.enc.is_some() || head.zip.is_some() {
            return Err(refused("the token asks for what this server does not know"));
        }
        let alg = if head.alg == ED25519 {
            EDDSA
        } else {
            &head.alg
        };
        // `none` and every unknown algorithm fail here
        let algorithm = Algorithm::from_str(alg)
            .map_err(|_| refused("the token's algorithm is not accepted"))?;
        Ok(Self {
            algorithm,
            key_id: head.kid,
            signed,
            claims,
            signature,
        })
    }

    /// Whether a key can have signed a token of this algorithm. There is one family for
    /// each key: a public key is never used as a shared secret.
    pub(super) fn may_be_of(&self, key: &Key) -> bool {
        key.algorithms.contains(&self.algorithm)
    }

    /// Whether a key has signed it.
    pub(super) fn is_signed_by(&self, key: &Key) -> bool {
        let signed = self.signed.as_bytes();
        self.may_be_of(key)
            && jsonwebtoken::crypto::verify(self.signature, signed, &key.decoding, self.algorithm)
                .unwrap_or(false)
    }

    /// What it says; see [`Self::is_signed_by`] first.
    pub(super) fn claims(&self) -> Result<Map<String, Value>, Error> {
        decoded(self.claims)
    }
}

/// A part: a JSON object as base64url without padding.
fn decoded<T: DeserializeOwned>(part: &str) -> Result<T, Error> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| unreadable())?;
    callout::object(&json).ok_or_else(unreadable)
}

fn unreadable() -> Error {
    refused("the token cannot be read")
}
