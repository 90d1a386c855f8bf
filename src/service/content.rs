//! What a message may say.

use serde_json::Value;

use super::Error;
pub use crate::config::MESSAGE_MAX_BYTES;
use crate::config::{Config, KindRefusal, Kinds};
pub use crate::domain::Content;

/// What messages may say.
#[derive(Clone, Debug)]
pub struct ContentRules {
    /// The most characters of a text.
    pub max_chars: usize,
    /// The most bytes of `data`, as JSON text.
    pub max_data: usize,
    /// The kinds of messages that there are beside plain text.
    pub kinds: Option<Kinds>,
}

impl ContentRules {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            max_chars: config.messages.max_chars,
            max_data: config.messages.max_data.bytes(),
            kinds: config.messages.kinds.clone(),
        }
    }

    /// Checks a message: something to see, at most `max_chars` characters and 64 KiB, no
    /// control characters but line feed, carriage return and tab; `kind` one of those
    /// that there are, and `data` a JSON object as that kind has it.
    ///
    /// # Errors
    /// [`Error::BadRequest`] or [`Error::MessageTooLong`].
    pub fn check(&self, content: &Content) -> Result<(), Error> {
        let Content { text, kind, data } = content;
        self.check_text(text)?;
        match (kind, data) {
            (None, None) => Ok(()),
            (None, Some(_)) => bad("data: needs a `kind`, which says what it is"),
            (Some(kind), data) => self.check_custom(kind, data.as_deref()),
        }
    }

    /// Checks a text alone.
    ///
    /// # Errors
    /// Those of [`ContentRules::check`].
    pub(crate) fn check_text(&self, text: &str) -> Result<(), Error> {
        if text.chars().all(is_invisible) {
            return bad("message: must not be empty");
        }
        if text.len() > MESSAGE_MAX_BYTES {
            return Err(Error::MessageTooLong(format!("{MESSAGE_MAX_BYTES} bytes")));
        }
        let max_chars = self.max_chars;
        if text.chars().count() > max_chars {
            return Err(Error::MessageTooLong(format!("{max_chars} characters")));
        }
        let is_refused = |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r');
        if text.chars().any(is_refused) {
            return bad("message: must not hold control characters");
        }
        Ok(())
    }

    fn check_custom(&self, kind: &str, data: Option<&str>) -> Result<(), Error> {
        let Some(kinds) = &self.kinds else {
            return bad("kind: this server has none (CHATZZ_KINDS_FILE)");
        };
        let text = data.unwrap_or("{}");
        if text.len() > self.max_data {
            let most = self.max_data;
            return bad(&format!("data: is longer than {most} bytes of JSON"));
        }
        // every reader can read it then: no half of a surrogate pair, no number beyond any
        // double. The error would repeat a part of it
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return bad("data: holds half of a surrogate pair, or a number that is too large");
        };
        if !value.is_object() {
            return bad("data: must be a JSON object");
        }
        match kinds.check(kind, &value) {
            Ok(()) => Ok(()),
            Err(KindRefusal::Unknown) => bad("kind: is not one of this server's"),
            Err(KindRefusal::Unfit { path, keyword }) => {
                let unfit =
                    format!("data{path}: is not as the schema of its kind has it ({keyword})");
                bad(&unfit)
            }
        }
    }
}

fn bad(text: &str) -> Result<(), Error> {
    Err(Error::BadRequest(text.to_owned()))
}

