//! The secrets of Standard Webhooks, `whsec_` and base64.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretSlice};

use super::parse::{Parsed, Refusal};

/// What every secret begins with.
const PREFIX: &str = "whsec_";
/// Fewest and most bytes of a secret, as Standard Webhooks demand.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Most secrets at a time.
const MAX_SECRETS: usize = 8;

/// One or more secrets, each of which signs: while the receiver goes over from one to the
/// next, both are here.
#[derive(Clone)]
pub struct SigningSecrets(Vec<SecretSlice<u8>>);

impl SigningSecrets {
    /// The bytes that sign.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(SecretSlice::expose_secret)
    }

    /// Secrets with spaces, line ends or commas between them.
    ///
    /// # Errors
    /// A sentence that says what to write, and repeats no secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words = text.split(|c: char| c == ',' || c.is_whitespace());
        let words = words.filter(|word| !word.is_empty());
        let secrets: Vec<_> = words.map(secret).collect::<Result<_, _>>()?;
        match secrets.len() {
            1..=MAX_SECRETS => Ok(Self(secrets)),
            0 => Err(better("it is empty")),
            _ => Err(format!(
                "these are more than {MAX_SECRETS} secrets; remove old ones"
            )),
        }
    }

    /// One secret that is any text: its bytes, unless it is written as above.
    pub fn of_text(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|_| Self(vec![text.as_bytes().to_vec().into()]))
    }
}

/// The value of a key.
pub(super) fn signing_secrets(text: &str) -> Parsed<SigningSecrets> {
    SigningSecrets::parse(text).map_err(Refusal::new)
}

impl fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningSecrets({})", self.0.len())
    }
}

fn secret(word: &str) -> Result<SecretSlice<u8>, String> {
    let bytes = word.strip_prefix(PREFIX);
    let bytes = bytes.and_then(|text| STANDARD.decode(text).ok());
    match bytes {
        Some(bytes) if BYTES.contains(&bytes.len()) => Ok(bytes.into()),
        _ => Err(better(
            "this is not `whsec_` and the base64 of 24 to 64 bytes (its value is not shown)",
        )),
    }
}

fn better(problem: &str) -> String {
    format!("{problem}; `echo whsec_$(openssl rand -base64 32)` makes a good secret")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stand_one_after_another_and_what_is_none_is_refused_without_its_value() {
        let [one, other] = [24, 64].map(|len| format!("{PREFIX}{}", STANDARD.encode(vec![7; len])));
        let both = SigningSecrets::parse(&format!("{one}\n {other},")).unwrap();
        let lengths: Vec<usize> = both.keys().map(<[u8]>::len).collect();
        assert_eq!(lengths, [24, 64]);
        assert_eq!(format!("{both:?}"), "SigningSecrets(2)");
        let [short, long] =
            [23, 65].map(|len| format!("{PREFIX}{}", STANDARD.encode(vec![7; len])));
        let bare = STANDARD.encode([7; 32]);
        for wrong in ["", "whsec_", "whsec_canary!", &short, &long, &bare] {
            let refused = SigningSecrets::parse(wrong).unwrap_err();
            assert!(refused.contains("whsec_$(openssl"), "{refused}");
            assert!(wrong.len() < 7 || !refused.contains(wrong), "{refused}");
        }
        SigningSecrets::parse(&vec![one; 9].join(" ")).unwrap_err();
    }
}
