//! The application to which the messenger belongs: it calls the HTTP API, pulls events and is
//! posted them, and decides about messages where it is asked.

mod api;
mod endpoint;
mod hooks;
mod pull;
mod push;

pub(crate) use api::Api;
pub(crate) use hooks::{Hooks, TIMEOUT as HOOK_TIMEOUT};
pub(crate) use pull::Puller;
pub(crate) use push::{Receiver, SECRET};

use serde_json::{Value, json};

use crate::people::World;

/// Writes down that an event was given to a consumer, and whether it took it.
fn hear(world: &World, by: &str, event: &Value, taken: bool) {
    let line = json!({
        "by": by, "taken": taken,
        "id": event["id"], "type": event["type"], "data": event["data"],
    });
    world.recorder.write("heard", line);
}
