//! Mistakes in the configuration, collected so that all are reported at once.

use std::fmt;

use super::log::LogFormat;
use super::warning::Warning;

/// One mistake: the key and a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    key: String,
    sentence: String,
}

impl ConfigError {
    pub(super) fn new(key: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            sentence: sentence.into(),
        }
    }

    /// The key at fault, several of them when they contradict each other.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.sentence)
    }
}

/// Every mistake of a configuration, and its warnings.
///
/// Displayed with one line for each; none contains the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    /// In the order of the sections.
    pub(super) errors: Vec<ConfigError>,
    pub(super) warnings: Vec<Warning>,
    pub(super) format: LogFormat,
}

impl ConfigErrors {
    /// The mistakes in the order of the sections.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.errors.iter()
    }

    /// What may have caused a mistake, such as a key with a typing error.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The requested format of the log, as far as it could be read.
    pub fn format(&self) -> LogFormat {
        self.format
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.as_slice() {
            [_] => write!(f, "the configuration has a mistake:")?,
            errors => write!(f, "the configuration has {} mistakes:", errors.len())?,
        }
        let mut errors = self.errors.iter();
        errors.try_for_each(|error| write!(f, "\n  {error}"))?;
        let mut warnings = self.warnings.iter();
        warnings.try_for_each(|warning| write!(f, "\n  warning: {warning}"))
    }
}

impl std::error::Error for ConfigErrors {}
