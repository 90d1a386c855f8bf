//! The signature of requests to the application, as Standard Webhooks say.
//!
//! The receiver recomputes it from three headers and the body, byte for byte as it came.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::config::SigningSecrets;

/// The header of the request's id, the same at each attempt. It has no dot in it.
pub(crate) const ID: &str = "webhook-id";
/// The header of the time of the attempt, in seconds since 1970.
pub(crate) const TIMESTAMP: &str = "webhook-timestamp";
/// The header of the signatures.
pub(crate) const SIGNATURE: &str = "webhook-signature";

/// The signatures of `<id>.<timestamp>.<body>`, one for each secret, with spaces between
/// them: `v1,` and the base64 of HMAC-SHA256.
pub(crate) fn sign(secrets: &SigningSecrets, id: &str, timestamp: i64, body: &[u8]) -> String {
    let head = format!("{id}.{timestamp}.");
    let signatures = secrets.keys().filter_map(|key| {
        let signature = STANDARD.encode(mac(key, [head.as_bytes(), body])?);
        Some(format!("v1,{signature}"))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

/// HMAC-SHA256 of these parts, one behind the other.
pub(crate) fn mac<'a>(key: &[u8], parts: impl IntoIterator<Item = &'a [u8]>) -> Option<[u8; 32]> {
    // HMAC takes a key of any length
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specification_for_each_secret() {
        // the example of the specification's reference libraries
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = br#"{"test": 2432232314}"#;
        let of = |text: &str| {
            let secrets = SigningSecrets::parse(text).unwrap();
            sign(&secrets, id, 1_614_265_330, body)
        };
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(of(secret), expected);
        let both = of(&format!("{other} {secret}"));
        assert_eq!(both, format!("{} {expected}", of(other)));
        assert_ne!(of(other), expected);
    }
}
