//! Tokens that the application's login service signs.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::parse::{self, Parsed, Refusal, shown};
use super::reader::{Noted, Reader};
use super::secret;
use super::service_url::ServiceUrl;
use super::warning::Warning;

/// The longest name and value of a claim, in characters.
const CLAIM_MAX: usize = 256;

/// Tokens that the application's login service signs.
#[derive(Debug, Clone)]
pub struct JwtConfig {
    /// What signatures are checked with.
    ///
    /// Exactly one of `CHATZZ_JWT_SECRET`, default: none, text.
    /// `CHATZZ_JWT_SECRET_FILE`, default: none, path. `CHATZZ_JWT_PUBLIC_KEY`, default: none, PEM.
    /// `CHATZZ_JWT_PUBLIC_KEY_FILE`, default: none, path. `CHATZZ_JWT_JWKS_FILE`, default: none, path.
    /// `CHATZZ_JWT_JWKS_URL`, default: none, URL. Others can then not be believed.
    pub key: JwtKey,
    /// How often a JWKS is read anew.
    ///
    /// `CHATZZ_JWT_JWKS_REFRESH`, default `10m`, duration. Lower it when withdrawn keys
    /// must stop working sooner; new ones are found at once.
    pub refresh: Duration,
    /// The algorithms that are accepted; every one of them fits the key.
    ///
    /// `CHATZZ_JWT_ALGORITHMS`, default: all that fit the key,
    /// list of HS256, HS384, HS512, RS256, ES256, EdDSA. Change it to the one in use.
    pub algorithms: Vec<JwtAlgorithm>,
    /// What `iss` must be.
    ///
    /// `CHATZZ_JWT_ISSUER`, default: any, text. Set it when the key signs for several issuers.
    pub issuer: Option<String>,
    /// One of these must be in `aud`; with none, a token that has `aud` is refused, as
    /// RFC 7519 §4.1.3 asks for.
    ///
    /// `CHATZZ_JWT_AUDIENCE`, default: none; tokens with `aud` are refused, list of texts.
    pub audience: Vec<String>,
    /// How far `exp` and `nbf` are stretched.
    ///
    /// `CHATZZ_JWT_LEEWAY`, default `0s`, duration. Raise it when the clocks differ.
    pub leeway: Duration,
    /// The claim that holds the user's `_id`.
    ///
    /// `CHATZZ_JWT_USER_CLAIM`, default `sub`, name. Change it to where the login
    /// service puts it.
    pub user_claim: String,
    /// Whether a token must have `exp`.
    ///
    /// `CHATZZ_JWT_REQUIRE_EXPIRY`, default `true`, `true` or `false`. With `false`, a
    /// token without it is good for ever.
    pub require_expiry: bool,
}

/// What signatures are checked with.
#[derive(Debug, Clone)]
pub enum JwtKey {
    /// A secret shared with the login service: HS256, HS384, HS512.
    Secret(SecretString),
    /// A public key as PEM text: RS256, ES256 or EdDSA, whichever it is for.
    PublicKey(String),
    /// A file of public keys.
    JwksFile(PathBuf),
    /// Where public keys are published.
    JwksUrl(ServiceUrl),
}

/// The algorithms there are.
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

const ALGORITHMS: [(&str, JwtAlgorithm); 6] = [
    ("HS256", JwtAlgorithm::Hs256),
    ("HS384", JwtAlgorithm::Hs384),
    ("HS512", JwtAlgorithm::Hs512),
    ("RS256", JwtAlgorithm::Rs256),
    ("ES256", JwtAlgorithm::Es256),
    ("EdDSA", JwtAlgorithm::EdDsa),
];

impl JwtAlgorithm {
    /// Whether it needs a shared secret; all others need a public key.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }
}

impl JwtConfig {
    /// Reads the keys; `None` is a mistake, noted.
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let key = key(keys);
        let refresh = keys.read("CHATZZ_JWT_JWKS_REFRESH", |text| {
            parse::duration(text, Duration::from_secs(1)..=Duration::from_hours(24))
        });
        let algorithms = keys.read_set("CHATZZ_JWT_ALGORITHMS", algorithms);
        let issuer = keys.read_set("CHATZZ_JWT_ISSUER", claim_text);
        let audience = keys.read_set("CHATZZ_JWT_AUDIENCE", |text| {
            parse::comma_list(text).map(claim_text).collect()
        });
        let leeway = keys.read("CHATZZ_JWT_LEEWAY", |text| {
            parse::duration(text, Duration::ZERO..=Duration::from_mins(5))
        });
        let user_claim = keys.read("CHATZZ_JWT_USER_CLAIM", claim_text);
        let require_expiry = keys.read("CHATZZ_JWT_REQUIRE_EXPIRY", parse::flag);
        let key = key.ok()?;
        Some(Self {
            algorithms: fitting(keys, &key, algorithms.ok()?)?,
            key,
            refresh: refresh?,
            issuer: issuer.ok()?,
            audience: audience.ok()?.unwrap_or_default(),
            leeway: leeway?,
            user_claim: user_claim?,
            require_expiry: require_expiry?,
        })
    }
}

