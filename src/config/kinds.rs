//! The kinds of messages that an application has beside plain text.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use super::parse::{Parsed, Refusal, shown};
use super::secret;

/// Longest name of a kind, in characters.
const MAX_NAME: usize = 32;

/// The kinds, each with the JSON Schema of its `data`.
#[derive(Clone)]
pub struct Kinds(Arc<BTreeMap<String, Validator>>);

/// Why something is of no kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KindRefusal {
    /// There is no such kind.
    Unknown,
    /// The schema of the kind does not allow it.
    Unfit {
        /// Where in it: `.lines.2.price`; empty for all of it.
        path: String,
        /// What of the schema does not allow it, such as `required`.
        keyword: String,
    },
}

impl Kinds {
    /// Reads kinds: a JSON object of names and schemas.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let kinds: BTreeMap<String, Value> = serde_json::from_str(text)
            .map_err(|error| format!("it is not a JSON object of kinds ({error})"))?;
        let kinds = kinds.into_iter().map(|(name, schema)| {
            check_name(&name)?;
            let schema = compile(&schema);
            let schema = schema.map_err(|error| {
                format!("the schema of {} cannot be used ({error})", shown(&name))
            })?;
            Ok((name, schema))
        });
        Ok(Self(Arc::new(kinds.collect::<Result<_, String>>()?)))
    }

    /// Whether `data` is as its kind has it.
    ///
    /// # Errors
    /// Why it is not; values are not repeated.
    pub fn check(&self, kind: &str, data: &Value) -> Result<(), KindRefusal> {
        let schema = self.0.get(kind).ok_or(KindRefusal::Unknown)?;
        schema.validate(data).map_err(|unfit| KindRefusal::Unfit {
            path: unfit.instance_path().as_str().replace('/', "."),
            keyword: unfit.kind().keyword().to_owned(),
        })
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The kinds of a file of at most 64 KiB.
pub(super) fn file(path: &str) -> Parsed<Option<Kinds>> {
    let text = secret::read(Path::new(path), false).map_err(Refusal::new)?;
    Kinds::parse(&text).map(Some).map_err(Refusal::new)
}

fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    if (1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(format!(
        "{} cannot be a kind; write 1 to {MAX_NAME} of `a`-`z`, `0`-`9`, `.`, `_`, `-`",
        shown(name)
    ))
}

/// Fetches nothing, and matches patterns in linear time, since people send what is matched.
fn compile(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .offline()
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_kind_is_named() {
        let refused = [
            ("[]", "not a JSON object"),
            (r#"{"Place": true}"#, "`Place` cannot be a kind"),
            (r#"{"": true}"#, "cannot be a kind"),
            (r#"{"a": {"type": "thing"}}"#, "the schema of `a`"),
            (
                r#"{"a": {"$ref": "https://example.org/a.json"}}"#,
                "the schema of `a`",
            ),
            (r#"{"a": {"pattern": "(?=x)"}}"#, "the schema of `a`"),
        ];
        for (text, part) in refused {
            let sentence = Kinds::parse(text).unwrap_err();
            assert!(sentence.contains(part), "{text}: {sentence}");
        }
    }

    #[test]
    fn a_pattern_takes_linear_time() {
        let kinds = r#"{"a": {"properties": {"x": {"pattern": "^(a+)+$"}}}}"#;
        let data = serde_json::json!({ "x": format!("{}!", "a".repeat(10_000)) });
        let unfit = Kinds::parse(kinds).unwrap().check("a", &data);
        let path = ".x".to_owned();
        let keyword = "pattern".to_owned();
        assert_eq!(unfit, Err(KindRefusal::Unfit { path, keyword }));
    }
}
