//! Where the values come from: the process environment over a `.env` file.
//!
//! This is the only place in the program that reads the environment.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use secrecy::SecretString;

use super::error::{ConfigError, ConfigErrors};
use super::secret;
use super::warning::Warning;
use super::{Config, Mode, MongoDbConfig, ServiceUrl, keys};

/// The file in the working directory that provides what the environment does not set.
const DOTENV: &str = ".env";

impl Config {
    /// Reads the process environment over the `.env` of the working directory.
    ///
    /// The environment takes precedence over the file, and is not changed.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every mistake there is, an unreadable `.env` included.
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment is read here, once, so that nothing else has to"
    )]
    pub fn from_env(mode: Mode) -> Result<(Self, Vec<Warning>), ConfigErrors> {
        Self::from_sources(std::env::vars_os(), Path::new(DOTENV), mode)
    }

    /// Reads `variables` over the file `dotenv`, which need not exist.
    ///
    /// A key that occurs twice in the file has its last value, as in a shell.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every mistake there is, an unreadable file included.
    pub fn from_sources(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        dotenv: &Path,
        mode: Mode,
    ) -> Result<(Self, Vec<Warning>), ConfigErrors> {
        let (from_file, mut errors) = read_dotenv(dotenv);
        let is_file_lost = from_file.is_none();
        let mut values = from_file.unwrap_or_default();
        // A key that is unreadable must not also be called missing.
        let mut unreadable = BTreeSet::new();
        for (name, value) in variables {
            // A name that is not text is not one of ours.
            let Ok(name) = name.into_string() else {
                continue;
            };
            if let Ok(value) = value.into_string() {
                values.insert(name, value);
            } else if name.starts_with("CHATZZ_") {
                let sentence = "the value is not UTF-8 text; write it as UTF-8";
                errors.push(ConfigError::new(name.as_str(), sentence));
                unreadable.insert(name);
            }
        }
        let names = values.keys().cloned().collect::<Vec<_>>();
        let read = Self::from_lookup(|name| values.get(name).cloned(), names.into_iter(), mode);
        if errors.is_empty() {
            return read;
        }
        let (others, warnings, format) = match read {
            Ok((config, warnings)) => (Vec::new(), warnings, config.log.format),
            Err(found) => (found.errors, found.warnings, found.format),
        };
        // Nor one that an unreadable file may set.
        errors.extend(others.into_iter().filter(|error| {
            let key = error.key();
            !unreadable.contains(key) && (!is_file_lost || values.contains_key(key))
        }));
        Err(ConfigErrors {
            errors,
            warnings,
            format,
        })
    }
}

/// The key that commands show to the HTTP API: `CHATZZ_KEY`, or what the file has that
/// `CHATZZ_KEY_FILE` names. It is no argument, which others on the machine can see.
///
/// # Errors
/// A sentence that says what to set.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read here, so that nothing else has to"
)]
pub fn key_of_caller() -> Result<SecretString, String> {
    const FILE: &str = "CHATZZ_KEY_FILE";
    let text = match (std::env::var("CHATZZ_KEY"), std::env::var_os(FILE)) {
        (Ok(key), _) if !key.is_empty() => key,
        (_, Some(file)) if !file.is_empty() => {
            let read = secret::read(Path::new(&file), true);
            read.map_err(|sentence| format!("{FILE}: {sentence}"))?
        }
        _ => {
            return Err(
                "no key: set CHATZZ_KEY, or CHATZZ_KEY_FILE to the file that has it; `chatzz dev` \
                 keeps one in .chatzz/api-key"
                    .to_owned(),
            );
        }
    };
    match text.trim() {
        "" => Err("the key is empty".to_owned()),
        key if key.contains(char::is_whitespace) => Err(
            "the key has spaces in it; `chatzz key new` prints it, and then its line".to_owned(),
        ),
        key => Ok(SecretString::from(key)),
    }
}

/// Where a command that calls the HTTP API calls it, by the environment.
///
/// # Errors
/// A sentence that says what to write.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read here, so that nothing else has to"
)]
pub fn url_of_caller() -> Result<ServiceUrl, String> {
    const NAME: &str = "CHATZZ_API_URL";
    let url = std::env::var(NAME).ok().filter(|url| !url.is_empty());
    let url = url.as_deref().unwrap_or("http://127.0.0.1:3001");
    ServiceUrl::from_text(url).map_err(|sentence| format!("{NAME}: {sentence}"))
}

/// The variables of the file, none when there is no such file, and what is wrong with it.
///
/// Without variables, nothing in the file could be read.
fn read_dotenv(path: &Path) -> (Option<BTreeMap<String, String>>, Vec<ConfigError>) {
    let wrong = |sentence| ConfigError::new(path.display().to_string(), sentence);
    let lost = |sentence| (None, vec![wrong(sentence)]);
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            return lost(format!(
                "cannot be read ({error}); make it readable or remove it"
            ));
        }
    };
    let text = match str::from_utf8(&bytes) {
        Ok(text) => secret::without_mark(text),
        Err(error) => {
            let before = bytes.iter().take(error.valid_up_to());
            let line = 1 + before.filter(|byte| **byte == b'\n').count();
            return lost(format!(
                "line {line} is not UTF-8 text; save the file as UTF-8"
            ));
        }
    };
    let mut values = BTreeMap::new();
    let mut errors = Vec::new();
    // dotenvy reports no line number, and its text of a broken line may be a password.
    let mut place = "the first setting".to_owned();
    for line in dotenvy::from_read_iter(text.as_bytes()) {
        if let Ok((name, value)) = line {
            place = format!("the setting after {name}");
            values.insert(name, value);
        } else {
            errors.push(wrong(format!(
                "{place} cannot be understood; write NAME='value', in single quotes when the \
                 value holds a space, `#`, `$` or a quote"
            )));
        }
    }
    let secrets: Vec<&str> = values
        .iter()
        .filter(|(name, value)| is_secret(name, value))
        .map(|(name, _)| name.as_str())
        .collect();
    if !secrets.is_empty() && secret::is_open_to_all(path) {
        let names = secrets.join(", ");
        errors.push(wrong(format!("it sets {names}, and {}", secret::open())));
    }
    (Some(values), errors)
}

/// Whether a variable of the file must not be known to everybody.
fn is_secret(name: &str, value: &str) -> bool {
    let key = keys().find(|key| key.name == name);
    match key {
        // a connection string without a login is an address
        Some(key) if key.name == MongoDbConfig::URI => value.contains('@'),
        Some(key) => key.is_secret && !value.is_empty(),
        None => false,
    }
}
