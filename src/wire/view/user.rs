//! People as clients see them: the fields that the operator allows, as plain JSON.

use std::collections::BTreeMap;

use bson::{Binary, Bson, Document, spec::BinarySubtype};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::id::UserId;
use crate::store::{MAX_FIELD_BYTES, Rendered, User};
use crate::wire::json::render;
use crate::wire::time::Date;

/// Deepest nesting of a user's field; values nested deeper are left out.
const MAX_DEPTH: usize = 8;

/// User details: the allowed fields of a user's document, rendered once.
pub fn user_details(user: &User) -> &RawValue {
    &rendered(user).whole
}

fn rendered(user: &User) -> &Rendered {
    user.rendered(|profile| {
        let id = ("_id".into(), render(&user.id));
        let deleted = user.is_deleted.then(|| ("deleted".into(), render(&true)));
        let head = [id].into_iter().chain(deleted);
        let fields: Fields = head.chain(fields(&profile)).collect();
        Rendered {
            whole: render(&Inlined(&fields)),
            fields,
        }
    })
}

type Fields = Box<[(Box<str>, Box<RawValue>)]>;

fn fields(profile: &Document) -> BTreeMap<Box<str>, Box<RawValue>> {
    profile
        .iter()
        .filter(|(name, _)| *name != "_id")
        .filter_map(|(name, value)| {
            let value = render(&plain(value, 0)?);
            (value.get().len() <= MAX_FIELD_BYTES).then(|| (name.as_str().into(), value))
        })
        .collect()
}

/// Finished fields, to be flattened into another object.
#[derive(Clone, Copy)]
pub(in crate::wire) struct Inlined<'a>(&'a [(Box<str>, Box<RawValue>)]);

impl<'a> Inlined<'a> {
    /// The fields of a user's details.
    pub(in crate::wire) fn of(user: &'a User) -> Self {
        Self(&rendered(user).fields)
    }
}

impl Serialize for Inlined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// A BSON value as plain JSON; `None` for values without a plain form.
fn plain(value: &Bson, depth: usize) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    Some(match value {
        Bson::Null | Bson::Undefined => Value::Null,
        Bson::Boolean(flag) => Value::Bool(*flag),
        Bson::String(text) => Value::String(text.clone()),
        Bson::Int32(number) => Value::from(*number),
        Bson::Int64(number) => serde_json::to_value(UserId::Int(*number)).ok()?,
        Bson::Double(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        Bson::Decimal128(number) => Value::String(number.to_string()),
        Bson::ObjectId(id) => Value::String(id.to_hex()),
        Bson::DateTime(date) => Value::String(Date(*date).text().to_string()),
        Bson::Binary(Binary {
            subtype: BinarySubtype::Uuid,
            ..
        }) => Value::String(UserId::from_bson(value)?.to_key()),
        Bson::Array(items) => items
            .iter()
            .filter_map(|item| plain(item, depth + 1))
            .collect(),
        Bson::Document(document) => document
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), plain(value, depth + 1)?)))
            .collect::<Map<_, _>>()
            .into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use serde_json::json;

    use super::*;

    fn shown(document: Document) -> Value {
        let user = User::present(UserId::Int(1), document);
        serde_json::from_str(user_details(&user).get()).unwrap()
    }

    #[test]
    fn odd_fields_are_shown_plainly_or_left_out() {
        let mut deep = Bson::from("bottom");
        for _ in 0..20 {
            deep = doc! { "d": deep }.into();
        }
        let odd = doc! {
            "_id": 1,
            "username": null,
            "name": { "first": "Ann", "born": bson::DateTime::from_millis(0) },
            "score": f64::NAN,
            "big": 9_007_199_254_740_993_i64,
            "blob": Binary { subtype: BinarySubtype::Generic, bytes: vec![1, 2] },
            "huge": "x".repeat(10_000),
            "deep": deep,
        };
        let shown = shown(odd);
        assert_eq!(shown["_id"], json!(1));
        assert_eq!(shown["username"], Value::Null);
        assert_eq!(
            shown["name"],
            json!({ "born": "1970-01-01T00:00:00.000Z", "first": "Ann" })
        );
        assert_eq!(shown["score"], Value::Null);
        assert_eq!(shown["big"], json!("9007199254740993"));
        assert!(shown.get("blob").is_none());
        assert!(shown.get("huge").is_none());
    }

    #[test]
    fn a_deleted_user_is_an_id_and_a_mark() {
        let user = User::deleted(UserId::String("gone".into()));
        assert_eq!(
            user_details(&user).get(),
            r#"{"_id":"gone","deleted":true}"#
        );
    }
}
