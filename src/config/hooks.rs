//! The hooks: where the application is asked, and what holds when it does not answer.

use std::time::Duration;

use super::parse::{Parsed, Refusal, choice, comma_list, shown, within};
use super::reader::Reader;
use super::service_url::ServiceUrl;
use super::signing_secrets::{SigningSecrets, signing_secrets};
use super::warning::Warning;

const HOOKS: &str = "CHATZZ_HOOKS";
const URL: &str = "CHATZZ_HOOK_URL";
const SECRET: &str = "CHATZZ_HOOK_SECRET";
const SECRET_FILE: &str = "CHATZZ_HOOK_SECRET_FILE";
const FAILURE: &str = "CHATZZ_HOOK_FAILURE";

/// A point where the application decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hook {
    /// Who a socket speaks for.
    Login,
    /// A message, before it is stored.
    BeforeSend,
    /// A chat room, before it is created.
    BeforeAdd,
    /// What clients are shown of users.
    UserDetails,
}

impl Hook {
    /// Those that `CHATZZ_HOOKS` may name: the login has keys of its own.
    pub const LISTED: [Self; 3] = [Self::BeforeSend, Self::BeforeAdd, Self::UserDetails];

    /// The name in the configuration, in requests, and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::BeforeSend => "before-send",
            Self::BeforeAdd => "before-add",
            Self::UserDetails => "user-details",
        }
    }
}

/// What becomes of a message or a chat room when the application cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookFailure {
    /// It is refused as `unavailable`, and nothing is stored.
    Refuse,
    /// It is allowed.
    Allow,
}

section! {
    /// The hooks: where the application is asked, and what holds when it does not answer.
    pub struct HooksConfig in "Hooks" {
        /// What the application is asked about: `before-send`, `before-add`, `user-details`.
        /// See `docs/hooks.md`. The login is asked about with `CHATZZ_AUTH=webhook`.
        hooks: Vec<Hook> =
            key("CHATZZ_HOOKS", "list of hooks", unset("none", Vec::new(), "before-send,before-add"),
                hooks),
        /// The URL where the application is asked. Required with `CHATZZ_HOOKS`.
        url: Option<ServiceUrl> =
            key("CHATZZ_HOOK_URL", "URL",
                unset("none", None, "https://app.example.org/internal/chatzz-hook"),
                ServiceUrl::parse),
        /// The secrets that sign the requests: `whsec_` and at least 24 random bytes as base64.
        /// Several, with spaces or line feeds between them, all sign, so that one can be replaced; the
        /// first is the newest. Required with `CHATZZ_HOOKS`.
        secrets: Option<SigningSecrets> =
            secret("CHATZZ_HOOK_SECRET" or_file "/run/secrets/chatzz-hook", "list of secrets",
                unset("none", None, "whsec_d3JpdGUtMzItb3RoZXItcmFuZG9tLWJ5dGVzLWhlcmU="), signing_secrets),
        /// How long the application may take to answer.
        /// Must be below `CHATZZ_REQUEST_TIMEOUT`; the default is lowered if necessary.
        timeout: Duration =
            key("CHATZZ_HOOK_TIMEOUT", "duration", default("1s"), within("50ms", "10s")),
        /// The most requests of each hook to the application at one time.
        /// Further ones wait within the time limit. Lower it to spare the application.
        concurrency: usize =
            key("CHATZZ_HOOK_CONCURRENCY", "count", default("128"), within("1", "10000")),
        /// What becomes of messages and chat rooms when the application cannot be asked.
        /// `refuse`: nobody can write until it answers. `allow`: everybody writes unchecked. Required
        /// with `CHATZZ_HOOKS`; what is shown of users is never more than `_id` then.
        failure: Option<HookFailure> =
            key("CHATZZ_HOOK_FAILURE", "`refuse` or `allow`", unset("none", None, "refuse"),
                choice(&[("refuse", HookFailure::Refuse), ("allow", HookFailure::Allow)])),
    }
    check(keys) {
        keys.refuse_late("CHATZZ_HOOK_TIMEOUT");
        if let Ok(listed) = &hooks {
            check_complete(keys, !listed.is_empty());
        }
        if let Ok(Some(url)) = &url && url.is_exposed() {
            keys.warn(Warning::ExposedHook { key: URL });
        }
    }
}

/// Notes what is missing where something is asked, and what is there where nothing is.
fn check_complete(keys: &mut Reader<'_>, asks: bool) {
    let parts = [
        (URL, "where the application is asked"),
        (SECRET, "what signs the requests"),
        (
            FAILURE,
            "what holds when the application cannot be asked, `refuse` or `allow`",
        ),
    ];
    for (key, what) in parts {
        let is_set = keys.is_set(key) || key == SECRET && keys.is_set(SECRET_FILE);
        if asks && !is_set {
            keys.refuse(key, format!("with {HOOKS} it must be set: write {what}"));
        } else if !asks && is_set {
            keys.refuse(
                format!("{HOOKS} and {key}"),
                "the second is for hooks, and none is named; name one, or remove the second",
            );
        }
    }
}

fn hooks(text: &str) -> Parsed<Vec<Hook>> {
    let mut named = Vec::new();
    for word in comma_list(text) {
        let hook = hook(word)?;
        if !named.contains(&hook) {
            named.push(hook);
        }
    }
    Ok(named)
}

fn hook(word: &str) -> Parsed<Hook> {
    if word == Hook::Login.as_str() {
        return Err(Refusal::new(
            "`login` is not named here: CHATZZ_AUTH=webhook asks about it, at CHATZZ_WEBHOOK_URL",
        ));
    }
    let known = Hook::LISTED.into_iter().find(|hook| hook.as_str() == word);
    known.ok_or_else(|| {
        Refusal::new(format!(
            "{} is not a hook; write some of {}, with commas",
            shown(word),
            Hook::LISTED.map(Hook::as_str).join(", ")
        ))
    })
}