/// Whether a character shows nothing by itself: white space, those that Unicode calls
/// `Default_Ignorable_Code_Point`, and the Braille pattern without dots.
///
/// `clients/js/src/text.ts` knows the same.
fn is_invisible(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '\u{AD}'
                | '\u{34F}'
                | '\u{61C}'
                | '\u{115F}'..='\u{1160}'
                | '\u{17B4}'..='\u{17B5}'
                | '\u{180B}'..='\u{180F}'
                | '\u{200B}'..='\u{200F}'
                | '\u{202A}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFF8}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(kinds: Option<&str>) -> ContentRules {
        ContentRules {
            max_chars: 100,
            max_data: 64,
            kinds: kinds.map(|text| Kinds::parse(text).unwrap()),
        }
    }

    fn check(text: &str) -> Result<(), Error> {
        rules(None).check(&Content::of_text(text))
    }

    #[test]
    fn a_message_with_nothing_to_see_is_refused() {
        let blank = [
            "",
            " \n\t",
            "\u{200B}\u{200B}",
            "\u{FEFF}",
            " \u{200D} ",
            "\u{AD}",
            "\u{2060}",
            "\u{3164}",
            "\u{2800}",
            "\u{E0041}",
            "\u{FE0F}",
            "\u{202E}",
        ];
        for text in blank {
            let refused = check(text);
            assert!(matches!(refused, Err(Error::BadRequest(_))), "{text:?}");
        }
    }

    #[test]
    fn a_message_with_anything_to_see_is_taken() {
        let seen = [
            ".",
            "\u{200B}x",
            "\u{1F44B}",
            "\u{1F468}\u{200D}\u{1F467}",
            "\u{2764}\u{FE0F}",
            "\u{FFFD}",
            "a\u{AD}b",
        ];
        for text in seen {
            assert!(check(text).is_ok(), "{text:?}");
        }
    }

    const KINDS: &str = r#"{
        "location": {
            "type": "object",
            "properties": { "lat": { "type": "number" }, "name": { "type": "string", "pattern": "^[a-z]+$" } },
            "required": ["lat"],
            "additionalProperties": false
        },
        "wave": { "maxProperties": 0 }
    }"#;

    fn custom(kind: Option<&str>, data: Option<&str>) -> Result<(), String> {
        let content = Content {
            text: "x".to_owned(),
            kind: kind.map(str::to_owned),
            data: data.map(str::to_owned),
        };
        match rules(Some(KINDS)).check(&content) {
            Err(Error::BadRequest(text)) => Err(text),
            Err(other) => panic!("{other}"),
            Ok(()) => Ok(()),
        }
    }

    #[test]
    fn what_is_of_a_known_kind_is_taken() {
        let taken = [
            (None, None),
            (Some("location"), Some(r#"{ "lat": 1.50 }"#)),
            (Some("location"), Some(r#"{"lat":1e3,"name":"abc"}"#)),
            (Some("wave"), None),
            (Some("wave"), Some("{}")),
        ];
        for (kind, data) in taken {
            assert_eq!(custom(kind, data), Ok(()), "{kind:?} {data:?}");
        }
    }

    #[test]
    fn what_is_of_no_kind_or_not_as_its_kind_says_is_refused_with_its_place() {
        let long = format!(r#"{{"lat":{}}}"#, "1".repeat(60));
        let refused = [
            (Some("poll"), None, "kind: "),
            (Some(""), None, "kind: "),
            (None, Some("{}"), "data: "),
            (Some("location"), None, "data: "),
            (Some("location"), Some("[]"), "data: must be a JSON object"),
            (Some("location"), Some("5"), "data: must be a JSON object"),
            (Some("location"), Some(r#"{"lat":1,"x":1}"#), "data: "),
            (Some("location"), Some(r#"{"lat":"geheim"}"#), "data.lat: "),
            (
                Some("location"),
                Some(r#"{"lat":1,"name":"GEHEIM"}"#),
                "data.name: ",
            ),
            (Some("location"), Some(r#"{"lat":1e400}"#), "data: "),
            (
                Some("location"),
                Some(r#"{"lat":1,"name":"\ud800"}"#),
                "data: ",
            ),
            (
                Some("location"),
                Some(&*long),
                "data: is longer than 64 bytes of JSON",
            ),
        ];
        for (kind, data, start) in refused {
            let text = custom(kind, data).unwrap_err();
            assert!(text.starts_with(start), "{kind:?} {data:?}: {text}");
            assert!(!text.to_lowercase().contains("geheim"), "{text}");
        }
    }

    #[test]
    fn without_kinds_nothing_has_one() {
        for (kind, data) in [(Some("wave"), None), (None, Some("{}"))] {
            let content = Content {
                text: "x".to_owned(),
                kind: kind.map(str::to_owned),
                data: data.map(str::to_owned),
            };
            let refused = rules(None).check(&content);
            assert!(matches!(refused, Err(Error::BadRequest(_))), "{refused:?}");
        }
    }
}
