//! Durations in a script, written like those in the configuration.

use std::time::Duration;

/// Longest pause.
const LONGEST: Duration = Duration::from_hours(1);
/// How many characters of a refused text a message repeats.
const SHOWN_CHARS: usize = 60;

/// A duration such as `500ms`, `5s`, `2m`, `1h`, of an hour at most; a bare number is seconds.
///
/// # Errors
/// A sentence for the author of the script.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let unit_ms = match unit.trim() {
        "ms" => Some(1),
        "" | "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let duration = number
        .parse::<u64>()
        .ok()
        .zip(unit_ms)
        .and_then(|(number, unit_ms)| number.checked_mul(unit_ms))
        .map(Duration::from_millis);
    match duration {
        Some(duration) if duration <= LONGEST => Ok(duration),
        Some(_) => Err(format!(
            "{} is out of range; write a duration from {:?} to {LONGEST:?}",
            shown(text),
            Duration::ZERO
        )),
        None => Err(format!(
            "{} is not a duration; write a whole number and a unit, such as `500ms`, `5s` or `2m`",
            shown(text)
        )),
    }
}

/// The text as a message repeats it: quoted, escaped and cut.
fn shown(text: &str) -> String {
    let mut quoted: String = text.chars().take(SHOWN_CHARS).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    format!("`{}`", quoted.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_a_duration() {
        for (text, expected) in [
            ("500ms", Duration::from_millis(500)),
            ("5", Duration::from_secs(5)),
            ("5 s", Duration::from_secs(5)),
            ("2m", Duration::from_mins(2)),
            ("1h", LONGEST),
            ("0", Duration::ZERO),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write() {
        for text in ["", "soon", "1.5s", "-1s", "99999999999999999999", "2 weeks"] {
            let sentence = parse(text).unwrap_err();
            assert!(sentence.contains("is not a duration; write "), "{sentence}");
        }
        let sentence = parse("61m").unwrap_err();
        assert!(
            sentence.ends_with("is out of range; write a duration from 0ns to 3600s"),
            "{sentence}"
        );
        let long = parse(&"x".repeat(100)).unwrap_err();
        assert!(long.starts_with(&format!("`{}…` is", "x".repeat(60))));
    }
}
