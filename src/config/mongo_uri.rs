//! The connection string of the application, and what chatzz takes from it.

use secrecy::{ExposeSecret as _, SecretString};

use super::parse::{Parsed, Refusal};
use super::warning::Warning;

/// The options that chatzz uses: how the servers are found and logged in to. Of the others
/// some belong to other drivers, and for the rest chatzz has values or keys of its own.
const USED: [&str; 20] = [
    "appName",
    "authMechanism",
    "authMechanismProperties",
    "authSource",
    "directConnection",
    "loadBalanced",
    "localThresholdMS",
    "maxIdleTimeMS",
    "replicaSet",
    "retryReads",
    "retryWrites",
    "serverMonitoringMode",
    "srvMaxHosts",
    "srvServiceName",
    "ssl",
    "tls",
    "tlsAllowInvalidCertificates",
    "tlsCAFile",
    "tlsCertificateKeyFile",
    "tlsInsecure",
];

/// Options of other drivers that are no misspelling of [`USED`].
const OF_OTHERS: [&str; 4] = [
    "maxLifeTimeMS",
    "sslCA",
    "tlsCRLFile",
    "tlsCertificateKeyFilePassword",
];

/// What chatzz does anyway: nobody has to be warned of it.
const ANYWAY: [(&str, &str); 6] = [
    ("authMechanism", "DEFAULT"),
    ("j", "true"),
    ("journal", "true"),
    ("readConcernLevel", "majority"),
    ("readPreference", "primary"),
    ("w", "majority"),
];

/// The most characters in the name of an option.
const MAX_NAME: usize = 40;

/// A connection string, without the options that chatzz does not use.
#[derive(Debug, Clone)]
pub struct MongoUri {
    text: SecretString,
    unused: Vec<String>,
}

/// One that is used as it is.
impl From<String> for MongoUri {
    fn from(text: String) -> Self {
        Self {
            text: SecretString::from(text),
            unused: Vec::new(),
        }
    }
}

impl MongoUri {
    /// Reads a connection string; the error does not repeat it.
    pub(super) fn parse(text: &str) -> Parsed<Self> {
        let hosts = text
            .strip_prefix("mongodb://")
            .or_else(|| text.strip_prefix("mongodb+srv://"));
        if hosts.is_none_or(str::is_empty) {
            return Err(Refusal::new(
                "this is not a MongoDB connection string (its value is not shown); write \
                 `mongodb://host:port` or `mongodb+srv://host`",
            ));
        }
        // behind the last `@`, so that no part of a password is taken for an option
        let login = text.rfind('@').map_or(0, |at| at + 1);
        let (login, rest) = text.split_at(login);
        let Some((hosts, options)) = rest.split_once('?') else {
            return Ok(Self::from(text.to_owned()));
        };
        let mut used = Vec::new();
        let mut unused = Vec::new();
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or_default();
            check_name(name)?;
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            if ANYWAY
                .iter()
                .any(|(other, same)| is(other) && value == *same)
            {
                continue;
            }
            if USED.iter().any(|used| is(used)) {
                used.push(option);
            } else {
                unused.push(name.to_owned());
            }
        }
        let options = used.join("&");
        let mark = if options.is_empty() { "" } else { "?" };
        Ok(Self {
            text: SecretString::from(format!("{login}{hosts}{mark}{options}")),
            unused,
        })
    }

    /// The connection string for the driver, with user and password.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// The connection string as it may be logged: without user, password, options.
    ///
    /// Options are left out as well, since some of them contain tokens or passphrases.
    pub fn redacted(&self) -> String {
        let Some((scheme, rest)) = self.expose().split_once("://") else {
            return "***".to_owned();
        };
        // The last `@`, so that a password with an unescaped `@`, `/` or `?` stays hidden.
        let (login, rest) = match rest.rsplit_once('@') {
            Some((_, rest)) => ("***@", rest),
            None => ("", rest),
        };
        let (hosts, options) = match rest.split_once('?') {
            Some((hosts, _)) => (hosts, "?***"),
            None => (rest, ""),
        };
        format!("{scheme}://{login}{hosts}{options}")
    }

    /// A warning that names the options which are not used, if there are any.
    pub(super) fn warning(&self) -> Option<Warning> {
        let options = self.unused.clone();
        (!options.is_empty()).then_some(Warning::UnusedOptions { options })
    }
}

/// Refuses what cannot be a name, and what is nearly one that is used: leaving out a
/// misspelled `tls` would send everything unencrypted.
fn check_name(name: &str) -> Parsed<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(fits) {
        return Err(Refusal::new(
            "its options cannot be read (its value is not shown); write `name=value` after the \
             `?`, with `&` between several, and `%26` for a `&` inside a value",
        ));
    }
    let written = name.to_ascii_lowercase();
    let is_known = |known: &&str| known.eq_ignore_ascii_case(name);
    if USED.iter().chain(&OF_OTHERS).any(is_known) {
        return Ok(());
    }
    let distance = |used: &str| strsim::osa_distance(&written, &used.to_ascii_lowercase());
    let meant = USED.iter().map(|used| (distance(used), used)).min();
    match meant {
        Some((distance, used)) if distance <= 1 + name.len() / 4 => Err(Refusal::new(format!(
            "its option `{name}` is not known; did you mean `{used}`?"
        ))),
        _ => Ok(()),
    }
}
