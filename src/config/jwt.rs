//! Tokens that the application's login service signs.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::parse::{self, Parsed, Refusal, choice, comma_list, shown, within};
use super::reader::{Read, Reader};
use super::secret::signing;
use super::service_url::ServiceUrl;
use super::warning::Warning;

/// The longest name and value of a claim, in characters.
const MAX_CLAIM: usize = 256;

section! {
    /// The keys, of which exactly one is set.
    pub(super) struct KeySources in "Authentication: `CHATZZ_AUTH=jwt`" {
        /// The secret that signs HS256, HS384 and HS512 tokens, at least 32 bytes.
        /// Set exactly one key: this, the public key, or a JWKS as a file or URL.
        secret: Option<SecretString> =
            secret("CHATZZ_JWT_SECRET" or_file "/run/secrets/chatzz-jwt", "text",
                unset("none", None, "write-32-or-more-random-bytes-here"), signing),
        /// The public key of RS256, ES256 or EdDSA tokens. Line breaks may be written `\n`.
        public_key: Option<String> =
            key("CHATZZ_JWT_PUBLIC_KEY" or_file "/etc/chatzz/jwt.pem", "PEM",
                unset("none", None, "-----BEGIN PUBLIC KEY-----..."), public_key),
        /// A file of public keys in the JWKS format; it is read again like the URL.
        jwks_file: Option<PathBuf> =
            key("CHATZZ_JWT_JWKS_FILE", "path", unset("none", None, "/etc/chatzz/jwks.json"),
                parse::file),
        /// The URL where the login service publishes its public keys.
        jwks_url: Option<ServiceUrl> =
            key("CHATZZ_JWT_JWKS_URL", "URL",
                unset("none", None, "https://login.example.org/.well-known/jwks.json"),
                ServiceUrl::parse),
    }
}

section! {
    /// Tokens that the application's login service signs.
    pub struct JwtConfig in "Authentication: `CHATZZ_AUTH=jwt`" {
        /// How often a JWKS is read again.
        /// Lower it when revoked keys must stop working sooner. A token with an unknown key
        /// triggers a read at once, at most every 5 s.
        refresh: Duration =
            key("CHATZZ_JWT_JWKS_REFRESH", "duration", default("10m"), within("1s", "24h")),
        /// The accepted algorithms; each must match the key. Write the one in use.
        algorithms: Vec<JwtAlgorithm> =
            key("CHATZZ_JWT_ALGORITHMS", "list of HS256, HS384, HS512, RS256, ES256, EdDSA (or Ed25519)",
                unset("all that fit the key", Vec::new(), "RS256,ES256"), algorithms),
        /// The required `iss` of a token.
        /// Set it when the key signs for several issuers.
        issuer: Option<String> =
            key("CHATZZ_JWT_ISSUER", "text", unset("any", None, "https://login.example.org/"),
                claim_text),
        /// One of these must be in `aud` of a token.
        /// With none, a token that has `aud` is refused, as RFC 7519 §4.1.3 requires.
        audience: Vec<String> =
            key("CHATZZ_JWT_AUDIENCE", "list of texts",
                unset("none; tokens with `aud` are refused", Vec::new(), "chat"), claim_texts),
        /// The tolerance in checking `exp` and `nbf`.
        /// Raise it when the clocks differ.
        leeway: Duration = key("CHATZZ_JWT_LEEWAY", "duration", default("0s"), within("0s", "5m")),
        /// The claim that holds the user's `_id`, a string or an integer.
        user_claim: String = key("CHATZZ_JWT_USER_CLAIM", "name", default("sub"), claim_text),
        /// Whether a token must have `exp`.
        /// With `false`, one without it is valid for ever.
        require_expiry: bool =
            key("CHATZZ_JWT_REQUIRE_EXPIRY", "`true` or `false`", default("true"), parse::flag),
    }
    with {
        /// The key that signatures are checked with.
        key: JwtKey = JwtKey::read,
    }
    check(keys) {
        if let (Ok(key), Ok(algorithms)) = (&key, &algorithms)
            && !algorithms.iter().all(|algorithm| key.fits(*algorithm))
        {
            let those = match key {
                JwtKey::Secret(_) => "a shared secret fits HS256, HS384 and HS512 alone",
                _ => "public keys fit RS256, ES256 and EdDSA alone",
            };
            keys.refuse("CHATZZ_JWT_ALGORITHMS", format!("{those}; remove the others"));
        }
    }
}

