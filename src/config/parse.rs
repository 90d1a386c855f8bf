//! Parsers of single values; each error says what to write instead.

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How many characters of a refused value a message repeats.
const SHOWN_CHARS: usize = 60;

const MS_PER_SECOND: u64 = 1_000;
const MS_PER_MINUTE: u64 = 60 * MS_PER_SECOND;
const MS_PER_HOUR: u64 = 60 * MS_PER_MINUTE;

/// A number of bytes, written `512B`, `256KiB` or `1MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(usize);

impl ByteSize {
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

/// A quantity that has a smallest and a largest value.
pub(super) trait Quantity: Sized + PartialOrd {
    /// What to write.
    const WRITE: &str;

    /// The quantity; `None` if the text is not one.
    fn parse(text: &str) -> Option<Self>;
}

impl Quantity for u32 {
    const WRITE: &str = "a whole number";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Quantity for usize {
    const WRITE: &str = "a whole number";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// Written `500ms`, `5s`, `2m` or `1h`; a bare number is seconds.
impl Quantity for Duration {
    const WRITE: &str = "a whole number and a unit, such as `500ms`, `5s` or `2m`,";

    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split_unit(text);
        let unit_ms = match unit {
            "ms" => 1,
            "" | "s" => MS_PER_SECOND,
            "m" => MS_PER_MINUTE,
            "h" => MS_PER_HOUR,
            _ => return None,
        };
        let number: u64 = number.parse().ok()?;
        number.checked_mul(unit_ms).map(Duration::from_millis)
    }
}

/// Written `512B`, `256KiB` or `1MiB`; a bare number is bytes.
impl Quantity for ByteSize {
    const WRITE: &str = "a whole number and a unit, such as `256KiB` or `1MiB`,";

    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split_unit(text);
        let unit_bytes = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            _ => return None,
        };
        let number: usize = number.parse().ok()?;
        number.checked_mul(unit_bytes).map(Self)
    }
}

/// A quantity between two bounds, both of them allowed.
///
/// The bounds are written as in the configuration, which is how the documentation and
/// refusals repeat them.
pub(super) fn within<T: Quantity>(
    low: &'static str,
    high: &'static str,
) -> impl Fn(&str) -> Parsed<T> {
    move |text| {
        let is_inside = |value: &T| {
            let bounds = T::parse(low).zip(T::parse(high));
            bounds.is_some_and(|(low, high)| (low..=high).contains(value))
        };
        T::parse(text).filter(is_inside).ok_or_else(|| {
            Refusal::new(format!(
                "{} cannot be used; write {} from {low} to {high}",
                shown(text),
                T::WRITE
            ))
        })
    }
}

/// One of a few words.
pub(super) fn choice<T: Copy>(known: &[(&str, T)]) -> impl Fn(&str) -> Parsed<T> {
    move |text| {
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
}

/// `true` or `false`.
pub(super) fn flag(text: &str) -> Parsed<bool> {
    choice(&[("true", true), ("false", false)])(text)
}

/// The path of a file.
pub(super) fn file(text: &str) -> Parsed<PathBuf> {
    if text.is_empty() {
        return Err(Refusal::new("it is empty; write the path of a file"));
    }
    Ok(PathBuf::from(text))
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
