//! JSON that is built once and shared.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

/// Finished JSON, shared by all receivers.
pub(crate) type Json = Arc<RawValue>;

/// Renders an answer, shared.
pub(crate) fn rendered(answer: &impl Serialize) -> Json {
    render(answer).into()
}

/// Renders a view. Views contain only what JSON can express, so this cannot fail; if it
/// did, `null` would be sent and the log would say why.
pub(crate) fn render(view: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(view).unwrap_or_else(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a view has no JSON form"
        );
        RawValue::NULL.to_owned()
    })
}
