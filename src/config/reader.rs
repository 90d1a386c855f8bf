//! Reads keys one by one and keeps every mistake.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::error::ConfigError;
use super::key::{DefaultValue, Key};
use super::parse::{Parsed, Quantity as _};
use super::secret;
use super::warning::{self, Warning};
use super::{Mode, keys};

/// A mistake that the reader has already noted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noted;

/// The value of a key, or a mistake that is noted.
pub(super) type Read<T> = Result<T, Noted>;

/// Looks keys up, parses them, and collects the mistakes.
pub(super) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    mode: Mode,
    errors: Vec<ConfigError>,
    warnings: Vec<Warning>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>, mode: Mode) -> Self {
        Self {
            lookup,
            mode,
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The command that the configuration is read for.
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the variable is set, to any value.
    pub(super) fn is_set(&self, name: &str) -> bool {
        (self.lookup)(name).is_some()
    }

    /// The value of a key, or its default.
    pub(super) fn read<T>(&mut self, key: &Key, parse: impl FnOnce(&str) -> Parsed<T>) -> Read<T> {
        let text = match (self.found(key)?, key.default) {
            (Some(text), _) => text,
            (None, DefaultValue::Text(text)) => text.to_owned(),
            (None, DefaultValue::Rule { .. }) => {
                return Err(self.refuse(key.name, "it is not set; write a value"));
            }
        };
        self.note(key, parse(&text))
    }

    /// The value of a key if it is set.
    pub(super) fn read_set<T>(
        &mut self,
        key: &Key,
        parse: impl FnOnce(&str) -> Parsed<T>,
    ) -> Read<Option<T>> {
        match self.found(key)? {
            Some(text) => self.note(key, parse(&text)).map(Some),
            None => Ok(None),
        }
    }

    /// Notes a mistake that the key alone does not show.
    pub(super) fn refuse(&mut self, key: impl Into<String>, sentence: impl Into<String>) -> Noted {
        self.errors.push(ConfigError::new(key, sentence));
        Noted
    }

    /// Notes a first value above the second.
    pub(super) fn refuse_above<T: PartialOrd + std::fmt::Display>(
        &mut self,
        (small, some): (&str, &Read<T>),
        (large, most): (&str, &Read<T>),
    ) {
        if let (Ok(some), Ok(most)) = (some, most)
            && some > most
        {
            self.refuse(
                format!("{small} and {large}"),
                format!("{some} is more than {most}; lower the first or raise the second"),
            );
        }
    }

    /// Notes a time-out that was set and is not below that of a request.
    pub(super) fn refuse_late(&mut self, name: &str) {
        const REQUEST: &str = "CHATZZ_REQUEST_TIMEOUT";
        let Some(request) = self.duration(REQUEST).or_else(|| default_of(REQUEST)) else {
            return;
        };
        if self.duration(name).is_some_and(|set| set >= request) {
            self.refuse(
                format!("{name} and {REQUEST}"),
                format!(
                    "a request is answered after {request:?}, so the first is never reached; \
                     lower it or raise the second"
                ),
            );
        }
    }

    /// What a variable is set to, if it is a duration.
    fn duration(&self, name: &str) -> Option<Duration> {
        (self.lookup)(name).and_then(|text| Duration::parse(text.trim()))
    }

    pub(super) fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    /// Warns of variables that look like ours but are not keys.
    pub(super) fn warn_of_unknown(&mut self, names: impl Iterator<Item = String>) {
        for name in names.collect::<BTreeSet<_>>() {
            let value = (self.lookup)(&name).unwrap_or_default();
            self.warnings.extend(warning::unknown_key(&name, &value));
        }
    }

    pub(super) fn finish(self) -> (Vec<ConfigError>, Vec<Warning>) {
        (self.errors, self.warnings)
    }

    /// The text of a key, from its variable or from the file named by the other variable.
    fn found(&mut self, key: &Key) -> Read<Option<String>> {
        let text = (self.lookup)(key.name);
        let file = key
            .file
            .and_then(|file| Some((file.name, (self.lookup)(file.name)?)));
        let text = match (text, file) {
            (Some(_), Some((file, _))) => {
                let both = format!("{} and {file}", key.name);
                return Err(self.refuse(both, "both are set; remove one"));
            }
            (None, Some((file, path))) => secret::read(Path::new(path.trim()), key.is_secret)
                .map(Some)
                .map_err(|sentence| self.refuse(file, sentence))?,
            (text, None) => text,
        };
        let text = text.map(|text| text.trim().to_owned());
        match key.default {
            DefaultValue::Rule { example, .. }
                if key.is_secret && text.as_deref() == Some(example) =>
            {
                Err(self.refuse(key.name, secret::well_known()))
            }
            _ => Ok(text),
        }
    }

    /// The parsed value; an error is noted under the key.
    fn note<T>(&mut self, key: &Key, parsed: Parsed<T>) -> Read<T> {
        parsed.map_err(|refusal| self.refuse(key.name, refusal.sentence()))
    }
}

/// The default of a duration.
fn default_of(name: &str) -> Option<Duration> {
    let key = keys().find(|key| key.name == name)?;
    Duration::parse(key.example())
}
