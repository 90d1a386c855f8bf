//! Sealing frames: who reaches NATS and not the database neither reads, forges nor
//! repeats one.
//!
//! The servers of a database share a random key that is kept there. Of it each direction,
//! from one run of a server to another, has a key of its own, by HKDF with both boot ids.
//! A frame's counter is its nonce, and both boot ids are authenticated with it. Boot ids
//! are never used again, so no key ever sees a counter twice.

use std::collections::HashMap;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::frame::{Head, MAX_FRAME_BYTES};

/// Bytes of the key that the servers share.
pub(super) const KEY_BYTES: usize = 32;
/// Sets these keys apart from any others that might be made of the same one.
const PURPOSE: &[u8] = b"chatzz bus 1";

/// What keys of directions are made of.
pub(super) struct SharedKey(Prk);

/// A frame was not sealed: the cipher refused, which it does for no frame of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotSealed;

/// Why a frame is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is longer than any frame.
    Large,
    /// It is not sealed for this server with the key of the database.
    Unsealed,
    /// Its counter is not above the last one of its sender.
    Replayed,
}

impl SharedKey {
    /// The key as it is kept in the database.
    pub(super) fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(Salt::new(HKDF_SHA256, PURPOSE).extract(bytes))
    }

    /// Random bytes, for the first server of a database; `None` when the system has none.
    pub(super) fn random() -> Option<[u8; KEY_BYTES]> {
        let mut bytes = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Some(bytes)
    }

    /// The key of a direction; `None` cannot happen with lengths that are fixed.
    fn of(&self, from: &str, to: &str) -> Option<LessSafeKey> {
        // the lengths, since `a` to `bc` is not `ab` to `c`
        let lengths = [from.len() as u64, to.len() as u64].map(u64::to_be_bytes);
        let [first, second] = &lengths;
        let info: [&[u8]; 4] = [first, from.as_bytes(), second, to.as_bytes()];
        let derived = self.0.expand(&info, &CHACHA20_POLY1305).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(derived)))
    }
}

/// What authenticates a frame beside its content: its version and number, whose it is and
/// whom it is for.
fn associated(head: &Head<'_>, to: &str) -> Aad<Vec<u8>> {
    let mut bytes = Vec::with_capacity(64);
    head.write(&mut bytes);
    bytes.extend_from_slice(to.as_bytes());
    Aad::from(bytes)
}

/// The nonce of a counter.
fn nonce(n: u64) -> Nonce {
    let mut bytes = [0; 12];
    let [_, _, _, _, counter @ ..] = &mut bytes;
    *counter = n.to_be_bytes();
    Nonce::assume_unique_for_key(bytes)
}

/// Seals what one run of this server sends.
pub(super) struct Sealer {
    from: String,
    /// Never pruned: a counter that began anew would use a nonce twice. There is one entry
    /// for each run of a server that this one has sent to, about 200 bytes.
    directions: HashMap<String, Outgoing>,
}

struct Outgoing {
    key: LessSafeKey,
    n: u64,
}

impl Sealer {
    /// Nothing sent yet by this run.
    pub(super) fn new(from: &str) -> Self {
        Self {
            from: from.to_owned(),
            directions: HashMap::new(),
        }
    }

    /// Seals the next frame to a boot id. `lost` is how many were dropped before it: their
    /// numbers are left out, by which the receiver notices.
    ///
    /// # Errors
    /// [`NotSealed`]; the number is used up all the same.
    pub(super) fn seal(
        &mut self,
        shared: &SharedKey,
        to: &str,
        lost: u64,
        content: &[u8],
    ) -> Result<Vec<u8>, NotSealed> {
        if !self.directions.contains_key(to) {
            let key = shared.of(&self.from, to).ok_or(NotSealed)?;
            self.directions
                .insert(to.to_owned(), Outgoing { key, n: 0 });
        }
        let outgoing = self.directions.get_mut(to).ok_or(NotSealed)?;
        outgoing.n = outgoing.n.checked_add(lost + 1).ok_or(NotSealed)?;
        let from = &self.from;
        let head = Head {
            n: outgoing.n,
            from,
        };
        let key = &outgoing.key;
        let tag_bytes = key.algorithm().tag_len();
        let mut frame = Vec::with_capacity(head.len() + content.len() + tag_bytes);
        head.write(&mut frame);
        frame.extend_from_slice(content);
        let (_, content) = frame.split_at_mut_checked(head.len()).ok_or(NotSealed)?;
        let associated = associated(&head, to);
        let sealed = key.seal_in_place_separate_tag(nonce(head.n), associated, content);
        let tag = sealed.map_err(|_| NotSealed)?;
        frame.extend_from_slice(tag.as_ref());
        Ok(frame)
    }
}

/// A frame that was opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened {
    /// The boot id of its sender.
    pub(super) from: String,
    /// Whether frames before it are missing.
    pub(super) gap: bool,
    /// What was sealed.
    pub(super) content: Vec<u8>,
}

/// Opens what one run of this server receives.
pub(super) struct Opener {
    to: String,
    /// Only of senders whose frame was opened, so that nobody without the key can fill it;
    /// and never pruned, or old frames could be repeated.
    senders: HashMap<String, Incoming>,
}

struct Incoming {
    key: LessSafeKey,
    last: u64,
}

impl Opener {
    /// Nothing received yet by this run.
    pub(super) fn new(to: &str) -> Self {
        Self {
            to: to.to_owned(),
            senders: HashMap::new(),
        }
    }

