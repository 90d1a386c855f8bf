//! The contract for machines: `AsyncAPI` 3 with the JSON Schemas of all payloads.
//!
//! It is made of the types that read and write the wire, so it cannot lag behind
//! them. `docs/asyncapi.json` is its text, which a test compares.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::wire::envelope::{EVENT, PROTOCOL};
use crate::wire::schema::{self, Envelope, Event};

/// The `OpenAPI` document of the HTTP API; `docs/openapi.json` is its text.
pub use crate::api::openapi;

/// Where the one channel is, in references.
const CHANNEL: &str = "#/channels/chat";

/// The document.
pub fn document() -> Value {
    let mut read = settings().for_deserialize().into_generator();
    let mut written = settings().for_serialize().into_generator();
    let (mut messages, mut operations) = (Map::new(), Map::new());
    let events = schema::events(&mut read, &mut written);
    let error = schema::error(&mut written).to_value();
    let payloads = events.iter().filter_map(|event| event.payload.get("$ref"));
    let payloads = payloads
        .filter_map(Value::as_str)
        .filter_map(|reference| reference.rsplit_once('/'));
    let payloads: Vec<String> = payloads.map(|(_, name)| name.to_owned()).collect();
    of_client(events, &error, &mut messages, &mut operations);
    let envelopes = schema::envelopes(&mut written);
    of_server(envelopes, &mut messages, &mut operations);
    let mut answers = written.take_definitions(true);
    answers.values_mut().for_each(schema::without_null);
    // what is both read and written has one name in each, and is the same
    let mut schemas = read.take_definitions(true);
    for payload in payloads {
        let fields = schemas
            .get_mut(&payload)
            .and_then(|schema| schema.get_mut("properties"));
        if let Some(fields) = fields.and_then(Value::as_object_mut) {
            let (name, schema) = schema::in_every_payload();
            fields.insert(name.to_owned(), schema);
        }
    }
    schemas.extend(answers);
    for schema in schemas.values_mut().chain(messages.values_mut()) {
        for_generators(schema);
    }
    let in_channel = messages.keys().map(|name| {
        let reference = json!({ "$ref": format!("#/components/messages/{name}") });
        (name.clone(), reference)
    });
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "chatzz",
            "version": PROTOCOL.to_string(),
            "description": "The Socket.IO events of a chatzz server, seen from the server. An event of the \
                client carries an ack callback (error, result); everything the server sends on its own is the \
                one event `chatzz` with {type, data}. docs/protocol.md says in words what this says in types.",
            "license": { "name": "MIT" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "development": {
                "host": "127.0.0.1:3000",
                "pathname": "/socket.io",
                "protocol": "socket.io",
                "description": "Where `chatzz dev` listens: Engine.IO 4 and 3, websocket and HTTP long-polling",
            },
        },
        "channels": {
            "chat": {
                "address": "/",
                "title": "The Socket.IO namespace",
                "messages": in_channel.collect::<Map<_, _>>(),
            },
        },
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": schemas,
        },
    })
}

fn settings() -> SchemaSettings {
    // what AsyncAPI takes without saying which
    let mut settings = SchemaSettings::draft07();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    settings
}

/// Writes a schema so that generators of types take it: `true`, which allows anything, as
/// an object, and a reference with a description beside it as the reference alone, which
/// keeps the name of the type.
fn for_generators(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
                let anything = properties
                    .values_mut()
                    .filter(|field| **field == json!(true));
                anything.for_each(|field| *field = json!({ "description": "Any JSON." }));
            }
            if let Some(reference) = only_reference(fields) {
                *schema = reference;
                return;
            }
            fields.values_mut().for_each(for_generators);
        }
        Value::Array(items) => items.iter_mut().for_each(for_generators),
        _ => {}
    }
}

/// The reference, if a schema is nothing but one.
fn only_reference(fields: &Map<String, Value>) -> Option<Value> {
    let [one] = fields.get("allOf")?.as_array()?.as_slice() else {
        return None;
    };
    let beside = ["allOf", "description"];
    let is_alone = fields.keys().all(|name| beside.contains(&name.as_str()));
    (is_alone && one.get("$ref").is_some()).then(|| one.clone())
}

/// The name of a type for a message: `chatzz.new-message` is `ChatzzNewMessage`.
fn type_name(message: &str) -> String {
    let words = message.split(['.', '-']);
    words
        .map(|word| {
            let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
            first.to_uppercase() + rest
        })
        .collect()
}

/// The events of the client, each with the ack that answers it.
fn of_client(
    events: Vec<Event>,
    error: &Value,
    messages: &mut Map<String, Value>,
    operations: &mut Map<String, Value>,
) {
    for Event {
        name,
        summary,
        payload,
        result,
    } in events
    {
        let ack = format!("{name}.ack");
        let title = type_name(&ack);
        let arguments = |outcome: &str, error: Value, result: Value| {
            json!({
                "title": format!("{title}{outcome}"),
                "type": "array",
                "items": [error, result],
                "minItems": 2,
                "maxItems": 2,
            })
        };
        let nothing = || json!({ "type": "null" });
        let succeeded = arguments("Success", nothing(), result.to_value());
        let failed = arguments("Failure", error.clone(), nothing());
        messages.insert(
            name.to_owned(),
            json!({ "name": name, "title": summary, "payload": payload }),
        );
        messages.insert(
            ack.clone(),
            json!({
                "name": ack,
                "title": format!("The arguments of the ack of {name}"),
                "payload": { "title": title, "oneOf": [succeeded, failed] },
            }),
        );
        operations.insert(
            name.to_owned(),
            json!({
                "action": "receive",
                "channel": { "$ref": CHANNEL },
                "summary": summary,
                "messages": [{ "$ref": format!("{CHANNEL}/messages/{name}") }],
                "reply": {
                    "channel": { "$ref": CHANNEL },
                    "messages": [{ "$ref": format!("{CHANNEL}/messages/{ack}") }],
                },
            }),
        );
    }
}

/// The envelopes of the server.
fn of_server(
    envelopes: Vec<Envelope>,
    messages: &mut Map<String, Value>,
    operations: &mut Map<String, Value>,
) {
    for Envelope {
        kind,
        summary,
        data,
    } in envelopes
    {
        let message = format!("{EVENT}.{kind}");
        let mut properties = Map::new();
        properties.insert("type".to_owned(), json!({ "const": kind }));
        properties.insert("data".to_owned(), data.into());
        if kind == "old-messages" {
            properties.insert("hasMore".to_owned(), json!({ "const": true }));
        }
        messages.insert(
            message.clone(),
            json!({
                "name": EVENT,
                "title": summary,
                "payload": {
                    "title": type_name(&message),
                    "type": "object",
                    "properties": properties,
                    "required": ["type", "data"],
                    "additionalProperties": false,
                },
            }),
        );
        operations.insert(
            message.clone(),
            json!({
                "action": "send",
                "channel": { "$ref": CHANNEL },
                "summary": summary,
                "messages": [{ "$ref": format!("{CHANNEL}/messages/{message}") }],
            }),
        );
    }
}