/// The one key that is set.
fn key(keys: &mut Reader<'_>) -> Result<JwtKey, Noted> {
    let secret = secret::signing(keys, "CHATZZ_JWT_SECRET", "CHATZZ_JWT_SECRET_FILE");
    let names = ("CHATZZ_JWT_PUBLIC_KEY", "CHATZZ_JWT_PUBLIC_KEY_FILE");
    let public = secret::text_or_file(keys, names.0, names.1, false);
    let file = keys.read_set("CHATZZ_JWT_JWKS_FILE", |text| Ok(PathBuf::from(text)));
    let url = keys.read_set("CHATZZ_JWT_JWKS_URL", ServiceUrl::parse);
    let public = public?.map(|text| text.replace("\\n", "\n"));
    if public
        .as_deref()
        .is_some_and(|text| text.contains("PRIVATE KEY-----"))
    {
        keys.refuse(
            names.0,
            "this is a private key, which only the login service may have; write the public key",
        );
        return Err(Noted);
    }
    let mut set = [
        secret?.map(JwtKey::Secret),
        public.map(JwtKey::PublicKey),
        file?.map(JwtKey::JwksFile),
        url?.map(JwtKey::JwksUrl),
    ]
    .into_iter()
    .flatten();
    match (set.next(), set.next()) {
        (Some(key), None) => {
            if let JwtKey::JwksUrl(url) = &key
                && url.is_exposed()
            {
                keys.warn(Warning::Exposed {
                    key: "CHATZZ_JWT_JWKS_URL",
                });
            }
            Ok(key)
        }
        (found, _) => {
            let many = if found.is_some() {
                "more than one"
            } else {
                "none"
            };
            keys.refuse(
                "CHATZZ_AUTH",
                format!(
                    "`jwt` needs exactly one of CHATZZ_JWT_SECRET, CHATZZ_JWT_PUBLIC_KEY (each \
                     also as a _FILE), CHATZZ_JWT_JWKS_FILE and CHATZZ_JWT_JWKS_URL; {many} is set"
                ),
            );
            Err(Noted)
        }
    }
}

/// The algorithms of the key's family: a public key is never a shared secret.
fn fitting(
    keys: &mut Reader<'_>,
    key: &JwtKey,
    listed: Option<Vec<JwtAlgorithm>>,
) -> Option<Vec<JwtAlgorithm>> {
    let symmetric = matches!(key, JwtKey::Secret(_));
    let fits = |algorithm: &JwtAlgorithm| algorithm.is_symmetric() == symmetric;
    let all = || ALGORITHMS.map(|(_, algorithm)| algorithm).into_iter();
    let listed = listed.unwrap_or_else(|| all().filter(fits).collect());
    if listed.iter().all(fits) {
        return Some(listed);
    }
    let those = if symmetric {
        "a shared secret fits HS256, HS384 and HS512 alone"
    } else {
        "public keys fit RS256, ES256 and EdDSA alone"
    };
    keys.refuse(
        "CHATZZ_JWT_ALGORITHMS",
        format!("{those}; remove the others"),
    );
    None
}

fn algorithms(text: &str) -> Parsed<Vec<JwtAlgorithm>> {
    let listed: Vec<_> = parse::comma_list(text)
        .map(|name| parse::choice(name, &ALGORITHMS))
        .collect::<Parsed<_>>()?;
    if listed.is_empty() {
        return Err(Refusal::new(
            "it is empty; write a list such as `RS256`, or remove the key",
        ));
    }
    Ok(listed)
}

/// The name or value of a claim.
fn claim_text(text: &str) -> Parsed<String> {
    let length = text.chars().count();
    if (1..=CLAIM_MAX).contains(&length) && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(Refusal::new(format!(
            "{} does not do; write 1 to {CLAIM_MAX} characters",
            shown(text)
        )))
    }
}
