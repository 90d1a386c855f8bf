//! The texts of the messages that the load sends: what they need to be checked.

use std::fmt::Write as _;

use memchr::memmem;

/// What a text says: `L<run> <from> <n> <at>`, then padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    /// The run that sent it, so that leftovers of another are known.
    pub(crate) run: u32,
    /// The number of the sender.
    pub(crate) from: u32,
    /// 0, 1, 2 … of this sender to this receiver within the run.
    pub(crate) n: u64,
    /// When it should have been sent, in microseconds since the run began.
    pub(crate) at: u64,
}

/// What stands before a text in the JSON of a message.
const KEY: &str = "\"message\":\"L";

impl Text {
    /// Reads the first message in some JSON; `None` if it holds none of the load's.
    pub(crate) fn find(json: &str) -> Option<Self> {
        let at = memmem::find(json.as_bytes(), KEY.as_bytes())? + KEY.len();
        let end = json.len().min(at + LONGEST);
        let mut numbers = json.get(at..end)?.split(' ');
        let run = numbers.next()?.parse().ok()?;
        let from = numbers.next()?.parse().ok()?;
        let n = numbers.next()?.parse().ok()?;
        let at = numbers.next()?.parse().ok()?;
        Some(Self { run, from, n, at })
    }

    /// Reads every message in some JSON, with the JSON that begins at it.
    pub(crate) fn find_all(json: &str) -> impl Iterator<Item = (Self, &str)> {
        memmem::find_iter(json.as_bytes(), KEY).filter_map(move |at| {
            let rest = json.get(at..)?;
            Self::find(rest).map(|text| (text, rest))
        })
    }
}

/// Four numbers of at most 10, 10, 20 and 20 digits, and the spaces after them.
const LONGEST: usize = 64;

/// Appends the text, filled up to `length` bytes.
pub(crate) fn write(into: &mut String, text: &Text, length: usize) {
    let begin = into.len();
    let Text { run, from, n, at } = text;
    // writing into a String does not fail
    let _ = write!(into, "L{run} {from} {n} {at} ");
    let missing = length.saturating_sub(into.len() - begin);
    into.extend(std::iter::repeat_n('.', missing.max(1)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_back_from_the_json_around_it() {
        let text = Text {
            run: u32::MAX,
            from: u32::MAX,
            n: u64::MAX,
            at: u64::MAX,
        };
        for length in [0, 64, 200] {
            let mut json = String::from("{\"_id\":\"1\",\"message\":\"");
            let begin = json.len();
            write(&mut json, &text, length);
            assert!(json.len() - begin >= length);
            json.push_str("\",\"seq\":7}");
            assert_eq!(Text::find(&json), Some(text), "{json}");
        }
        assert_eq!(Text::find("{\"message\":\"Lorem ipsum\"}"), None);
        assert_eq!(Text::find("{\"message\":\"L1\"}"), None);
    }

    #[test]
    fn all_texts_of_a_page_are_found_in_their_order() {
        let json =
            "[{\"message\":\"L1 2 3 4 .\",\"seq\":9},{\"message\":\"L1 2 4 4 .\",\"seq\":10}]";
        let found: Vec<_> = Text::find_all(json)
            .map(|(text, rest)| (text.n, super::super::number_after(rest, "\"seq\":")))
            .collect();
        assert_eq!(found, [(3, Some(9)), (4, Some(10))]);
    }
}
