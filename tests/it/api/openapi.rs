//! `docs/openapi.json` is current, and says what every answer may be.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Answer, server};
use crate::support::{places, tools};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    fn close(value: &mut Value) {
        if let Value::Object(schema) = value {
            let is_object = schema.get("properties").is_some_and(Value::is_object);
            if is_object && schema.get("type") == Some(&json!("object")) {
                schema.entry("additionalProperties").or_insert(json!(false));
            }
            schema.values_mut().for_each(close);
        } else if let Value::Array(items) = value {
            items.iter_mut().for_each(close);
        }
    }
    let mut document = chatzz::spec::openapi();
    // what may come with a later version is not here yet
    close(&mut document["components"]["schemas"]);
    document
});

/// A documented call.
pub(super) struct Operation {
    pub(super) method: String,
    /// Its path, with an id in it.
    pub(super) target: String,
    /// The scope that it needs.
    pub(super) scope: Option<String>,
    /// The media type of its body.
    pub(super) body: Option<String>,
}

/// Every documented call, about somebody or something of this id.
pub(super) fn operations(id: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        let target = path.replace("{id}", id.as_str().unwrap());
        let target = target.replace("{other}", id.as_str().unwrap());
        for (method, operation) in methods.as_object().unwrap() {
            let tag = operation["tags"][0].as_str().unwrap();
            let body = operation["requestBody"]["content"].as_object();
            operations.push(Operation {
                method: method.to_uppercase(),
                target: target.clone(),
                scope: (tag != "any").then(|| tag.to_owned()),
                body: body.and_then(|body| body.keys().next().cloned()),
            });
        }
    }
    assert!(operations.len() > 25, "{}", operations.len());
    operations
}

/// The documented path that a target is one of.
fn path_of(target: &str) -> Option<&'static str> {
    let target = target.split('?').next().unwrap();
    let wanted: Vec<&str> = target.split('/').collect();
    let paths = DOCUMENT["paths"].as_object().unwrap().keys();
    let mut paths: Vec<&str> = paths.map(String::as_str).collect();
    // those that are written out come first
    paths.sort_by_key(|path| path.matches('{').count());
    paths.into_iter().find(|path| {
        let parts: Vec<&str> = path.split('/').collect();
        let is_same = |(part, wanted): (&&str, &&str)| part.starts_with('{') || part == wanted;
        parts.len() == wanted.len() && parts.iter().zip(&wanted).all(is_same)
    })
}

/// Checks that an answer is documented, if the call is.
pub(super) fn check(method: &str, target: &str, answer: &Answer) {
    let Some(path) = path_of(target) else {
        assert_eq!(answer.status, 404, "{target}");
        return;
    };
    let operation = &DOCUMENT["paths"][path][method.to_lowercase()];
    if operation.is_null() {
        assert_eq!(answer.status, 405, "{method} {target}");
        return;
    }
    let documented = &operation["responses"][answer.status.to_string()];
    assert!(documented.is_object(), "{method} {path}: {answer:?}");
    let kind = answer.header("content-type").unwrap();
    let schema = &documented["content"][kind]["schema"];
    assert!(!schema.is_null(), "{method} {path}: {answer:?}");
    let schema = json!({
        "allOf": [schema],
        "components": { "schemas": DOCUMENT["components"]["schemas"] },
    });
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    let check = |body: &Value| {
        if let Err(error) = validator.validate(body) {
            panic!("{method} {path} {}: {error}: {body}", answer.status);
        }
    };
    if kind == "application/x-ndjson" {
        // of many lines the first ones say enough
        answer.lines().iter().take(1_000).for_each(check);
    } else {
        check(&answer.body);
    }
}

#[test]
fn docs_openapi_json_is_what_the_program_says() {
    let text = serde_json::to_string_pretty(&chatzz::spec::openapi()).unwrap() + "\n";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == text,
        "docs/openapi.json is old; refresh it: cargo run -- spec --openapi > docs/openapi.json"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_linter_has_nothing_to_say() {
    let mut linter = tools::openapi_linter().await;
    linter.args([places::repository().join("docs/openapi.json")]);

    let ended = linter.output().await;

    let out = String::from_utf8_lossy(&ended.stdout);
    let err = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{out}\n{err}");
    for word in [" error ", " warning "] {
        assert!(
            !out.contains(word) && !err.contains("Warning was"),
            "{out}\n{err}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_what_it_can_do() {
    let (_server, back_end) = server().await;

    let answer = back_end.get("/v1/openapi.json").await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, chatzz::spec::openapi());
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|field| references(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = chatzz::spec::openapi();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let mut names: Vec<&str> = operations
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}