/// The key that signatures are checked with.
#[derive(Debug, Clone)]
pub enum JwtKey {
    /// A secret shared with the login service: HS256, HS384, HS512.
    Secret(SecretString),
    /// A public key as PEM text: RS256, ES256 or EdDSA, whichever it is for.
    PublicKey(String),
    /// A file of public keys.
    JwksFile(PathBuf),
    /// The URL where public keys are published.
    JwksUrl(ServiceUrl),
}

/// The supported algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the name of RFC 7518")]
pub enum JwtAlgorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Es256,
    EdDsa,
}

/// The names; Ed25519 is the one of RFC 9864 for what RFC 8037 calls EdDSA.
const ALGORITHMS: [(&str, JwtAlgorithm); 7] = [
    ("HS256", JwtAlgorithm::Hs256),
    ("HS384", JwtAlgorithm::Hs384),
    ("HS512", JwtAlgorithm::Hs512),
    ("RS256", JwtAlgorithm::Rs256),
    ("ES256", JwtAlgorithm::Es256),
    ("EdDSA", JwtAlgorithm::EdDsa),
    ("Ed25519", JwtAlgorithm::EdDsa),
];

impl JwtAlgorithm {
    /// Whether it needs a shared secret; all others need a public key.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }
}

impl JwtKey {
    /// Whether the algorithm belongs to the key's family: a public key is never a shared secret.
    fn fits(&self, algorithm: JwtAlgorithm) -> bool {
        algorithm.is_symmetric() == matches!(self, Self::Secret(_))
    }

    /// The one key that is set.
    fn read(keys: &mut Reader<'_>) -> Read<Self> {
        let sources = KeySources::read(keys)?;
        let mut set = [
            sources.secret.map(Self::Secret),
            sources.public_key.map(Self::PublicKey),
            sources.jwks_file.map(Self::JwksFile),
            sources.jwks_url.map(Self::JwksUrl),
        ]
        .into_iter()
        .flatten();
        let many = match (set.next(), set.next()) {
            (Some(key), None) => {
                if matches!(&key, Self::JwksUrl(url) if url.is_exposed()) {
                    let key = "CHATZZ_JWT_JWKS_URL";
                    keys.warn(Warning::Exposed { key });
                }
                return Ok(key);
            }
            (Some(_), Some(_)) => "more than one",
            (None, _) => "none",
        };
        Err(keys.refuse(
            "CHATZZ_AUTH",
            format!(
                "`jwt` needs exactly one of CHATZZ_JWT_SECRET, CHATZZ_JWT_PUBLIC_KEY (each \
                 also as a _FILE), CHATZZ_JWT_JWKS_FILE and CHATZZ_JWT_JWKS_URL; {many} is set"
            ),
        ))
    }
}

impl JwtConfig {
    /// Reads the keys; without a list, every algorithm that matches the key is accepted.
    pub(super) fn read_fitting(keys: &mut Reader<'_>) -> Read<Self> {
        let mut config = Self::read(keys)?;
        if config.algorithms.is_empty() {
            let all = ALGORITHMS.map(|(_, algorithm)| algorithm).into_iter();
            config.algorithms = all
                .filter(|algorithm| config.key.fits(*algorithm))
                .collect();
            // one of them has two names
            config.algorithms.dedup();
        }
        Ok(config)
    }
}

fn public_key(text: &str) -> Parsed<String> {
    if text.contains("PRIVATE KEY-----") {
        return Err(Refusal::new(
            "this is a private key, which only the login service may have; write the public key",
        ));
    }
    Ok(text.replace("\\n", "\n"))
}

fn algorithms(text: &str) -> Parsed<Vec<JwtAlgorithm>> {
    let listed: Vec<_> = comma_list(text)
        .map(choice(&ALGORITHMS))
        .collect::<Parsed<_>>()?;
    if listed.is_empty() {
        return Err(Refusal::new(
            "it is empty; write a list such as `RS256`, or remove the key",
        ));
    }
    Ok(listed)
}

fn claim_texts(text: &str) -> Parsed<Vec<String>> {
    comma_list(text).map(claim_text).collect()
}

/// The name or value of a claim.
fn claim_text(text: &str) -> Parsed<String> {
    let length = text.chars().count();
    if (1..=MAX_CLAIM).contains(&length) && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(Refusal::new(format!(
            "{} cannot be used; write 1 to {MAX_CLAIM} characters",
            shown(text)
        )))
    }
}
