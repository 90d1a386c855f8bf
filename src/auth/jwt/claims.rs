//! What a token must contain, and what it says (RFC 7519 §4.1).

use std::time::Duration;

use bson::DateTime;
use serde_json::{Map, Value};

use crate::auth::{Verified, refused};
use crate::config::JwtConfig;
use crate::service::{Error, IdInput};

/// Longest id of a user, in characters.
const MAX_ID_CHARS: usize = 256;
/// Most characters of a claim's name in a refusal.
const MAX_NAME_CHARS: usize = 40;
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

    /// Whose token it is; its signature has been checked. The refusal names the claim.
    pub(super) fn read(
        &self,
        claims: &Map<String, Value>,
        now: DateTime,
    ) -> Result<Verified, Error> {
        let expires_at = self.check_times(claims, now)?;
        self.check_issuer(claims)?;
        self.check_audience(claims)?;
        Ok(Verified {
            user: self.user(claims)?,
            expires_at,
            meta: None,
        })
    }

    /// `exp` and `nbf`; the end of the token.
    fn check_times(
        &self,
        claims: &Map<String, Value>,
        now: DateTime,
    ) -> Result<Option<DateTime>, Error> {
        let end = time(claims, "exp")?;
        if end.is_none() && self.require_expiry {
            return Err(refused("the token has no exp"));
        }
        let end = end.map(|end| date(end + self.leeway));
        if end.is_some_and(|end| end <= now) {
            return Err(refused("the token has expired"));
        }
        let begin = time(claims, "nbf")?;
        if begin.is_some_and(|begin| date(begin.saturating_sub(self.leeway)) > now) {
            return Err(refused("the token is not valid yet"));
        }
        Ok(end)
    }

    fn check_issuer(&self, claims: &Map<String, Value>) -> Result<(), Error> {
        let Some(wanted) = &self.issuer else {
            return Ok(());
        };
        match claim(claims, "iss") {
            Some(Value::String(issuer)) if issuer == wanted => Ok(()),
            Some(Value::String(_)) => Err(refused("the token is of another issuer")),
            Some(_) => Err(refused("the token's iss is not a string")),
            None => Err(refused("the token has no iss")),
        }
    }

    fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), Error> {
        let named: Vec<&Value> = match claim(claims, "aud") {
            Some(Value::Array(several)) => several.iter().collect(),
            Some(one) => vec![one],
            None if self.audience.is_empty() => return Ok(()),
            None => return Err(refused("the token has no aud")),
        };
        if !named.iter().all(|one| one.is_string()) {
            let why = "the token's aud is neither a string nor a list of strings";
            return Err(refused(why));
        }
        if self.audience.is_empty() {
            return Err(refused(
                "the token has an aud, and this server expects none",
            ));
        }
        let is_ours = |one: &&Value| self.audience.iter().any(|ours| **one == ours.as_str());
        if named.iter().any(is_ours) {
            Ok(())
        } else {
            Err(refused("the token is for another audience"))
        }
    }

    fn user(&self, claims: &Map<String, Value>) -> Result<IdInput, Error> {
        // configured, and possibly a long URL
        let name: String = self.user.chars().take(MAX_NAME_CHARS).collect();
        let Some(claim) = claim(claims, &self.user) else {
            return Err(refused(&format!("the token has no {name}")));
        };
        let problem = match serde_json::from_value(claim.clone()) {
            Ok(IdInput::Text(text)) if text.is_empty() => "empty",
            Ok(IdInput::Text(text)) if text.chars().count() > MAX_ID_CHARS => {
                "longer than 256 characters"
            }
            Ok(user) => return Ok(user),
            Err(_) => "neither a string nor an integer",
        };
        Err(refused(&format!("the token's {name} is {problem}")))
    }
}

/// A claim; `null` is none.
fn claim<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    claims.get(name).filter(|value| !value.is_null())
}

/// A claim that is a time: seconds since 1970, perhaps with a fraction.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<Duration>, Error> {
    let Some(value) = claim(claims, name) else {
        return Ok(None);
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float's cast saturates, and the end of time bounds it"
    )]
    let seconds = match (value.as_u64(), value.as_f64()) {
        (Some(seconds), _) => seconds,
        (None, Some(seconds)) if seconds >= 0.0 => seconds as u64,
        (None, Some(_)) => return Err(refused(&format!("the token's {name} is negative"))),
        (None, None) => return Err(refused(&format!("the token's {name} is not a number"))),
    };
    Ok(Some(Duration::from_secs(seconds.min(END_OF_TIME))))
}

fn date(time: Duration) -> DateTime {
    DateTime::from_millis(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}