    /// Opens a frame.
    ///
    /// # Errors
    /// When it is not to be opened; nothing is remembered of it.
    pub(super) fn open(&mut self, shared: &SharedKey, frame: &[u8]) -> Result<Opened, Refused> {
        if frame.len() > MAX_FRAME_BYTES {
            return Err(Refused::Large);
        }
        let (head, sealed) = Head::read(frame).ok_or(Refused::Unsealed)?;
        let known = self.senders.get_mut(head.from);
        let mut content = sealed.to_vec();
        let open = |key: &LessSafeKey, content: &mut Vec<u8>| {
            let associated = associated(&head, &self.to);
            let opened = key.open_in_place(nonce(head.n), associated, content);
            let length = opened.map_err(|_| Refused::Unsealed)?.len();
            content.truncate(length);
            Ok(())
        };
        let last = if let Some(incoming) = known {
            // first, so that what is not sealed is not called a repetition
            open(&incoming.key, &mut content)?;
            if head.n <= incoming.last {
                return Err(Refused::Replayed);
            }
            std::mem::replace(&mut incoming.last, head.n)
        } else {
            let key = shared.of(head.from, &self.to).ok_or(Refused::Unsealed)?;
            open(&key, &mut content)?;
            if head.n == 0 {
                return Err(Refused::Replayed);
            }
            let last = head.n;
            self.senders
                .insert(head.from.to_owned(), Incoming { key, last });
            0
        };
        Ok(Opened {
            from: head.from.to_owned(),
            gap: head.n > last + 1,
            content,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; KEY_BYTES] = [7; KEY_BYTES];

    fn sealed(n: usize) -> Vec<Vec<u8>> {
        let shared = SharedKey::new(&KEY);
        let mut sealer = Sealer::new("one");
        let frames = (0..n).map(|i| sealer.seal(&shared, "two", 0, format!("{i}").as_bytes()));
        frames.map(Result::unwrap).collect()
    }

    fn opener() -> (SharedKey, Opener) {
        (SharedKey::new(&KEY), Opener::new("two"))
    }

    #[test]
    fn what_one_server_seals_the_other_opens() {
        let (shared, mut two) = opener();
        for (i, frame) in sealed(3).iter().enumerate() {
            let opened = two.open(&shared, frame).unwrap();
            assert_eq!(opened.content, format!("{i}").as_bytes());
            assert_eq!((opened.from.as_str(), opened.gap), ("one", false));
            assert!(!frame.windows(3).any(|part| part == b"two"));
        }
    }

    #[test]
    fn a_frame_is_opened_once_and_in_order() {
        let (shared, mut two) = opener();
        let frames = sealed(3);
        two.open(&shared, &frames[0]).unwrap();
        assert_eq!(two.open(&shared, &frames[0]), Err(Refused::Replayed));
        let opened = two.open(&shared, &frames[2]).unwrap();
        assert!(opened.gap, "the second is missing");
        assert_eq!(two.open(&shared, &frames[1]), Err(Refused::Replayed));
    }

    #[test]
    fn a_first_frame_that_is_not_the_first_is_a_gap() {
        let (shared, mut two) = opener();
        assert!(two.open(&shared, &sealed(2)[1]).unwrap().gap);
        let mut sealer = Sealer::new("three");
        let frame = sealer.seal(&shared, "two", 4, b"after four lost ones");
        assert!(two.open(&shared, &frame.unwrap()).unwrap().gap);
    }

    #[test]
    fn every_changed_byte_is_noticed_and_nothing_is_remembered() {
        let (shared, mut two) = opener();
        let frame = &sealed(1)[0];
        for at in 0..frame.len() {
            let mut changed = frame.clone();
            changed[at] ^= 1;
            assert_eq!(two.open(&shared, &changed), Err(Refused::Unsealed), "{at}");
        }
        for length in 0..frame.len() {
            let cut = two.open(&shared, &frame[..length]);
            assert_eq!(cut, Err(Refused::Unsealed), "{length}");
        }
        assert!(two.senders.is_empty());
        two.open(&shared, frame).unwrap();
    }

    #[test]
    fn frames_of_other_keys_and_for_other_servers_stay_closed() {
        let (shared, mut two) = opener();
        let frame = &sealed(1)[0];
        let foreign = SharedKey::new(&[8; KEY_BYTES]);
        assert_eq!(two.open(&foreign, frame), Err(Refused::Unsealed));
        let mut three = Opener::new("three");
        assert_eq!(three.open(&shared, frame), Err(Refused::Unsealed));
        let long = vec![0; MAX_FRAME_BYTES + 1];
        assert_eq!(two.open(&shared, &long), Err(Refused::Large));
    }

    #[test]
    fn each_direction_has_its_own_key() {
        let shared = SharedKey::new(&KEY);
        let sealed = |from: &str, to: &str| Sealer::new(from).seal(&shared, to, 0, b"x").unwrap();
        let tail = |frame: Vec<u8>| frame[frame.len() - 17..].to_vec();
        let all = [
            ("a", "bc"),
            ("ab", "c"),
            ("bc", "a"),
            ("a", "b"),
            ("b", "a"),
        ];
        let mut tails: Vec<_> = all.map(|(from, to)| tail(sealed(from, to))).into();
        tails.sort();
        tails.dedup();
        assert_eq!(tails.len(), all.len());
    }
}
