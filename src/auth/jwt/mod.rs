//! Signed tokens.

mod claims;
mod key;
mod key_set;
mod published;
#[cfg(test)]
mod tests;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, decode, decode_header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::{AuthStartError, Verified, refused};
use crate::clock::Clock;
use crate::config::{JwtAlgorithm, JwtConfig, JwtKey};
use crate::service::Error;
use claims::Claims;
use key::Key;
use key_set::{Choice, KeySet};
use published::Published;

/// Checks signatures and claims.
#[derive(Debug)]
pub(super) struct Verifier {
    keys: Keys,
    claims: Claims,
    clock: Clock,
}

#[derive(Debug)]
enum Keys {
    Fixed(KeySet),
    Published(Published),
}

impl Verifier {
    pub(super) async fn new(config: &JwtConfig, clock: Clock) -> Result<Self, AuthStartError> {
        let accepted: Vec<Algorithm> = config.algorithms.iter().copied().map(algorithm).collect();
        let keys = match &config.key {
            JwtKey::Secret(secret) => {
                let key = Key::shared(secret.expose_secret().as_bytes(), &accepted);
                Keys::Fixed(KeySet::one(key))
            }
            JwtKey::PublicKey(pem) => {
                let key = Key::of_pem(pem.as_bytes(), &accepted)
                    .map_err(|why| AuthStartError::new("CHATZZ_JWT_PUBLIC_KEY", why))?;
                Keys::Fixed(KeySet::one(key))
            }
            JwtKey::JwksFile(path) => {
                Keys::Published(Published::in_file(path, accepted, config.refresh).await?)
            }
            JwtKey::JwksUrl(url) => {
                Keys::Published(Published::at_url(url, accepted, config.refresh).await?)
            }
        };
        Ok(Self {
            keys,
            claims: Claims::new(config),
            clock,
        })
    }

    /// Whose token it is.
    pub(super) async fn verify(&self, token: &SecretString) -> Result<Verified, Error> {
        let token = token.expose_secret();
        // `none` and every unknown algorithm fail here
        let header = decode_header(token).map_err(|_| refused("the token cannot be read"))?;
        if header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
            return Err(refused("the token asks for what this server does not know"));
        }
        match &self.keys {
            Keys::Fixed(keys) => self.with(keys.choose(None), &header, token),
            Keys::Published(published) => {
                let kid = header.kid.as_deref();
                if let Some(keys) = published.current()
                    && let choice @ Choice::These(_) = keys.choose(kid)
                {
                    return self.with(choice, &header, token);
                }
                let keys = published.look_again().await?;
                self.with(keys.choose(kid), &header, token)
            }
        }
    }

    /// Keeps published keys up to date until cancelled.
    pub(super) async fn keep(&self, cancelled: CancellationToken) {
        if let Keys::Published(published) = &self.keys {
            published.keep(cancelled).await;
        }
    }

    fn with(&self, choice: Choice<'_>, header: &Header, token: &str) -> Result<Verified, Error> {
        let Choice::These(keys) = choice else {
            return Err(refused("the token's key is not known"));
        };
        let mut refusal = refused("the token's algorithm is not accepted");
        for key in keys {
            // one family for each key: a public key is never used as a shared secret
            if !key.algorithms.contains(&header.alg) {
                continue;
            }
            let validation = self.claims.validation(&key.algorithms);
            match decode::<Map<String, Value>>(token, &key.decoding, &validation) {
                Ok(token) => return self.claims.read(&token.claims, self.clock.now()),
                Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {
                    refusal = refused("the token's signature does not fit");
                }
                Err(error) => return Err(refused(claims::reason(error.kind()))),
            }
        }
        Err(refusal)
    }
}

fn algorithm(name: JwtAlgorithm) -> Algorithm {
    match name {
        JwtAlgorithm::Hs256 => Algorithm::HS256,
        JwtAlgorithm::Hs384 => Algorithm::HS384,
        JwtAlgorithm::Hs512 => Algorithm::HS512,
        JwtAlgorithm::Rs256 => Algorithm::RS256,
        JwtAlgorithm::Es256 => Algorithm::ES256,
        JwtAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}
