//! Reading single fields out of JSON whose writer is known, without building a tree.
//!
//! It relies on what the load itself writes: no message text and no user name
//! holds a quote, so `"seq":` is always the field.

use memchr::memmem;

/// A `chatzz` event: its type, and everything after it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Envelope<'a> {
    /// Such as `new-message`.
    pub(crate) kind: &'a str,
    /// The rest of the frame, from the type on.
    pub(crate) rest: &'a str,
}

impl<'a> Envelope<'a> {
    /// Reads the arguments of an event; `None` if it is not one of `chatzz`.
    pub(crate) fn parse(arguments: &'a str) -> Option<Self> {
        let rest = arguments.strip_prefix("[\"chatzz\",{\"type\":\"")?;
        let (kind, rest) = rest.split_once('"')?;
        Some(Self { kind, rest })
    }
}

/// The whole number after the first `key`, such as `"seq":`.
pub(crate) fn number_after(json: &str, key: &str) -> Option<u64> {
    let at = memmem::find(json.as_bytes(), key.as_bytes())? + key.len();
    leading_number(json.get(at..)?)
}

/// The text after the first `key`, such as `"_id":"`, up to the next quote.
pub(crate) fn text_after<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let at = memmem::find(json.as_bytes(), key.as_bytes())? + key.len();
    json.get(at..)?.split_once('"').map(|(text, _)| text)
}

/// How often `key` occurs.
pub(crate) fn count(json: &str, key: &str) -> usize {
    memmem::find_iter(json.as_bytes(), key).count()
}

/// The `seq` of every message in the JSON, in the order in which they stand there.
pub(crate) fn sequence(json: &str) -> impl Iterator<Item = u64> {
    let key = "\"seq\":";
    memmem::find_iter(json.as_bytes(), key)
        .filter_map(move |at| json.get(at + key.len()..).and_then(leading_number))
}

fn leading_number(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: &str =
        r#"["chatzz",{"type":"new-message","data":{"_id":"6b","from":{"_id":"64b0"},"seq":12}}]"#;

    #[test]
    fn the_type_of_an_envelope_is_read_and_foreign_events_are_none() {
        let envelope = Envelope::parse(FRAME).unwrap();
        assert_eq!(envelope.kind, "new-message");
        assert_eq!(Envelope::parse(r#"["other",{"type":"x"}]"#), None);
    }

    #[test]
    fn fields_are_found_by_their_keys() {
        assert_eq!(number_after(FRAME, "\"seq\":"), Some(12));
        assert_eq!(number_after(FRAME, "\"none\":"), None);
        assert_eq!(number_after(FRAME, "\"from\":"), None, "no number");
        assert_eq!(text_after(FRAME, "\"from\":{\"_id\":\""), Some("64b0"));
        let page = r#"{"messages":[{"seq":3},{"seq":4},{"seq":15}]}"#;
        assert_eq!(sequence(page).collect::<Vec<_>>(), [3, 4, 15]);
        assert_eq!(count(page, "\"seq\":"), 3);
    }
}
