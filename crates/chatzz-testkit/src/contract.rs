//! The events and fields of the protocol, as the program itself lists them: lists in
//! tests that must contain "every event" are compared with them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

/// Made once: it takes long, and tests of every event ask for each of its parts.
static DOCUMENT: LazyLock<Value> = LazyLock::new(chatzz::spec::document);

/// Every event of the client that is answered.
pub fn events() -> BTreeSet<String> {
    let operations = DOCUMENT["operations"].as_object().unwrap();
    let of_clients = operations.keys().filter(|name| !name.contains('.'));
    of_clients.cloned().collect()
}

/// The fields of an event's payload: all of them, or the required ones.
pub fn fields(event: &str, required: bool) -> BTreeSet<String> {
    let payload = &DOCUMENT["components"]["messages"][event]["payload"];
    let path = payload["$ref"].as_str().unwrap();
    let schema = DOCUMENT.pointer(path.trim_start_matches('#')).unwrap();
    let names = |value: &Value| value.as_str().unwrap().to_owned();
    if required {
        let required = schema["required"].as_array();
        required.into_iter().flatten().map(names).collect()
    } else {
        let all = schema["properties"].as_object();
        all.into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect()
    }
}

/// The payload that the documentation shows for an event.
pub fn example(event: &str) -> Value {
    let page = include_str!("../../../docs/protocol.md");
    let (_, section) = page.split_once(&format!("\n### {event}\n")).unwrap();
    let (_, example) = section.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    serde_json::from_str(example).unwrap()
}
