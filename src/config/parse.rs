//! Parsers of single values; each refusal says what to write instead.

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// Characters of a refused value that a message repeats.
const SHOWN_CHARS: usize = 60;

const MS_PER_SECOND: u64 = 1_000;
const MS_PER_MINUTE: u64 = 60 * MS_PER_SECOND;
const MS_PER_HOUR: u64 = 60 * MS_PER_MINUTE;

/// A number of bytes, written `512B`, `256KiB` or `1MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(usize);

impl ByteSize {
    pub(super) const fn kib(count: usize) -> Self {
        Self(count * 1_024)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const KIB: usize = 1 << 10;
        const MIB: usize = 1 << 20;
        match self.0 {
            bytes if bytes >= MIB && bytes.is_multiple_of(MIB) => write!(f, "{}MiB", bytes / MIB),
            bytes if bytes >= KIB && bytes.is_multiple_of(KIB) => write!(f, "{}KiB", bytes / KIB),
            bytes => write!(f, "{bytes}B"),
        }
    }
}

/// Why a value is refused: the sentence that follows the key.
#[derive(Debug)]
pub(super) struct Refusal(String);

impl Refusal {
    pub(super) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    pub(super) fn sentence(self) -> String {
        self.0
    }
}

pub(super) type Parsed<T> = Result<T, Refusal>;

/// The value as a message repeats it: quoted, escaped and cut.
pub(super) fn shown(text: &str) -> String {
    let mut quoted: String = text.chars().take(SHOWN_CHARS).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    format!("`{}`", quoted.escape_debug())
}

/// A duration such as `500ms`, `5s`, `2m`, `1h`; a bare number is seconds.
pub(super) fn duration(text: &str, range: RangeInclusive<Duration>) -> Parsed<Duration> {
    let (number, unit) = split_unit(text);
    let unit_ms = match unit {
        "ms" => Some(1),
        "" | "s" => Some(MS_PER_SECOND),
        "m" => Some(MS_PER_MINUTE),
        "h" => Some(MS_PER_HOUR),
        _ => None,
    };
    let duration = number
        .parse::<u64>()
        .ok()
        .zip(unit_ms)
        .and_then(|(number, unit_ms)| number.checked_mul(unit_ms))
        .map(Duration::from_millis);
    let Some(duration) = duration else {
        return Err(Refusal::new(format!(
            "{} is not a duration; write a whole number and a unit, such as `500ms`, `5s` or `2m`",
            shown(text)
        )));
    };
    if range.contains(&duration) {
        Ok(duration)
    } else {
        Err(Refusal::new(format!(
            "{} is out of range; write a duration from {:?} to {:?}",
            shown(text),
            range.start(),
            range.end()
        )))
    }
}

/// A number of bytes such as `256KiB`; a bare number is bytes.
pub(super) fn byte_size(text: &str, range: RangeInclusive<ByteSize>) -> Parsed<ByteSize> {
    let (number, unit) = split_unit(text);
    let unit_bytes = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kib" => Some(1 << 10),
        "mib" => Some(1 << 20),
        "gib" => Some(1 << 30),
        _ => None,
    };
    let size = number
        .parse::<usize>()
        .ok()
        .zip(unit_bytes)
        .and_then(|(number, unit_bytes)| number.checked_mul(unit_bytes))
        .map(ByteSize);
    let Some(size) = size else {
        return Err(Refusal::new(format!(
            "{} is not a size; write a whole number and a unit, such as `256KiB` or `1MiB`",
            shown(text)
        )));
    };
    if range.contains(&size) {
        Ok(size)
    } else {
        Err(Refusal::new(format!(
            "{} is out of range; write a size from {} to {}",
            shown(text),
            range.start(),
            range.end()
        )))
    }
}

/// A whole number within the range.
pub(super) fn number<T>(text: &str, range: RangeInclusive<T>) -> Parsed<T>
where
    T: FromStr + PartialOrd + Display,
{
    match text.parse::<T>() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(Refusal::new(format!(
            "{} does not do; write a whole number from {} to {}",
            shown(text),
            range.start(),
            range.end()
        ))),
    }
}

/// One of a few words.
pub(super) fn choice<T: Copy>(text: &str, known: &[(&str, T)]) -> Parsed<T> {
    if let Some((_, value)) = known.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let words: Vec<String> = known.iter().map(|(word, _)| format!("`{word}`")).collect();
    Err(Refusal::new(format!(
        "{} is not known; write {}",
        shown(text),
        words.join(" or ")
    )))
}

/// `true` or `false`.
pub(super) fn flag(text: &str) -> Parsed<bool> {
    choice(text, &[("true", true), ("false", false)])
}

/// An IP address and a port.
pub(super) fn address(text: &str) -> Parsed<SocketAddr> {
    text.parse().map_err(|_| {
        Refusal::new(format!(
            "{} is not an IP address with a port; write for example `127.0.0.1:3000`, \
             or `0.0.0.0:3000` for every interface",
            shown(text)
        ))
    })
}

/// An IP address and a port, or `off`.
pub(super) fn address_or_off(text: &str) -> Parsed<Option<SocketAddr>> {
    if text == "off" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        Refusal::new(format!(
            "{} is neither an IP address with a port nor `off`; write for example \
             `127.0.0.1:9464` or `off`",
            shown(text)
        ))
    })
}

/// The elements of a comma list, trimmed; none for an empty text.
pub(super) fn comma_list(text: &str) -> impl Iterator<Item = &str> {
    let empty = text.is_empty();
    text.split(',').map(str::trim).filter(move |_| !empty)
}

fn split_unit(text: &str) -> (&str, &str) {
    let digits = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    (number, unit.trim())
}
