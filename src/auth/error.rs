//! Why authentication cannot start.

/// A sentence for the operator; it contains no secret.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {sentence}")]
pub struct AuthStartError {
    key: &'static str,
    sentence: String,
}

impl AuthStartError {
    pub(super) fn new(key: &'static str, sentence: impl Into<String>) -> Self {
        Self {
            key,
            sentence: sentence.into(),
        }
    }
}
