//! Dates as clients write and read them.

use bson::DateTime;
use chrono::{Datelike as _, NaiveDate, NaiveTime, TimeZone as _, Timelike as _, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A date to be sent: RFC 3339, UTC, milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Date(pub(crate) DateTime);

/// Milliseconds of 0001-01-01 and 9999-12-31, the years that RFC 3339 can write.
const WRITABLE: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

impl Date {
    /// Written by hand, in place: an answer contains hundreds of dates, and a general
    /// formatter took 6 % of the time of a page of history.
    pub(in crate::wire) fn text(self) -> Text {
        let millis = self
            .0
            .timestamp_millis()
            .clamp(*WRITABLE.start(), *WRITABLE.end());
        let date = Utc.timestamp_millis_opt(millis).single();
        let date = date.unwrap_or_default();
        let mut text = Text(*b"0000-00-00T00:00:00.000Z");
        text.write(0..4, date.year().unsigned_abs());
        text.write(5..7, date.month());
        text.write(8..10, date.day());
        text.write(11..13, date.hour());
        text.write(14..16, date.minute());
        text.write(17..19, date.second());
        text.write(20..23, date.timestamp_subsec_millis());
        text
    }
}

/// A date's text.
#[derive(Clone, Copy)]
pub(in crate::wire) struct Text([u8; 24]);

impl Text {
    /// Writes a number with as many decimal digits as there is room for.
    fn write(&mut self, place: std::ops::Range<usize>, mut number: u32) {
        let digits = self.0.get_mut(place).unwrap_or_default();
        for digit in digits.iter_mut().rev() {
            // a remainder of ten is one digit
            *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
    }
}

impl std::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

/// A date as clients may write it: RFC 3339 with offset, a date alone (midnight
/// UTC), or integer milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateInput(pub DateTime);

impl<'de> Deserialize<'de> for DateInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = DateInput;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an RFC 3339 date or integer milliseconds")
    }

    fn visit_i64<E: de::Error>(self, millis: i64) -> Result<DateInput, E> {
        Ok(DateInput(DateTime::from_millis(millis)))
    }

    fn visit_u64<E: de::Error>(self, millis: u64) -> Result<DateInput, E> {
        i64::try_from(millis)
            .map(|millis| DateInput(DateTime::from_millis(millis)))
            .map_err(|_| E::custom("the date is out of range"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<DateInput, E> {
        let full = chrono::DateTime::parse_from_rfc3339(text).map(|date| date.to_utc());
        let date = full.or_else(|_| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .map(|day| day.and_time(NaiveTime::MIN).and_utc())
        });
        date.map(|date| DateInput(DateTime::from_chrono(date)))
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;
    use proptest::prelude::*;

    use super::*;

    fn parse(json: &str) -> Result<i64, serde_json::Error> {
        serde_json::from_str::<DateInput>(json).map(|date| date.0.timestamp_millis())
    }

    #[test]
    fn dates_are_read_in_all_three_forms() {
        assert_eq!(parse("1763761673741").unwrap(), 1_763_761_673_741);
        assert_eq!(parse("\"1970-01-02\"").unwrap(), 86_400_000);
        assert_eq!(parse("\"1970-01-01T01:00:00+01:00\"").unwrap(), 0);
        for bad in [
            "\"yesterday\"",
            "true",
            "1.5",
            "\"2026-13-01\"",
            "99999999999999999999",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dates_are_written_in_utc_with_milliseconds() {
        let text = |ms| Date(DateTime::from_millis(ms)).text().to_string();
        assert_eq!(text(1_763_761_673_741), "2025-11-21T21:47:53.741Z");
        assert_eq!(text(1_709_164_799_999), "2024-02-28T23:59:59.999Z");
        assert_eq!(text(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(text(i64::MIN), "0001-01-01T00:00:00.000Z");
        assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(text(i64::MAX), "9999-12-31T23:59:59.999Z");
    }

    proptest! {
        #[test]
        fn a_date_is_written_as_its_library_writes_it(millis in WRITABLE) {
            let library = Utc.timestamp_millis_opt(millis).unwrap();
            let library = library.to_rfc3339_opts(SecondsFormat::Millis, true);
            prop_assert_eq!(&*Date(DateTime::from_millis(millis)).text(), library);
        }
    }
}
