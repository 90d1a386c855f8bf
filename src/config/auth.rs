//! How a client proves its identity.

use http::HeaderName;

use super::Mode;
use super::jwt::{JwtConfig, KeySources};
use super::key::{DefaultValue, Key, Section};
use super::parse::choice;
use super::reader::{Read, Reader};
use super::webhook::WebhookConfig;

/// How a client proves its identity.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// The mode of authentication.
    pub mode: AuthMode,
}

/// The modes of authentication, each with the settings it needs.
#[derive(Debug, Clone)]
pub enum AuthMode {
    /// Every client's claim about who it is is accepted.
    Trusted,
    /// A token names the user, signed by the application's login service.
    Jwt(Box<JwtConfig>),
    /// The application names the user; it is asked with each token.
    Webhook(Box<WebhookConfig>),
}

/// The value of `CHATZZ_AUTH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Jwt,
    Webhook,
    Trusted,
}

section! {
    /// Which mode of authentication is chosen.
    pub(super) struct AuthChoice in "Authentication" {
        /// How a client proves its identity; `serve` does not start until it is chosen.
        /// `jwt`: tokens of your login service. `webhook`: your application is asked.
        /// `trusted`: every client is believed; use it only behind a gateway of your own.
        word: Option<Word> =
            key("CHATZZ_AUTH", "`jwt`, `webhook` or `trusted`",
                unset("none for `serve`, `trusted` for `dev`", None, "trusted"),
                choice(&Word::NAMES)),
    }
}

impl Word {
    const NAMES: [(&str, Self); 3] = [
        ("jwt", Self::Jwt),
        ("webhook", Self::Webhook),
        ("trusted", Self::Trusted),
    ];

    /// The sections that only one mode reads.
    const SECTIONS: [(Self, Section); 3] = [
        (Self::Jwt, KeySources::SECTION),
        (Self::Jwt, JwtConfig::SECTION),
        (Self::Webhook, WebhookConfig::SECTION),
    ];

    fn name(self) -> &'static str {
        let mut names = Self::NAMES.into_iter();
        names
            .find(|(_, word)| *word == self)
            .map_or("", |(name, _)| name)
    }
}

impl AuthConfig {
    /// The headers of the handshake that are passed on to the application.
    pub(crate) fn announced_headers(&self) -> &[HeaderName] {
        match &self.mode {
            AuthMode::Webhook(webhook) => &webhook.headers,
            AuthMode::Trusted | AuthMode::Jwt(_) => &[],
        }
    }

    pub(super) fn read(keys: &mut Reader<'_>) -> Read<Self> {
        let chosen = AuthChoice::read(keys)?.word;
        let word = match (chosen, keys.mode()) {
            (_, Mode::Migrate) | (None, Mode::Dev | Mode::Hooks) => Word::Trusted,
            (Some(chosen), _) => {
                refuse_keys_of_others(keys, chosen);
                chosen
            }
            (None, Mode::Serve) => {
                return Err(keys.refuse(
                    "CHATZZ_AUTH",
                    "no mode of authentication is chosen; write CHATZZ_AUTH=jwt for tokens of \
                     your login service, CHATZZ_AUTH=webhook to have your application asked, or \
                     CHATZZ_AUTH=trusted if everybody who can reach this server may be believed \
                     about who they are, as behind a gate of your own (to try things out, run \
                     `chatzz dev`)",
                ));
            }
        };
        let mode = match word {
            Word::Jwt => AuthMode::Jwt(Box::new(JwtConfig::read_fitting(keys)?)),
            Word::Webhook => AuthMode::Webhook(Box::new(WebhookConfig::read(keys)?)),
            Word::Trusted => AuthMode::Trusted,
        };
        Ok(Self { mode })
    }
}

/// Notes keys that say how tokens are checked although another mode checks them.
///
/// A key with a default may stay: by itself it accepts or refuses nobody.
fn refuse_keys_of_others(keys: &mut Reader<'_>, chosen: Word) {
    for other in [Word::Jwt, Word::Webhook] {
        let sections = Word::SECTIONS.iter().filter(|(word, _)| *word == other);
        let set: Vec<&str> = sections
            .flat_map(|(_, section)| section.keys)
            .filter(|key| matches!(key.default, DefaultValue::Rule { .. }))
            .flat_map(Key::names)
            .filter(|name| keys.is_set(name))
            .collect();
        if other != chosen && !set.is_empty() {
            let (other, chosen) = (other.name(), chosen.name());
            keys.refuse(
                format!("CHATZZ_AUTH and {}", set.join(", ")),
                format!(
                    "with `{chosen}` nothing looks at what is for `{other}`; write \
                     CHATZZ_AUTH={other}, or remove the rest"
                ),
            );
        }
    }
}
