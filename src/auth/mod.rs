//! Who a socket speaks for.
//!
//! A handshake's [`Credentials`] become an [`Identity`], in the mode of `CHATZZ_AUTH`.
//! Credentials that cannot be checked are refused, never accepted.

mod credentials;
mod error;
mod identity;
mod jwt;
mod refusals;
mod webhook;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{AuthConfig, AuthMode};
use crate::hooks::{CannotAsk, Hook, HookPoints, LoginVerdict};
use crate::service::Error;

pub use credentials::Credentials;
pub use error::AuthStartError;
pub use identity::{Identity, Verified};
use refusals::Refusals;

/// Checks handshakes, in the mode of `CHATZZ_AUTH`.
#[derive(Debug)]
pub struct Authenticator {
    mode: Mode,
    clock: Clock,
    /// How often logins were ended.
    ends: AtomicU64,
    refusals: Refusals,
    /// The hooks, if one decides on logins before the mode does.
    hooks: Option<Arc<HookPoints>>,
}

#[derive(Debug)]
enum Mode {
    Trusted,
    Jwt(Box<jwt::Verifier>),
    Webhook(Box<webhook::Webhook>),
}

impl Authenticator {
    /// An authenticator for this mode. `trusted` logs a warning at every start. So does a
    /// JWKS URL that does not answer; [`Self::keep`] tries it again.
    ///
    /// # Errors
    /// [`AuthStartError`] when a key cannot be used.
    pub async fn new(config: &AuthConfig, clock: Clock) -> Result<Self, AuthStartError> {
        let mode = match &config.mode {
            AuthMode::Trusted => {
                tracing::warn!(
                    "CHATZZ_AUTH=trusted: every client is believed to be whoever it says it is; \
                     only for development, or behind a gate of your own"
                );
                Mode::Trusted
            }
            AuthMode::Jwt(config) => {
                Mode::Jwt(Box::new(jwt::Verifier::new(config, clock.clone()).await?))
            }
            AuthMode::Webhook(config) => {
                Mode::Webhook(Box::new(webhook::Webhook::new(config, clock.clone())?))
            }
        };
        Ok(Self {
            mode,
            clock,
            ends: AtomicU64::new(0),
            refusals: Refusals::new(),
            hooks: None,
        })
    }

    /// The same, with what decides on logins before the mode does.
    #[must_use]
    pub fn asking(self, hooks: Option<Arc<HookPoints>>) -> Self {
        let hooks = hooks.filter(|hooks| hooks.asks(Hook::Login));
        Self { hooks, ..self }
    }

    /// What a handshake proves.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] or [`Error::LoginRefused`] with the reason;
    /// [`Error::Unavailable`] when it
    /// cannot be determined now.
    pub async fn identify(&self, credentials: &Credentials) -> Result<Identity, Error> {
        if let Some(decided) = self.ask_hook(credentials).await {
            return self.settle("handshake", decided);
        }
        let verified = match &self.mode {
            Mode::Trusted => return Ok(Identity::Unverified),
            Mode::Jwt(verifier) => match credentials.token() {
                Ok(token) => verifier.verify(token).await,
                Err(none) => Err(none),
            },
            Mode::Webhook(webhook) => webhook.ask(credentials).await,
        };
        self.settle("handshake", verified)
    }

    /// What a fresh token of a socket proves; cached logins are not used.
    ///
    /// # Errors
    /// Those of [`Self::identify`].
    pub async fn renew(&self, credentials: &Credentials) -> Result<Identity, Error> {
        if let Some(decided) = self.ask_hook(credentials).await {
            return self.settle("refresh", decided);
        }
        let verified = match &self.mode {
            Mode::Trusted => return Ok(Identity::Unverified),
            Mode::Jwt(verifier) => match credentials.token() {
                Ok(token) => verifier.verify(token).await,
                Err(none) => Err(none),
            },
            Mode::Webhook(webhook) => webhook.ask_anew(credentials).await,
        };
        self.settle("refresh", verified)
    }

    /// Changes when logins are ended: what was proved before may no longer be valid.
    pub fn ends(&self) -> u64 {
        self.ends.load(Ordering::SeqCst)
    }

    /// Forgets every cached login, since one of them was ended.
    pub fn forget(&self) {
        self.ends.fetch_add(1, Ordering::SeqCst);
        if let Mode::Webhook(webhook) = &self.mode {
            webhook.forget();
        }
    }

    /// Keeps public keys up to date until cancelled.
    pub async fn keep(&self, cancelled: CancellationToken) {
        if let Mode::Jwt(verifier) = &self.mode {
            verifier.keep(cancelled).await;
        }
    }

    /// What a hook decides; `None` if it leaves that to the mode, or there is none.
    async fn ask_hook(&self, credentials: &Credentials) -> Option<Result<Verified, Error>> {
        let hooks = self.hooks.as_ref()?;
        match hooks.login(&credentials.as_asked()).await {
            Ok(LoginVerdict::Pass) => None,
            Ok(LoginVerdict::Refuse(refusal)) => Some(Err(Error::LoginRefused(Arc::new(refusal)))),
            Ok(LoginVerdict::Grant(granted)) => Some(Verified::of_hook(granted)),
            Err(CannotAsk(_)) => Some(Err(Error::Unavailable)),
        }
    }

    /// Counts what a token proves, and logs why it was refused.
    fn settle(
        &self,
        at: &'static str,
        verified: Result<Verified, Error>,
    ) -> Result<Identity, Error> {
        let verified = verified.and_then(|verified| self.still_good(verified));
        let result = match &verified {
            Ok(_) => "ok",
            Err(Error::Unauthorized(reason)) => {
                self.refusals.log(at, reason);
                "unauthorized"
            }
            Err(Error::LoginRefused(refusal)) => {
                self.refusals.log(at, refusal.reason());
                "unauthorized"
            }
            Err(_) => "unavailable",
        };
        metrics::counter!("chatzz_tokens_total", "at" => at, "result" => result).increment(1);
        verified.map(Identity::Verified)
    }

    fn still_good(&self, verified: Verified) -> Result<Verified, Error> {
        match verified.expires_at {
            Some(end) if end <= self.clock.now() => Err(refused("the token has expired")),
            _ => Ok(verified),
        }
    }
}

/// A refusal; its reason reaches the front end.
fn refused(reason: &str) -> Error {
    Error::Unauthorized(reason.to_owned())
}
