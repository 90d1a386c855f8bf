//! Where the values come from: the process environment over a `.env` file.
//!
//! This is the one place of the program that looks at the environment.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use super::error::{ConfigError, ConfigErrors};
use super::warning::Warning;
use super::{Config, Mode};

/// The file of the working directory that holds what the environment does not.
const DOTENV: &str = ".env";

impl Config {
    /// Reads the process environment over the `.env` of the working directory.
    ///
    /// The environment wins over the file, and is not changed.
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
    /// A key that stands twice in the file has its last value, as in a shell.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every mistake there is, an unreadable file included.
    pub fn from_sources(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        dotenv: &Path,
        mode: Mode,
    ) -> Result<(Self, Vec<Warning>), ConfigErrors> {
        let mut errors = Vec::new();
        let mut values = read_dotenv(dotenv, &mut errors);
        // A key that is unreadable must not also be called missing.
        let mut unreadable = BTreeSet::new();
        for (name, value) in variables {
            // A name that is not text is none of ours.
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
        match read {
            Ok(config) if errors.is_empty() => Ok(config),
            Ok(_) => Err(ConfigErrors::new(errors)),
            Err(others) => {
                let others = others.into_iter();
                errors.extend(others.filter(|error| !unreadable.contains(error.key())));
                Err(ConfigErrors::new(errors))
            }
        }
    }
}

/// The variables of the file; none when there is no such file.
fn read_dotenv(path: &Path, errors: &mut Vec<ConfigError>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let lines = match dotenvy::from_path_iter(path) {
        Ok(lines) => lines,
        Err(error) if error.not_found() => return values,
        Err(error) => {
            let sentence = format!("cannot be read ({error}); make it readable or remove it");
            errors.push(ConfigError::new(path.display().to_string(), sentence));
            return values;
        }
    };
    // dotenvy tells no line number, and its text of a broken line may be a password.
    let mut place = "the first setting".to_owned();
    for line in lines {
        match line {
            Ok((name, value)) => {
                place = format!("the setting after {name}");
                values.insert(name, value);
            }
            Err(dotenvy::Error::LineParse(..)) => {
                let sentence = format!(
                    "{place} cannot be understood; write NAME='value', in single quotes when the \
                     value holds a space, `#`, `$` or a quote"
                );
                errors.push(ConfigError::new(path.display().to_string(), sentence));
            }
            Err(error) => {
                let sentence = format!("cannot be read ({error}); make it readable UTF-8 text");
                errors.push(ConfigError::new(path.display().to_string(), sentence));
                // The reader would give the same error for ever.
                break;
            }
        }
    }
    values
}
