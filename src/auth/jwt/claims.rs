//! What a token must contain, and what it says.

use std::collections::HashSet;
use std::time::Duration;

use bson::DateTime;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use serde_json::{Map, Value};

use crate::auth::{Verified, refused};
use crate::config::JwtConfig;
use crate::service::{Error, IdInput};

/// Longest id of a user, in characters.
const MAX_ID_CHARS: usize = 256;
/// The end of the year 9999 in seconds, the last that RFC 3339 can write.
const END_OF_TIME: u64 = 253_402_300_799;

/// What a token must contain.
#[derive(Debug)]
pub(super) struct Claims {
    issuer: Option<String>,
    audience: Vec<String>,
    leeway: Duration,
    user: String,
    require_expiry: bool,
}

impl Claims {
    pub(super) fn new(config: &JwtConfig) -> Self {
        Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            leeway: config.leeway,
            user: config.user_claim.clone(),
            require_expiry: config.require_expiry,
        }
    }

    /// The checks for a key with these algorithms.
    pub(super) fn validation(&self, algorithms: &[Algorithm]) -> Validation {
        let mut validation = Validation {
            algorithms: algorithms.to_vec(),
            leeway: self.leeway.as_secs(),
            validate_nbf: true,
            required_spec_claims: HashSet::new(),
            ..Validation::default()
        };
        let mut require = |name: &str| validation.required_spec_claims.insert(name.to_owned());
        if self.require_expiry {
            require("exp");
        }
        // a configured claim must also be present
        if self.issuer.is_some() {
            require("iss");
        }
        if !self.audience.is_empty() {
            require("aud");
            validation.set_audience(&self.audience);
        }
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
        }
        validation
    }

    /// Whose token it is; the signature and [`Self::validation`] have been checked.
    pub(super) fn read(
        &self,
        claims: &Map<String, Value>,
        now: DateTime,
    ) -> Result<Verified, Error> {
        // jsonwebtoken passes an `aud` of another type when no audience is set
        if self.audience.is_empty() && claims.contains_key("aud") {
            return Err(refused(reason(&ErrorKind::InvalidAudience)));
        }
        let expires_at = claims.get("exp").map(|end| self.end(end)).transpose()?;
        // jsonwebtoken counts whole seconds, and accepts the last one
        if expires_at.is_some_and(|end| end <= now) {
            return Err(refused(reason(&ErrorKind::ExpiredSignature)));
        }
        Ok(Verified {
            user: self.user(claims)?,
            expires_at,
            meta: None,
        })
    }

    fn end(&self, exp: &Value) -> Result<DateTime, Error> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float's cast saturates, and the end of time bounds it"
        )]
        let seconds = exp.as_u64().or_else(|| exp.as_f64().map(|exp| exp as u64));
        let seconds = seconds.ok_or_else(|| refused("the token's exp is no number"))?;
        let end = Duration::from_secs(seconds.min(END_OF_TIME)) + self.leeway;
        let end = i64::try_from(end.as_millis()).unwrap_or(i64::MAX);
        Ok(DateTime::from_millis(end))
    }

    fn user(&self, claims: &Map<String, Value>) -> Result<IdInput, Error> {
        let nobody = || refused("the token names no user");
        let claim = claims.get(&self.user).ok_or_else(nobody)?;
        let user: IdInput = serde_json::from_value(claim.clone()).map_err(|_| nobody())?;
        match &user {
            IdInput::Text(text) if text.is_empty() || text.chars().count() > MAX_ID_CHARS => {
                Err(nobody())
            }
            IdInput::Text(_) | IdInput::Number(_) => Ok(user),
        }
    }
}

/// The reason of a refusal, for the front end's developer.
pub(super) fn reason(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidAudience => "the token is for another audience",
        ErrorKind::InvalidIssuer => "the token is of another issuer",
        ErrorKind::MissingRequiredClaim(claim) => match claim.as_str() {
            "exp" => "the token has no exp",
            "iss" => "the token has no iss",
            "aud" => "the token has no aud",
            _ => "the token lacks a claim",
        },
        ErrorKind::InvalidClaimFormat(_) => "the token has a claim of the wrong type",
        ErrorKind::InvalidAlgorithm => "the token's algorithm is not accepted",
        _ => "the token cannot be read",
    }
}
