//! Signed tokens.

mod claims;
mod key;
mod key_set;
mod published;
#[cfg(test)]
mod tests;
mod token;

use jsonwebtoken::Algorithm;
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use super::{AuthStartError, Verified, refused};
use crate::clock::Clock;
use crate::config::{JwtAlgorithm, JwtConfig, JwtKey};
use crate::service::Error;
use claims::Claims;
use key::Key;
use key_set::{Choice, KeySet};
use published::Published;
use token::Token;

/// Checks signatures and claims.
#[derive(Debug)]
pub(super) struct Verifier {
    keys: Keys,
    accepted: Vec<Algorithm>,
    claims: Claims,
    clock: Clock,
}

#[derive(Debug)]
enum Keys {
    Fixed(Key),
    Published(Published),
}

impl Verifier {
    pub(super) async fn new(config: &JwtConfig, clock: Clock) -> Result<Self, AuthStartError> {
        let accepted: Vec<Algorithm> = config.algorithms.iter().copied().map(algorithm).collect();
        let keys = match &config.key {
            JwtKey::Secret(secret) => {
                Keys::Fixed(Key::shared(secret.expose_secret().as_bytes(), &accepted))
            }
            JwtKey::PublicKey(pem) => {
                let key = Key::of_pem(pem.as_bytes(), &accepted)
                    .map_err(|why| AuthStartError::new("CHATZZ_JWT_PUBLIC_KEY", why))?;
                Keys::Fixed(key)
            }
            JwtKey::JwksFile(path) => {
                Keys::Published(Published::in_file(path, accepted.clone(), config.refresh).await?)
            }
            JwtKey::JwksUrl(url) => {
                Keys::Published(Published::at_url(url, accepted.clone(), config.refresh).await?)
            }
        };
        Ok(Self {
            keys,
            accepted,
            claims: Claims::new(config),
            clock,
        })
    }

    /// Whose token it is.
    pub(super) async fn verify(&self, token: &SecretString) -> Result<Verified, Error> {
        let token = Token::read(token.expose_secret())?;
        let published = match &self.keys {
            Keys::Fixed(key) => return self.with(&[key], &token),
            Keys::Published(published) => published,
        };
        if let Some(keys) = published.current() {
            match keys.choose(&token) {
                Choice::These(keys) => return self.with(&keys, &token),
                // otherwise it may have been replaced by another one without an id
                Choice::Only(key) if token.is_signed_by(key) => return self.with(&[key], &token),
                Choice::Only(_) | Choice::Unknown => {}
            }
        }
        let keys = published.look_again().await?;
        match keys.choose(&token) {
            Choice::These(keys) => self.with(&keys, &token),
            Choice::Only(key) => self.with(&[key], &token),
            Choice::Unknown => Err(refused("the token's key is not known")),
        }
    }

    /// Keeps published keys up to date until cancelled.
    pub(super) async fn keep(&self, cancelled: CancellationToken) {
        if let Keys::Published(published) = &self.keys {
            published.keep(cancelled).await;
        }
    }

    /// Whose token it is, if one of these keys has signed it.
    fn with(&self, keys: &[&Key], token: &Token<'_>) -> Result<Verified, Error> {
        if !self.accepted.contains(&token.algorithm) {
            return Err(refused("the token's algorithm is not accepted"));
        }
        if !keys.iter().any(|key| token.may_be_of(key)) {
            return Err(refused("the token's algorithm does not fit its key"));
        }
        if !keys.iter().any(|key| token.is_signed_by(key)) {
            return Err(refused("the token's signature does not fit"));
        }
        self.claims.read(&token.claims()?, self.clock.now())
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
