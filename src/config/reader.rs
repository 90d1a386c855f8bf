//! Reads keys one by one and keeps every mistake.

use std::collections::BTreeSet;

use super::error::ConfigError;
use super::key::DefaultValue;
use super::keys::KEYS;
use super::parse::Parsed;
use super::warning::{self, Warning};

/// A mistake that the reader has already noted.
pub(super) struct Noted;

/// Looks keys up, parses them, and collects what is wrong with them.
pub(super) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    errors: Vec<ConfigError>,
    warnings: Vec<Warning>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The value of a key, or its default of the table; `None` is a mistake, noted.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Parsed<T>,
    ) -> Option<T> {
        if let Some(text) = (self.lookup)(name) {
            return self.note(name, parse(text.trim()));
        }
        match KEYS.iter().find(|key| key.name == name)?.default {
            DefaultValue::Text(text) => self.note(name, parse(text)),
            DefaultValue::Told { .. } => {
                self.refuse(name, "it is not set; write a value");
                None
            }
        }
    }

    /// The value of a key if it is set.
    pub(super) fn read_set<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Parsed<T>,
    ) -> Result<Option<T>, Noted> {
        match (self.lookup)(name) {
            Some(text) => self.note(name, parse(text.trim())).map(Some).ok_or(Noted),
            None => Ok(None),
        }
    }

    /// Notes a mistake that the key alone does not show.
    pub(super) fn refuse(&mut self, key: impl Into<String>, sentence: impl Into<String>) {
        self.errors.push(ConfigError::new(key, sentence));
    }

    pub(super) fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    /// Warns of variables that look like ours but are no keys.
    pub(super) fn warn_of_unknown(&mut self, names: impl Iterator<Item = String>) {
        for name in names.collect::<BTreeSet<_>>() {
            let value = (self.lookup)(&name).unwrap_or_default();
            self.warnings.extend(warning::unknown_key(&name, &value));
        }
    }

    pub(super) fn finish(self) -> (Vec<ConfigError>, Vec<Warning>) {
        (self.errors, self.warnings)
    }

    /// What was parsed; a refusal is noted under the key.
    pub(super) fn note<T>(&mut self, name: &str, parsed: Parsed<T>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(refusal) => {
                self.refuse(name, refusal.sentence());
                None
            }
        }
    }
}
