//! Secrets: long enough, and from files that only the server may read.

use std::fs;
use std::path::Path;

use secrecy::SecretString;

use super::parse::{Parsed, Refusal};

/// Fewest bytes of a signing secret: the output of SHA-256, as RFC 7518 §3.2 requires.
const MIN_BYTES: usize = 32;
/// Most bytes of a file that holds a secret.
const MAX_FILE_BYTES: u64 = 64 * 1024;
/// The mark that some editors put at the beginning of a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A signing secret; the error does not repeat it.
pub(super) fn signing(text: &str) -> Parsed<SecretString> {
    let problem = if text.len() < MIN_BYTES {
        "it is shorter than 32 bytes and could be guessed"
    } else if text.starts_with("-----BEGIN ") {
        "this is a PEM key, not a shared secret; a public key belongs in CHATZZ_JWT_PUBLIC_KEY"
    } else {
        return Ok(SecretString::from(text));
    };
    Err(Refusal::new(better(problem)))
}

/// Why the value of `.env.example` is refused.
pub(super) fn well_known() -> String {
    better("this is the value of .env.example, which everybody knows")
}

fn better(problem: &str) -> String {
    format!("{problem}; `openssl rand -base64 48` makes a good secret")
}

/// The text of a file of at most 64 KiB.
///
/// One that holds a secret must not be readable by everybody.
pub(super) fn read(path: &Path, is_secret: bool) -> Result<String, String> {
    let unreadable = |error| format!("cannot be read ({error}); make it readable for the server");
    let about = fs::metadata(path).map_err(unreadable)?;
    if is_secret && is_open(&about) {
        return Err(open());
    }
    if about.len() > MAX_FILE_BYTES {
        return Err("it is larger than 64 KiB; name the right file".to_owned());
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(without_mark(&text).to_owned()),
        Err(_) => Err("it is not UTF-8 text; write it as text".to_owned()),
    }
}

/// Whether everybody may read a file; `false` for one that does not exist.
pub(super) fn is_open_to_all(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| is_open(&about))
}

/// Why a file is refused that everybody may read.
pub(super) fn open() -> String {
    "everybody on this machine can read it; take that right away, as `chmod o-rwx` does".to_owned()
}

/// The text without a leading byte order mark.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

#[cfg(unix)]
fn is_open(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    about.mode() & 0o007 != 0
}

#[cfg(not(unix))]
fn is_open(_: &fs::Metadata) -> bool {
    false
}
