//! Where a reader of the log of events is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bson::DateTime;

use crate::store::{Entry, Place, Pushed};

/// The first byte of a cursor, the version of its form.
const VERSION: u8 = 1;
/// Bytes of a cursor: version, entry, index, time.
const BYTES: usize = 1 + 8 + 4 + 8;
/// The index behind everything in an entry.
const ALL: u32 = u32::MAX;

/// What of the log was read. Opaque to those who keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The last entry that was read, and the first of its things that was not.
    place: Place,
    /// When that entry was written: a database that was restored has another one there.
    /// [`DateTime::MIN`] if it is not known.
    at: DateTime,
}

/// Why a cursor is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// What came after it was removed.
    Old,
    /// The log is another one, as after a restore.
    Other,
}

impl Cursor {
    /// Everything before an entry was read.
    pub fn before(entry: i64) -> Self {
        let place = Place {
            entry: entry - 1,
            index: ALL,
        };
        Self {
            place,
            at: DateTime::MIN,
        }
    }

    /// Everything up to an entry was read, that one included.
    pub fn behind(entry: &Entry) -> Self {
        Self::within(entry, ALL)
    }

    /// Everything up to an entry was read that was written at a time.
    pub fn behind_entry(entry: i64, at: DateTime) -> Self {
        let place = Place { entry, index: ALL };
        Self { place, at }
    }

    /// The last entry that was read, at least in part.
    pub fn pushed(self) -> Pushed {
        Pushed {
            entry: self.place.entry,
            at: self.at,
        }
    }

    /// Everything before this index of an entry was read.
    pub fn within(entry: &Entry, index: u32) -> Self {
        let entry_id = entry.id;
        Self {
            place: Place {
                entry: entry_id,
                index,
            },
            at: entry.at,
        }
    }

    /// The entry from which on to read.
    pub fn entry(self) -> i64 {
        self.place.entry.max(1)
    }

    /// Whether something was not read yet.
    pub fn is_before(self, place: Place) -> bool {
        place >= self.place
    }

    /// Whether entries, which were read from [`Cursor::entry`] on, follow on this cursor.
    ///
    /// # Errors
    /// Why they do not.
    pub fn check(self, entries: &[Entry]) -> Result<(), Gone> {
        let Place { entry, index } = self.place;
        match entries.first() {
            Some(first) if first.id == entry => {
                let is_same = self.at == DateTime::MIN || self.at == first.at;
                if is_same { Ok(()) } else { Err(Gone::Other) }
            }
            // the entry was removed, and nothing of it was left to read
            Some(first) if first.id == entry.saturating_add(1) && index == ALL => Ok(()),
            Some(_) => Err(Gone::Old),
            None if entry == 0 => Ok(()),
            None => Err(Gone::Other),
        }
    }

    /// The text that is handed out.
    pub fn to_text(self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(VERSION);
        bytes.extend(self.place.entry.to_be_bytes());
        bytes.extend(self.place.index.to_be_bytes());
        bytes.extend(self.at.timestamp_millis().to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads such a text.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let ([VERSION], rest) = bytes.split_first_chunk::<1>()? else {
            return None;
        };
        let (entry, rest) = rest.split_first_chunk::<8>()?;
        let (index, at) = rest.split_first_chunk::<4>()?;
        let entry = i64::from_be_bytes(*entry);
        let index = u32::from_be_bytes(*index);
        let at = DateTime::from_millis(i64::from_be_bytes(at.try_into().ok()?));
        let place = Place { entry, index };
        (entry >= 0).then_some(Self { place, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: i64, at: i64) -> Entry {
        Entry {
            id,
            at: DateTime::from_millis(at),
            boot: String::new(),
            messages: Vec::new(),
            items: Vec::new(),
            is_damaged: false,
        }
    }

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is_one() {
        for cursor in [
            Cursor::before(1),
            Cursor::behind(&entry(i64::MAX, 5)),
            Cursor::within(&entry(3, 7), 9),
        ] {
            assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        }
        let text = Cursor::behind(&entry(3, 7)).to_text();
        for wrong in [
            "",
            "head",
            &text[1..],
            &format!("{text}AA"),
            "2026-11-30T00:00:00Z",
        ] {
            assert_eq!(Cursor::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_cursor_is_good_as_long_as_nothing_after_it_is_missing() {
        let log = [entry(5, 50), entry(6, 60)];
        let old = Err(Gone::Old);
        assert_eq!(Cursor::behind(&entry(5, 50)).check(&log), Ok(()));
        assert_eq!(Cursor::behind(&entry(4, 40)).check(&log), Ok(()));
        assert_eq!(Cursor::within(&entry(4, 40), 2).check(&log), old);
        assert_eq!(Cursor::behind(&entry(3, 30)).check(&log), old);
        assert_eq!(Cursor::before(5).check(&log), Ok(()));
        assert_eq!(Cursor::before(1).check(&log), old);
        assert_eq!(Cursor::before(1).check(&[]), Ok(()));
        let other = Err(Gone::Other);
        assert_eq!(Cursor::behind(&entry(5, 51)).check(&log), other);
        assert_eq!(Cursor::behind(&entry(9, 90)).check(&[]), other);
    }
}
