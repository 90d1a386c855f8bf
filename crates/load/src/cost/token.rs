//! Tokens for `refresh-token`, as a login service signs them.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The secret of every token.
pub(super) const SECRET: &str = "the worst that an event can cost";

/// A token for a user with so many bytes of something that nobody asks for.
pub(super) fn token(user: &str, padding: usize) -> anyhow::Result<String> {
    let padding = "x".repeat(padding);
    let claims = format!("{{\"sub\":\"{user}\",\"exp\":4000000000,\"more\":\"{padding}\"}}");
    let head = BASE64.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{head}.{}", BASE64.encode(claims));
    let mut signature = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    signature.update(signed.as_bytes());
    let signature = BASE64.encode(signature.finalize().into_bytes());
    Ok(format!("{signed}.{signature}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_three_parts_and_the_size_that_was_asked_for() {
        let token = token("a", 9_000).unwrap();
        assert_eq!(token.split('.').count(), 3);
        assert!((12_000..12_300).contains(&token.len()), "{}", token.len());
    }
}
