//! Settings that are probably mistakes, but do not prevent the start.

use std::fmt;

use super::{Key, keys};

/// The prefix of every key.
const PREFIX: &str = "CHATZZ_";

/// Variables that are not part of the server's configuration: the programs on the
/// developer's machine that `chatzz dev` and the tests use, the token of `chatzz peer`, and
/// what the commands need that call the HTTP API.
const OF_COMMANDS: [&str; 7] = [
    "CHATZZ_MONGOD",
    "CHATZZ_NATS_SERVER",
    "CHATZZ_CHROMIUM",
    "CHATZZ_PEER_TOKEN",
    "CHATZZ_API_URL",
    "CHATZZ_KEY",
    "CHATZZ_KEY_FILE",
];

/// A warning for the operator at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A variable looks like one of ours, but no such key exists.
    UnknownKey {
        /// The variable as written.
        name: String,
        /// The key that was probably meant.
        suggestion: Option<&'static str>,
    },
    /// `CHATZZ_USER_FIELDS` lists a field that looks like a secret.
    SecretField {
        /// The path as written.
        field: String,
    },
    /// `CHATZZ_MONGODB_URI` has options that are left out.
    UnusedOptions {
        /// Their names as written.
        options: Vec<String>,
    },
    /// A URL of another machine does not use TLS.
    Exposed {
        /// The key with the URL.
        key: &'static str,
    },
    /// Events are posted to another machine without TLS.
    ExposedEvents {
        /// The key with the URL.
        key: &'static str,
    },
    /// Messages are sent to another machine without TLS.
    ExposedHook {
        /// The key with the URL.
        key: &'static str,
    },
    /// A login is sent to another machine without TLS.
    ExposedLogin {
        /// The key with the login.
        key: &'static str,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey {
                name,
                suggestion: Some(suggestion),
            } => write!(f, "{name} is not a key; did you mean {suggestion}?"),
            Self::UnknownKey {
                name,
                suggestion: None,
            } => write!(f, "{name} is not a key and is ignored; see .env.example"),
            Self::SecretField { field } => write!(
                f,
                "CHATZZ_USER_FIELDS: `{field}` looks like a secret, and every contact of a user \
                 gets it; remove it unless it is public"
            ),
            Self::UnusedOptions { options } => write!(
                f,
                "CHATZZ_MONGODB_URI: left out, since chatzz does not use it: {}. The pool and the \
                 time limits have keys of their own (CHATZZ_MONGODB_*), and it always reads from \
                 the primary and waits for a majority",
                options.join(", ")
            ),
            Self::Exposed { key } => write!(
                f,
                "{key}: whoever is on the way can read and change what `http://` carries, and so \
                 log in as anybody; write https:// unless the network is your own"
            ),
            Self::ExposedEvents { key } => write!(
                f,
                "{key}: whoever is on the way can read every message that `http://` carries; write \
                 https:// unless the network is your own"
            ),
            Self::ExposedHook { key } => write!(
                f,
                "{key}: whoever is on the way can read the messages that `http://` carries, and answer \
                 in the place of your application; write https:// unless the network is your own"
            ),
            Self::ExposedLogin { key } => write!(
                f,
                "{key}: whoever is on the way can read the login that `nats://` carries; write \
                 tls:// unless the network is your own"
            ),
        }
    }
}

/// The warning about `name`, if it deserves one; `value` is its value.
pub(super) fn unknown_key(name: &str, value: &str) -> Option<Warning> {
    let ours = name
        .get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    let known = names().any(|known| known == name) || OF_COMMANDS.contains(&name);
    if !ours || known || is_service_link(name, value) {
        return None;
    }
    Some(Warning::UnknownKey {
        name: name.to_owned(),
        suggestion: closest(&name.to_ascii_uppercase()),
    })
}

/// Whether Kubernetes made this variable for a service called `chatzz`.
fn is_service_link(name: &str, value: &str) -> bool {
    name.starts_with("CHATZZ_SERVICE_")
        || name.starts_with("CHATZZ_PORT_")
        || (name == "CHATZZ_PORT" && value.starts_with("tcp://"))
}

/// The key that is so close to `name` that it was probably meant.
fn closest(name: &str) -> Option<&'static str> {
    let bare = |name| str::strip_prefix(name, PREFIX).unwrap_or(name);
    let wanted = bare(name);
    let (distance, key) = names()
        .map(|key| (strsim::osa_distance(wanted, bare(key)), key))
        .min()?;
    (distance <= 1 + wanted.len() / 4).then_some(key)
}

/// Every variable name that is read.
fn names() -> impl Iterator<Item = &'static str> {
    keys().flat_map(Key::names)
}
