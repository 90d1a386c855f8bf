//! The signature by which the application recognises chatzz.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The header of the signature: `t=<seconds since 1970>,v1=<hex>`.
pub(super) const HEADER: &str = "x-chatzz-signature";

/// HMAC-SHA256 over `<seconds>.<body>`: the time is signed as well, so that a recorded
/// request is of no use later.
pub(super) fn of(secret: &str, seconds: i64, body: &[u8]) -> String {
    // HMAC takes a key of any length
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!(
        "t={seconds},v1={}",
        hex::encode(mac.finalize().into_bytes())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_hmac_sha256_of_time_and_body() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
        let signature = of("0123456789abcdef0123456789abcdef", 1_700_000_000, b"{}");
        assert_eq!(
            signature,
            "t=1700000000,v1=417adf36b901772f658597a76d329694e335e65fc0849d7715c3ca33406309b5"
        );
    }
}
