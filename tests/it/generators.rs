//! Types made of `docs/asyncapi.json` by the generator of `AsyncAPI` itself.

use std::collections::BTreeMap;

use chatzz::spec;
use serde_json::Value;

use crate::support::{places, tools};

/// The schemas that a schema consists of, itself included, with where they are.
fn schemas(schema: &Value, path: &str, all: &mut Vec<(String, Value)>) {
    all.push((path.to_owned(), schema.clone()));
    for field in ["properties", "patternProperties"] {
        for (name, inner) in schema[field].as_object().into_iter().flatten() {
            schemas(inner, &format!("{path}/{field}/{name}"), all);
        }
    }
    for field in ["items", "oneOf", "anyOf", "allOf"] {
        match &schema[field] {
            Value::Null => {}
            Value::Array(several) => {
                for inner in several {
                    schemas(inner, &format!("{path}/{field}"), all);
                }
            }
            one => schemas(one, &format!("{path}/{field}"), all),
        }
    }
}

/// The name of the type of each payload, and whether it is an object with fields.
fn payloads(document: &Value) -> BTreeMap<String, bool> {
    let components = &document["components"];
    let messages = components["messages"].as_object().unwrap();
    let named = |(message, described): (&String, &Value)| {
        let payload = &described["payload"];
        let reference = payload["$ref"].as_str();
        let of_reference = reference.and_then(|reference| reference.rsplit('/').next());
        let name = of_reference.or_else(|| payload["title"].as_str());
        let name = name.unwrap_or_else(|| panic!("{message} has no name"));
        let schema = of_reference.map_or(payload, |name| &components["schemas"][name]);
        let has_fields = schema["properties"].is_object() && schema["oneOf"].is_null();
        (name.to_owned(), has_fields)
    };
    messages.iter().map(named).collect()
}

#[test]
fn every_schema_is_an_object_and_every_payload_has_a_name() {
    let document = spec::document();
    let components = &document["components"];
    let mut all = Vec::new();
    for (name, schema) in components["schemas"].as_object().unwrap() {
        schemas(schema, name, &mut all);
    }
    for (name, message) in components["messages"].as_object().unwrap() {
        schemas(&message["payload"], name, &mut all);
    }
    assert!(all.len() > 200, "{}", all.len());
    for (path, schema) in &all {
        assert!(schema.is_object(), "{path}: {schema}");
    }
    assert!(
        payloads(&document).len() > 30,
        "every one of them has a name"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn modelina_makes_a_named_type_of_every_payload() {
    let mut script = tools::asyncapi_generator().await;
    script.args([places::repository().join("docs/asyncapi.json")]);

    let ended = script.output().await;

    let out = String::from_utf8_lossy(&ended.stdout);
    let err = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{out}\n{err}");
    let languages: Vec<Vec<&str>> = out.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(languages.len(), 3, "{out}");
    let wanted = payloads(&spec::document());
    for models in &languages {
        let (language, models) = models.split_first().unwrap();
        let nameless: Vec<_> = models
            .iter()
            .filter(|name| name.starts_with("Anonymous"))
            .collect();
        assert!(nameless.is_empty(), "{language}: {nameless:?}");
        // classes are made of objects with fields alone
        let is_made = |has_fields: bool| has_fields || *language == "typescript";
        for (name, _) in wanted
            .iter()
            .filter(|(_, has_fields)| is_made(**has_fields))
        {
            assert!(
                models.contains(&name.as_str()),
                "{language} has no {name}: {models:?}"
            );
        }
    }
}
