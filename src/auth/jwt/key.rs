//! One key, bound to the algorithms of its family.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};

/// Fewest bytes of an RSA modulus, 2048 bits (RFC 7518 §3.3).
const MIN_RSA_BYTES: usize = 256;

/// A key, and the accepted algorithms that it may be used with.
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) decoding: DecodingKey,
    pub(super) algorithms: Vec<Algorithm>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({:?}, {:?})", self.id, self.algorithms)
    }
}

impl Key {
    /// A secret shared with the login service.
    pub(super) fn shared(secret: &[u8], accepted: &[Algorithm]) -> Self {
        Self {
            id: None,
            decoding: DecodingKey::from_secret(secret),
            algorithms: of_family(AlgorithmFamily::Hmac, accepted),
        }
    }

    /// A public key as PEM; it names its own kind.
    pub(super) fn of_pem(pem: &[u8], accepted: &[Algorithm]) -> Result<Self, String> {
        let decoding = DecodingKey::from_rsa_pem(pem)
            .or_else(|_| DecodingKey::from_ec_pem(pem))
            .or_else(|_| DecodingKey::from_ed_pem(pem))
            .map_err(|_| "this is no PEM of an RSA, P-256 or Ed25519 public key".to_owned())?;
        if decoding.family() == AlgorithmFamily::Rsa
            && decoding.try_get_as_bytes().map_or(0, <[u8]>::len) < MIN_RSA_BYTES
        {
            return Err("an RSA key of less than 2048 bits is too weak".to_owned());
        }
        let algorithms = of_family(decoding.family(), accepted);
        Self::usable(None, decoding, algorithms)
    }

    /// A public key of a JWKS; the error says why it is skipped.
    pub(super) fn of_jwk(jwk: &Jwk, accepted: &[Algorithm]) -> Result<Self, String> {
        let common = &jwk.common;
        let signs = common.public_key_use.as_ref();
        let may = common.key_operations.as_ref();
        if signs.is_some_and(|signs| *signs != PublicKeyUse::Signature)
            || may.is_some_and(|may| !may.contains(&KeyOperations::Verify))
        {
            return Err("it is not for signatures".to_owned());
        }
        match &jwk.algorithm {
            AlgorithmParameters::OctetKey(_) => {
                return Err("a shared secret has no place among public keys".to_owned());
            }
            AlgorithmParameters::EllipticCurve(key) if key.curve != EllipticCurve::P256 => {
                return Err("its curve is not P-256".to_owned());
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve != EllipticCurve::Ed25519 => {
                return Err("its curve is not Ed25519".to_owned());
            }
            AlgorithmParameters::RSA(key) if key.n.len() * 3 / 4 < MIN_RSA_BYTES => {
                return Err("an RSA key of less than 2048 bits is too weak".to_owned());
            }
            _ => {}
        }
        let decoding = DecodingKey::from_jwk(jwk).map_err(|_| "it cannot be read".to_owned())?;
        let mut algorithms = of_family(decoding.family(), accepted);
        if let Some(only) = common.key_algorithm {
            let only = Algorithm::try_from(only).map_err(|_| "its alg is not known".to_owned())?;
            algorithms.retain(|algorithm| *algorithm == only);
        }
        Self::usable(common.key_id.clone(), decoding, algorithms)
    }

    /// The key, unless nothing could ever be verified with it.
    fn usable(
        id: Option<String>,
        decoding: DecodingKey,
        algorithms: Vec<Algorithm>,
    ) -> Result<Self, String> {
        let Some(first) = algorithms.first() else {
            return Err("it fits none of the algorithms that are accepted".to_owned());
        };
        // an empty signature never matches; an error means that the key is invalid
        jsonwebtoken::crypto::verify("", b"", &decoding, *first)
            .map_err(|_| "it is no key of an algorithm that is accepted".to_owned())?;
        Ok(Self {
            id,
            decoding,
            algorithms,
        })
    }
}

fn of_family(family: AlgorithmFamily, accepted: &[Algorithm]) -> Vec<Algorithm> {
    let fits = |algorithm: &&Algorithm| family.algorithms().contains(algorithm);
    accepted.iter().filter(fits).copied().collect()
}
