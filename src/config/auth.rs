//! How a client proves who it is.

use http::HeaderName;

use super::Mode;
use super::jwt::JwtConfig;
use super::parse;
use super::reader::Reader;
use super::webhook::WebhookConfig;

/// How a client proves who it is.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// The mode of authentication.
    ///
    /// `CHATZZ_AUTH`, default: none for `serve`, `trusted` for `dev`, choice. `serve`
    /// refuses to start until it is chosen; `migrate` serves nobody and does not look.
    pub mode: AuthMode,
}

/// The modes of authentication, each with what it needs.
#[derive(Debug, Clone)]
pub enum AuthMode {
    /// Every client is believed about who it is.
    Trusted,
    /// A token tells, signed by the application's login service.
    Jwt(Box<JwtConfig>),
    /// The application tells, asked with each token.
    Webhook(Box<WebhookConfig>),
}

/// The word of `CHATZZ_AUTH`.
#[derive(Debug, Clone, Copy)]
enum Word {
    Jwt,
    Webhook,
    Trusted,
}

impl AuthConfig {
    /// The headers of the handshake that the application is told.
    pub(crate) fn told_headers(&self) -> &[HeaderName] {
        match &self.mode {
            AuthMode::Webhook(webhook) => &webhook.headers,
            AuthMode::Trusted | AuthMode::Jwt(_) => &[],
        }
    }

    pub(super) fn read(keys: &mut Reader<'_>, mode: Mode) -> Option<Self> {
        let known = [
            ("jwt", Word::Jwt),
            ("webhook", Word::Webhook),
            ("trusted", Word::Trusted),
        ];
        let chosen = keys.read_set("CHATZZ_AUTH", |text| parse::choice(text, &known));
        let word = match (chosen.ok()?, mode) {
            (_, Mode::Migrate) | (None, Mode::Dev) => Word::Trusted,
            (Some(chosen), _) => chosen,
            (None, Mode::Serve) => {
                keys.refuse(
                    "CHATZZ_AUTH",
                    "no mode of authentication is chosen; write CHATZZ_AUTH=jwt for tokens of \
                     your login service, CHATZZ_AUTH=webhook to have your application asked, or \
                     CHATZZ_AUTH=trusted if everybody who can reach this server may be believed \
                     about who he is, as behind a gate of your own (to try things out, run \
                     `chatzz dev`)",
                );
                return None;
            }
        };
        let mode = match word {
            Word::Jwt => AuthMode::Jwt(Box::new(JwtConfig::read(keys)?)),
            Word::Webhook => AuthMode::Webhook(Box::new(WebhookConfig::read(keys)?)),
            Word::Trusted => AuthMode::Trusted,
        };
        Some(Self { mode })
    }
}
