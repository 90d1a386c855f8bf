//! `chatzz spec`: the document is current, and everything on the wire satisfies it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chatzz::spec;
use jsonschema::Validator;
use serde_json::{Value, json};

const ABUSE: &str = include_str!("../../fixtures/abuse.jsonl");
const PAGE: &str = include_str!("../../docs/protocol.md");

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The document, in which no object has a field that is not described: what may
/// come with a later version is not here yet.
fn strict() -> Value {
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
    let mut document = spec::document();
    close(&mut document["components"]);
    document
}

/// What checks the payload of a message; `None` if there is no such message.
fn validator(document: &Value, message: &str) -> Option<Validator> {
    let payload = document["components"]["messages"].get(message)?["payload"].clone();
    let schema = json!({
        "allOf": [payload],
        "components": { "schemas": document["components"]["schemas"] },
    });
    Some(jsonschema::draft7::new(&schema).expect("the schema is one"))
}

/// The golden files of a folder: name, and content with ids, dates and pauses put in.
fn golden(folder: &str) -> Vec<(String, Value)> {
    let files = std::fs::read_dir(root(folder)).unwrap();
    let read = |file: std::io::Result<std::fs::DirEntry>| {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut text = text
            .replace("<date>", "2026-11-21T21:47:53.741Z")
            .replace(":<ms>", ":250");
        for number in 0..100 {
            text = text.replace(&format!("<id {number}>"), &format!("{number:024x}"));
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let content = serde_json::from_str(&text);
        let content = content.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (name, content)
    };
    let mut files: Vec<(String, Value)> = files.map(read).collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(files.len() > 10, "{folder}");
    files
}

/// The message of a golden file: its name is that of the envelope or event, and
/// after a dot the variant.
fn message_of(folder: &str, file: &str) -> String {
    let (name, _) = file.split_once('.').unwrap_or((file, ""));
    match folder {
        "fixtures/envelopes" => format!("chatzz.{name}"),
        // an error is the same whatever was asked
        _ if name == "error" => "send-message.ack".to_owned(),
        _ => format!("{name}.ack"),
    }
}

const FOLDERS: [&str; 2] = ["fixtures/envelopes", "fixtures/acks"];

#[test]
fn docs_asyncapi_json_is_what_the_program_says() {
    let text = serde_json::to_string_pretty(&spec::document()).unwrap() + "\n";
    let kept = std::fs::read_to_string(root("docs/asyncapi.json")).unwrap_or_default();
    assert!(
        kept == text,
        "docs/asyncapi.json is old; refresh it: cargo run -- spec > docs/asyncapi.json"
    );
}

#[test]
fn every_golden_file_satisfies_its_schema_and_every_message_has_one() {
    let document = strict();
    let mut seen = BTreeSet::new();
    for folder in FOLDERS {
        for (file, content) in golden(folder) {
            let message = message_of(folder, &file);
            let validator = validator(&document, &message);
            let validator = validator.unwrap_or_else(|| panic!("{folder}/{file} has no message"));
            if let Err(error) = validator.validate(&content) {
                panic!("{folder}/{file}: {error} at {}", error.instance_path());
            }
            seen.insert(message);
        }
    }
    let messages = document["components"]["messages"].as_object().unwrap();
    // the others are what clients say
    let is_announced = |name: &&String| name.contains('.');
    let announced: BTreeSet<String> = messages.keys().filter(is_announced).cloned().collect();
    assert_eq!(announced, seen);
}

/// What a server could change.
type Change = fn(&mut Value);

#[test]
fn a_field_less_a_field_more_and_another_type_are_noticed() {
    let document = strict();
    let file = |name: &str| {
        let mut files = golden("fixtures/envelopes").into_iter();
        files.find(|(file, _)| file == name).unwrap().1
    };
    let changes: [(&str, Change); 9] = [
        ("new-message", |one| {
            drop(one["data"].as_object_mut().unwrap().remove("seq"));
        }),
        ("new-message", |one| one["data"]["edited"] = json!(true)),
        ("new-message", |one| one["data"]["status"] = json!("seen")),
        ("old-messages", |one| one["data"][0]["seq"] = json!("3")),
        ("new-message", |one| one["data"]["readAt"] = json!(null)),
        ("user-typing", |one| one["data"]["until"] = json!(5)),
        ("user-details", |one| {
            let contact = one["data"]["connectedUsers"][0].as_object_mut();
            drop(contact.unwrap().remove("unreadCount"));
        }),
        ("error", |one| one["version"] = json!(3)),
        ("error", |one| one["data"]["code"] = json!("no-such-code")),
    ];
    for (name, change) in changes {
        let validator = validator(&document, &format!("chatzz.{name}")).unwrap();
        let mut content = file(name);
        assert!(validator.is_valid(&content), "{name}");
        change(&mut content);
        assert!(!validator.is_valid(&content), "{name}: {content}");
    }
}

/// The events of `fixtures/abuse.jsonl`: row, event and payload.
fn abuse() -> Vec<(Value, String, Value)> {
    let rows = ABUSE.lines().filter_map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        let frame = row["frame"].as_str()?.strip_prefix("42<ack>")?;
        let arguments: Vec<Value> = serde_json::from_str(frame).ok()?;
        let event = arguments.first()?.as_str()?.to_owned();
        let payload = arguments.get(1).cloned().unwrap_or_default();
        Some((row, event, payload))
    });
    rows.collect()
}

#[test]
fn payloads_that_the_server_takes_satisfy_their_schema_and_wrong_shapes_do_not() {
    let document = spec::document();
    let (mut taken, mut refused) = (0, 0);
    for (row, event, payload) in abuse() {
        let Some(validator) = validator(&document, &event) else {
            continue;
        };
        if row["id"] == "duplicate-key" {
            // a parsed value has each key once: no schema can see it
            continue;
        }
        let is_valid = validator.is_valid(&payload);
        if row["expect"] != "bad-request" {
            assert!(is_valid, "{row}");
            taken += 1;
        } else if row["class"] == "shape" || row["class"] == "operators" {
            assert!(!is_valid, "{row}");
            refused += 1;
        }
    }
    assert!(taken > 50 && refused > 100, "{taken} {refused}");
}

/// The JSON examples of each section of the page: heading and text.
fn examples() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for section in PAGE.split("\n### ").skip(1) {
        let heading = section.lines().next().unwrap().to_owned();
        for block in section.split("```json\n").skip(1) {
            let (text, _) = block.split_once("```").unwrap();
            all.push((heading.clone(), serde_json::from_str(text).unwrap()));
        }
    }
    all
}

#[test]
fn every_example_of_the_documentation_satisfies_its_schema() {
    let document = strict();
    let mut checked = BTreeSet::new();
    for (heading, example) in examples() {
        let envelope = format!("chatzz.{heading}");
        let ack = format!("{heading}.ack");
        let is_valid = if let Some(of_envelope) = validator(&document, &envelope) {
            of_envelope.is_valid(&example)
        } else if let Some(of_event) = validator(&document, &heading) {
            let of_ack = validator(&document, &ack).unwrap();
            of_event.is_valid(&example) || of_ack.is_valid(&json!([null, example]))
        } else {
            // a message, and what a user is
            continue;
        };
        assert!(is_valid, "{heading}: {example}");
        checked.insert(heading);
    }
    assert!(checked.len() > 18, "{checked:?}");
}
