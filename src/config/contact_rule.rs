//! `CHATZZ_CONTACT_RULE`: a filter over the application's own data.
//!
//! It may only compare: whatever runs code, writes, or computes values is not on the list.

use bson::spec::BinarySubtype;
use bson::{Bson, Document};
use serde::Deserialize;

use super::names;
use super::parse::{Parsed, Refusal, shown};

/// Stands for the `_id` of the user who writes or adds.
pub(crate) const FROM: &str = "$from";
/// Stands for the `_id` of the user who is written to or added.
pub(crate) const TO: &str = "$to";

/// Operators that join whole filters.
const JOINING: [&str; 3] = ["$and", "$or", "$nor"];
/// Operators that compare the value of a field with the value given.
const COMPARING: [&str; 12] = [
    "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$all", "$exists", "$size", "$type",
];
/// Operators that take another condition.
const NESTING: [&str; 2] = ["$not", "$elemMatch"];
/// Deepest nesting of a filter.
const MAX_DEPTH: usize = 16;

/// Who may write to whom, by the application's data: when a document of the collection matches.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactRule {
    /// The database; `None` for that of the users.
    pub database: Option<String>,
    /// The collection.
    pub collection: String,
    /// The filter, with the placeholders `$from` and `$to` as values.
    pub filter: Document,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    database: Option<String>,
    collection: String,
    filter: serde_json::Map<String, serde_json::Value>,
}

/// Reads and checks a rule.
pub(super) fn parse(text: &str) -> Parsed<ContactRule> {
    let written: Written = serde_json::from_str(text).map_err(|error| {
        Refusal::new(format!(
            "{} is not a rule ({error}); write {{\"collection\": …, \"filter\": {{…}}}} as JSON",
            shown(text)
        ))
    })?;
    let database = written.database.map(|name| names::database(&name));
    let collection = names::collection(&written.collection)?;
    let filter = Bson::try_from(serde_json::Value::Object(written.filter)).ok();
    let Some(Bson::Document(filter)) = filter else {
        return refuse("its `filter` holds a value that is not Extended JSON");
    };
    let mut seen = Seen::default();
    check_filter(&filter, 0, &mut seen)?;
    if !(seen.from && seen.to) {
        return refuse(
            "its `filter` must hold both \"$from\" (who writes) and \"$to\" (who is written to)",
        );
    }
    Ok(ContactRule {
        database: database.transpose()?,
        collection,
        filter,
    })
}

/// Which placeholders have occurred.
#[derive(Default)]
struct Seen {
    from: bool,
    to: bool,
}

fn refuse<T>(sentence: impl Into<String>) -> Parsed<T> {
    Err(Refusal::new(sentence))
}

/// A filter: fields with conditions, and filters that are joined.
fn check_filter(filter: &Document, depth: usize, seen: &mut Seen) -> Parsed<()> {
    for (name, value) in filter {
        if JOINING.contains(&name.as_str()) {
            let filters = value.as_array().filter(|filters| !filters.is_empty());
            let Some(filters) = filters else {
                return refuse(format!("its `{name}` takes a list of filters"));
            };
            for filter in filters {
                let Bson::Document(filter) = filter else {
                    return refuse(format!("its `{name}` takes a list of filters"));
                };
                check_filter(filter, deeper(depth)?, seen)?;
            }
        } else if name.starts_with('$') {
            return refuse(not_allowed(name));
        } else {
            check_condition(value, deeper(depth)?, seen)?;
        }
    }
    Ok(())
}

/// The condition on one field: a value, or operators.
fn check_condition(condition: &Bson, depth: usize, seen: &mut Seen) -> Parsed<()> {
    let operators = match condition {
        Bson::Document(operators) if operators.keys().any(|name| name.starts_with('$')) => {
            operators
        }
        value => return check_value(value, depth, seen),
    };
    for (name, value) in operators {
        if COMPARING.contains(&name.as_str()) {
            check_value(value, deeper(depth)?, seen)?;
        } else if NESTING.contains(&name.as_str()) {
            let Bson::Document(nested) = value else {
                return refuse(format!("its `{name}` takes a condition"));
            };
            let is_filter = nested.keys().any(|name| {
                let name = name.as_str();
                JOINING.contains(&name) || !name.starts_with('$')
            });
            if is_filter && name == "$elemMatch" {
                check_filter(nested, deeper(depth)?, seen)?;
            } else {
                check_condition(value, deeper(depth)?, seen)?;
            }
        } else {
            return refuse(not_allowed(name));
        }
    }
    Ok(())
}

/// A value to compare with.
fn check_value(value: &Bson, depth: usize, seen: &mut Seen) -> Parsed<()> {
    match value {
        Bson::String(text) if text == FROM => seen.from = true,
        Bson::String(text) if text == TO => seen.to = true,
        Bson::String(text) if text.starts_with('$') => {
            return refuse(format!(
                "its `filter` holds {}; the placeholders are `$from` and `$to`",
                shown(text)
            ));
        }
        Bson::Array(values) => {
            for value in values {
                check_value(value, deeper(depth)?, seen)?;
            }
        }
        Bson::Document(fields) => {
            for (name, value) in fields {
                if name.starts_with('$') {
                    return refuse(not_allowed(name));
                }
                check_value(value, deeper(depth)?, seen)?;
            }
        }
        Bson::Binary(binary)
            if !matches!(binary.subtype, BinarySubtype::Uuid | BinarySubtype::UuidOld) =>
        {
            return refuse("its `filter` compares with binary data");
        }
        Bson::RegularExpression(_)
        | Bson::JavaScriptCode(_)
        | Bson::JavaScriptCodeWithScope(_)
        | Bson::DbPointer(_)
        | Bson::Symbol(_)
        | Bson::MaxKey
        | Bson::MinKey
        | Bson::Timestamp(_)
        | Bson::Undefined => {
            return refuse("its `filter` compares with code, a pattern or an internal value");
        }
        _ => {}
    }
    Ok(())
}

fn deeper(depth: usize) -> Parsed<usize> {
    if depth < MAX_DEPTH {
        Ok(depth + 1)
    } else {
        refuse("its `filter` is nested too deeply")
    }
}

fn not_allowed(operator: &str) -> String {
    let all = [&JOINING[..], &COMPARING, &NESTING].concat().join(", ");
    format!("its `filter` uses {}; allowed are {all}", shown(operator))
}

impl ContactRule {
    /// The filter with the two users in place of the placeholders.
    pub fn about(&self, from: &Bson, to: &Bson) -> Document {
        fill_document(&self.filter, from, to)
    }
}

fn fill_document(document: &Document, from: &Bson, to: &Bson) -> Document {
    let filled = |(name, value): (&String, &Bson)| (name.clone(), fill(value, from, to));
    document.iter().map(filled).collect()
}

fn fill(value: &Bson, from: &Bson, to: &Bson) -> Bson {
    match value {
        Bson::String(text) if text == FROM => from.clone(),
        Bson::String(text) if text == TO => to.clone(),
        Bson::Array(values) => values.iter().map(|value| fill(value, from, to)).collect(),
        Bson::Document(document) => Bson::Document(fill_document(document, from, to)),
        other => other.clone(),
    }
}
