//! Secrets: from a variable, or from a file that only the server may read.

use std::fs;
use std::path::Path;

use secrecy::SecretString;

use super::keys::KEYS;
use super::reader::{Noted, Reader};

/// Fewest bytes of a secret that signs: the output of SHA-256, as RFC 7518 §3.2 asks for.
const FEWEST_BYTES: usize = 32;
/// Most bytes of a file that holds a secret.
const MOST_BYTES: u64 = 64 * 1024;

/// A text that is set as `name`, or stands in the file that is set as `file`.
///
/// The file must not be readable by everybody when it holds a `secret`.
pub(super) fn text_or_file(
    keys: &mut Reader<'_>,
    name: &str,
    file: &str,
    secret: bool,
) -> Result<Option<String>, Noted> {
    let text = keys.read_set(name, |text| Ok(text.to_owned()))?;
    let path = keys.read_set(file, |text| Ok(text.to_owned()))?;
    match (text, path) {
        (Some(_), Some(_)) => {
            keys.refuse(format!("{name} and {file}"), "both are set; remove one");
            Err(Noted)
        }
        (Some(text), None) => Ok(Some(text)),
        (None, None) => Ok(None),
        (None, Some(path)) => match read(Path::new(&path), secret) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(sentence) => {
                keys.refuse(file, sentence);
                Err(Noted)
            }
        },
    }
}

/// A secret that signs: long enough, and not the one of `.env.example`.
pub(super) fn signing(
    keys: &mut Reader<'_>,
    name: &str,
    file: &str,
) -> Result<Option<SecretString>, Noted> {
    let Some(text) = text_or_file(keys, name, file, true)? else {
        return Ok(None);
    };
    let example = KEYS
        .iter()
        .any(|key| key.name == name && key.example() == text);
    let problem = if example {
        "this is the value of .env.example, which everybody knows"
    } else if text.len() < FEWEST_BYTES {
        "it is shorter than 32 bytes and could be guessed"
    } else if text.starts_with("-----BEGIN ") {
        "this is a PEM key, not a shared secret; a public key belongs into CHATZZ_JWT_PUBLIC_KEY"
    } else {
        return Ok(Some(SecretString::from(text)));
    };
    keys.refuse(
        name,
        format!("{problem}; `openssl rand -base64 48` makes a good secret"),
    );
    Err(Noted)
}

/// The text of a file of at most 64 KiB; one that holds a secret must not be readable
/// by everybody.
pub(super) fn read(path: &Path, secret: bool) -> Result<String, String> {
    let unreadable = |error| format!("cannot be read ({error}); make it readable for the server");
    let about = fs::metadata(path).map_err(unreadable)?;
    if secret && is_open(&about) {
        return Err(
            "everybody on this machine can read it; take that right away, \
                    as `chmod o-rwx` does"
                .to_owned(),
        );
    }
    if about.len() > MOST_BYTES {
        return Err("it is larger than 64 KiB; name the right file".to_owned());
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text; write it as text".to_owned())
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
