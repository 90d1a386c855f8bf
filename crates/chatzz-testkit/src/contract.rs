//! The events and fields of the protocol, as the program itself lists them: lists in
//! tests that must contain "every event" are compared with them.

use std::collections::BTreeSet;

use serde_json::Value;

/// Every event of the client that is answered.
pub fn events() -> BTreeSet<String> {
    let document = chatzz::spec::document();
    let operations = document["operations"].as_object().unwrap();
    let of_clients = operations.keys().filter(|name| !name.contains('.'));
    of_clients.cloned().collect()
}

/// The fields of an event's payload: all of them, or the required ones.
pub fn fields(event: &str, required: bool) -> BTreeSet<String> {
    let document = chatzz::spec::document();
    let payload = &document["components"]["messages"][event]["payload"];
    let path = payload["$ref"].as_str().unwrap();
    let schema = document.pointer(path.trim_start_matches('#')).unwrap();
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
