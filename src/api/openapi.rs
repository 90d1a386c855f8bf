//! `OpenAPI` 3.1 of the HTTP API, made of the table of calls and the types that read and
//! write it.

use http::StatusCode;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::lines;
use super::problem::{self, Problem};
use super::read::Place;
use super::table::{self, Documented};
use crate::config::ApiScope;
use crate::wire::schema::without_null;

/// Why a call may not be done; the table says which of them a call has.
const PROBLEMS: [(StatusCode, &str); 12] = [
    (
        StatusCode::BAD_REQUEST,
        "Something in the request is wrong; `detail` names it",
    ),
    (
        StatusCode::UNAUTHORIZED,
        "No key, or one that is not known or has ended",
    ),
    (
        StatusCode::FORBIDDEN,
        "The key has not the scope, or the receiver does not take it",
    ),
    (
        StatusCode::NOT_FOUND,
        "There is no such user, chat room, message or letter",
    ),
    (StatusCode::REQUEST_TIMEOUT, "The body took too long"),
    (StatusCode::CONFLICT, "The key belongs to another message"),
    (
        StatusCode::GONE,
        "Events were missed: they were removed, or the log is another one",
    ),
    (
        StatusCode::PAYLOAD_TOO_LARGE,
        "The body, or the text of a message, is too long",
    ),
    (
        StatusCode::TOO_MANY_REQUESTS,
        "This key asks too often: wait as `Retry-After` says",
    ),
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "A defect; the server's log says more",
    ),
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "The server or its database is busy or going down: repeat the call",
    ),
    (
        StatusCode::GATEWAY_TIMEOUT,
        "It is not known whether it was done: repeat the call, with the same key if it has one",
    ),
];

/// Calls that are answered with many lines, each as documented.
const IN_LINES: [&str; 3] = ["exportUser", "eraseUser", "importMessages"];

/// The document.
pub fn document() -> Value {
    let mut read = settings().for_deserialize().into_generator();
    let mut written = settings().for_serialize().into_generator();
    let problem = written.subschema_for::<Problem>().to_value();
    let calls = table::documented(&mut read, &mut written);
    let mut paths = Map::new();
    for call in calls {
        let (path, method) = (call.path.to_owned(), call.method.as_str().to_lowercase());
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(method, operation(&call, &problem));
        }
    }
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "chatzz",
            "version": "1",
            "summary": "What an application's back end may ask of a chatzz server.",
            "description": "Every call but sendSignal may be repeated: none happens twice. docs/back-end.md says in words what this says in types.",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "http://127.0.0.1:3001", "description": "Where `chatzz dev` opens it" }],
        "security": [{ "key": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key that `chatzz key new` made.",
                },
            },
            "schemas": schemas(read, written),
        },
    })
}

fn settings() -> SchemaSettings {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    settings
}

/// What is referred to.
fn schemas(mut read: SchemaGenerator, mut written: SchemaGenerator) -> Map<String, Value> {
    let mut answers = written.take_definitions(true);
    answers.values_mut().for_each(without_null);
    // what is both read and written has one name in each, and is the same
    let mut schemas = read.take_definitions(true);
    schemas.extend(answers);
    schemas.values_mut().for_each(simplify);
    schemas
}

/// Writes a choice of one schema as that schema, and `true`, which allows anything, as an
/// object: tools expect that.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for choice in ["anyOf", "oneOf"] {
                let only = fields.get(choice).and_then(Value::as_array);
                if let Some([Value::Object(only)]) = only.map(Vec::as_slice) {
                    let only = only.clone();
                    fields.remove(choice);
                    // what is said of the field counts before what is said of its type
                    for (name, value) in only {
                        fields.entry(name).or_insert(value);
                    }
                }
            }
            if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
                let anything = properties
                    .values_mut()
                    .filter(|field| **field == json!(true));
                anything.for_each(|field| *field = json!({ "description": "Any JSON." }));
            }
            fields.values_mut().for_each(simplify);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}

fn operation(call: &Documented, problem: &Value) -> Value {
    let mut responses = Map::new();
    for answer in &call.answers {
        let media_type = if IN_LINES.contains(&call.route.name) {
            lines::MEDIA_TYPE
        } else {
            "application/json"
        };
        let body = json!({ media_type: { "schema": answer.body } });
        let answered = json!({ "description": answer.summary, "content": body });
        responses.insert(answer.status.to_string(), answered);
    }
    let problems = PROBLEMS.iter();
    for (status, summary) in problems.filter(|(status, _)| call.route.may_fail_with(*status)) {
        let mut refused = json!({
            "description": summary,
            "content": { problem::MEDIA_TYPE: { "schema": problem } },
        });
        let busy = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
        ];
        if busy.contains(status) {
            set(
                &mut refused,
                "headers",
                json!({
                    "Retry-After": { "description": "Seconds to wait", "schema": { "type": "integer" } },
                }),
            );
        }
        responses.insert(status.as_u16().to_string(), refused);
    }
    let scope = call.route.scope.map(ApiScope::as_str);
    let description = scope.map_or_else(
        || "Any key may make this call.".to_owned(),
        |scope| format!("Needs a key with the scope `{scope}`."),
    );
    let mut operation = json!({
        "operationId": call.route.name,
        "summary": call.summary,
        "description": description,
        "tags": [scope.unwrap_or("any")],
        "responses": responses,
    });
    let parameters = parameters(call);
    if !parameters.is_empty() {
        set(&mut operation, "parameters", parameters.into());
    }
    let media_type = match call.route.place {
        Place::Body => Some("application/json"),
        Place::Lines => Some(lines::MEDIA_TYPE),
        Place::Query | Place::Nowhere => None,
    };
    if let Some(media_type) = media_type {
        set(
            &mut operation,
            "requestBody",
            json!({
                "required": true,
                "content": { media_type: { "schema": call.request } },
            }),
        );
    }
    operation
}

/// Sets a field of an object.
fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

/// The parameters of the path and of the query, and the header of a send.
fn parameters(call: &Documented) -> Vec<Value> {
    let mut all = Vec::new();
    for name in ["id", "other"] {
        if !call.path.contains(&format!("{{{name}}}")) {
            continue;
        }
        all.push(json!({
            "name": name,
            "in": "path",
            "required": true,
            "schema": { "type": "string" },
        }));
    }
    if call.route.place == Place::Query {
        let schema = call.request.as_value();
        let required = schema.get("required").and_then(Value::as_array);
        let fields = schema.get("properties").and_then(Value::as_object);
        for (name, field) in fields.into_iter().flatten() {
            let mut fields = json!({ "properties": { name: field } });
            without_null(&mut fields);
            let pointer = format!("/properties/{name}");
            let schema = fields.pointer(&pointer).cloned().unwrap_or_default();
            let description = schema.get("description").cloned();
            let mut parameter = json!({
                "name": name,
                "in": "query",
                "required": required.is_some_and(|names| names.contains(&json!(name))),
                "schema": schema,
            });
            if let Some(text) = description {
                set(&mut parameter, "description", text);
            }
            all.push(parameter);
        }
    }
    if call.route.name == "sendMessage" {
        all.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "description": "The `key`, where the body has none.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 64 },
        }));
    }
    all
}
