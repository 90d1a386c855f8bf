//! JSON that is built once and shared.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

/// Finished JSON, shared by everybody it is sent to.
pub(crate) type Json = Arc<RawValue>;

/// Renders a view. Views hold only what JSON can hold, so this cannot fail;
/// were it to, `null` is shown and the log says why.
pub(crate) fn render(view: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(view).unwrap_or_else(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a view has no JSON form"
        );
        RawValue::NULL.to_owned()
    })
}
