//! The keys of the HTTP API: a file of lines `name scopes sha256 [expires]`.
//!
//! The file contains no key, only what a key is recognised by. Two lines may have the same
//! name: a key is replaced by adding the new one before the old one is removed.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDate, NaiveTime};
use ring::rand::{SecureRandom as _, SystemRandom};
use sha2::{Digest as _, Sha256};

use super::parse::shown;
use super::secret;

/// What every key begins with, so that scanners for secrets can find it.
const PREFIX: &str = "chatzz_";
/// Longest name of a key.
const MAX_NAME: usize = 64;

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApiScope {
    /// Read messages, chat rooms and users.
    Read,
    /// Send messages and signals as any user.
    Send,
    /// Mark as read, block, end sockets.
    Manage,
    /// Export and erase what is stored of a user.
    Privacy,
    /// Store old messages.
    Import,
    /// Hear of everything that happens.
    Events,
}

impl ApiScope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::Read,
        Self::Send,
        Self::Manage,
        Self::Privacy,
        Self::Import,
        Self::Events,
    ];

    /// The word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Manage => "manage",
            Self::Privacy => "privacy",
            Self::Import => "import",
            Self::Events => "events",
        }
    }

    /// The scopes of a list with commas.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        let scope = |word: &str| Self::ALL.into_iter().find(|scope| scope.as_str() == word);
        let known = || Self::ALL.map(Self::as_str).join(", ");
        text.split(',')
            .map(|word| {
                scope(word).ok_or_else(|| {
                    format!(
                        "{} is not a scope; write some of {}, with commas and no spaces",
                        shown(word),
                        known()
                    )
                })
            })
            .collect()
    }
}

impl fmt::Display for ApiScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key as the file knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The name of whoever has it, which is stored with the messages that it sends.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<ApiScope>,
    /// The SHA-256 of the key.
    pub digest: [u8; 32],
    /// The moment when it ends, in milliseconds since 1970.
    pub expires: Option<i64>,
}

impl ApiKey {
    /// A key that never ends.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the name.
    pub fn new(name: &str, scopes: Vec<ApiScope>, key: &str) -> Result<Self, String> {
        Ok(Self {
            name: checked_name(name)?,
            scopes,
            digest: digest_of(key.as_bytes()),
            expires: None,
        })
    }

    /// The line in the file.
    pub fn line(&self) -> String {
        let scopes: Vec<&str> = self.scopes.iter().map(|scope| scope.as_str()).collect();
        format!(
            "{} {} {}",
            self.name,
            scopes.join(","),
            hex::encode(self.digest)
        )
    }

    fn parse(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, scopes, digest, expires) = match words[..] {
            [name, scopes, digest] => (name, scopes, digest, None),
            [name, scopes, digest, expires] => (name, scopes, digest, Some(expires)),
            _ => return Err("write `name scopes sha256 [expires]`".to_owned()),
        };
        let mut bytes = [0; 32];
        // the text is not repeated: it may be a key in the wrong place
        hex::decode_to_slice(digest, &mut bytes).map_err(|_| {
            "the third word is not the SHA-256 of a key, 64 hex digits; \
             `chatzz key new` makes a line"
                .to_owned()
        })?;
        Ok(Self {
            name: checked_name(name)?,
            scopes: ApiScope::parse_list(scopes)?,
            digest: bytes,
            expires: expires.map(moment).transpose()?,
        })
    }
}

/// Makes a key of 256 random bits; returns it, and its line.
///
/// # Errors
/// A sentence that says what is wrong with the name, or that the system gives no random
/// numbers.
pub fn new_api_key(name: &str, scopes: &[ApiScope]) -> Result<(String, String), String> {
    let mut bits = [0; 32];
    SystemRandom::new()
        .fill(&mut bits)
        .map_err(|_| "the system gives no random numbers".to_owned())?;
    let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bits));
    let line = ApiKey::new(name, scopes.to_vec(), &key)?.line();
    Ok((key, line))
}

/// What a key is recognised by.
pub fn digest_of(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

fn checked_name(name: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_plain) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "{} cannot be a name; write at most {MAX_NAME} ASCII letters, digits and `.`, `_`, `-`",
        shown(name)
    ))
}

/// A date, which begins at midnight UTC, or a date with time and offset.
fn moment(text: &str) -> Result<i64, String> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc().timestamp_millis());
    }
    let at = DateTime::parse_from_rfc3339(text);
    at.map(|at| at.timestamp_millis()).map_err(|_| {
        format!(
            "{} is not when it ends; write a date such as `2027-01-31`, or with a time \
             `2027-01-31T12:00:00Z`",
            shown(text)
        )
    })
}

/// Reads a file of keys.
///
/// # Errors
/// Every mistake, each with its line.
pub(super) fn load(path: impl AsRef<Path>) -> Result<Vec<ApiKey>, Vec<String>> {
    let text = secret::read(path.as_ref(), false).map_err(|sentence| vec![sentence])?;
    parse(&text)
}

fn parse(text: &str) -> Result<Vec<ApiKey>, Vec<String>> {
    let (mut keys, mut mistakes, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut refuse = |sentence: &str| mistakes.push(format!("line {}: {sentence}", index + 1));
        match ApiKey::parse(line) {
            Ok(key) if seen.insert(key.digest) => keys.push(key),
            Ok(_) => refuse("this key stands there twice; leave one of them"),
            Err(sentence) => refuse(&sentence),
        }
    }
    if mistakes.is_empty() {
        Ok(keys)
    } else {
        Err(mistakes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_made_is_read_back() {
        let made = ApiKey::new("shop", vec![ApiScope::Read, ApiScope::Send], "secret").unwrap();
        let text = format!("\n# of the shop\n  {}\n", made.line());
        assert_eq!(parse(&text).unwrap(), vec![made.clone()]);
        let dated = format!("{} 1970-01-02", made.line());
        assert_eq!(parse(&dated).unwrap()[0].expires, Some(86_400_000));
        let timed = format!("{} 1970-01-01T01:00:00+01:00", made.line());
        assert_eq!(parse(&timed).unwrap()[0].expires, Some(0));
    }

    #[test]
    fn every_mistake_is_named_with_its_line_and_without_what_may_be_a_key() {
        let good = ApiKey::new("a", vec![ApiScope::Read], "one")
            .unwrap()
            .line();
        let text = format!(
            "{good}\nb\nc read chatzz_secret\nd all {:064}\n{good} 31.1.2027\n{good}",
            0
        );
        let mistakes = parse(&text).unwrap_err();
        let starts = ["line 2: ", "line 3: ", "line 4: ", "line 5: ", "line 6: "];
        assert_eq!(mistakes.len(), starts.len(), "{mistakes:?}");
        for (mistake, start) in mistakes.iter().zip(starts) {
            assert!(mistake.starts_with(start), "{mistake}");
        }
        assert!(!mistakes.concat().contains("chatzz_secret"), "{mistakes:?}");
        assert!(mistakes[2].contains("`all` is not a scope"), "{mistakes:?}");
    }
}
