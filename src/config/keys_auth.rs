//! The keys of `CHATZZ_AUTH=jwt` and `CHATZZ_AUTH=webhook`.

use super::key::{Key, key, text, told};

/// The keys that only one mode of authentication reads.
pub(super) const AUTH: &[Key] = &[
    key(
        "CHATZZ_JWT_SECRET",
        told("none", "write-32-or-more-random-bytes-here"),
        "text",
        "Secret. What HS256, HS384 and HS512 tokens are signed with, at least 32 bytes.",
    ),
    key(
        "CHATZZ_JWT_SECRET_FILE",
        told("none", "/run/secrets/chatzz-jwt"),
        "path",
        "A file that holds the secret, instead of CHATZZ_JWT_SECRET.",
    ),
    key(
        "CHATZZ_JWT_PUBLIC_KEY",
        told("none", "-----BEGIN PUBLIC KEY-----..."),
        "PEM",
        "The public key of RS256, ES256 or EdDSA tokens. Line breaks may be written \\n.",
    ),
    key(
        "CHATZZ_JWT_PUBLIC_KEY_FILE",
        told("none", "/etc/chatzz/jwt.pem"),
        "path",
        "A PEM file that holds the public key, instead of CHATZZ_JWT_PUBLIC_KEY.",
    ),
    key(
        "CHATZZ_JWT_JWKS_FILE",
        told("none", "/etc/chatzz/jwks.json"),
        "path",
        "A file of public keys in the JWKS form; read anew like the URL.",
    ),
    key(
        "CHATZZ_JWT_JWKS_URL",
        told("none", "https://login.example.org/.well-known/jwks.json"),
        "URL",
        "Where the login service publishes its public keys.",
    ),
    key(
        "CHATZZ_JWT_JWKS_REFRESH",
        text("10m"),
        "duration",
        "How often the JWKS is read anew. An unknown key id reads it at once, at most every 5s.",
    ),
    key(
        "CHATZZ_JWT_ALGORITHMS",
        told("all that fit the key", "RS256,ES256"),
        "list of HS256, HS384, HS512, RS256, ES256, EdDSA",
        "The algorithms that are accepted.",
    ),
    key(
        "CHATZZ_JWT_ISSUER",
        told("any", "https://login.example.org/"),
        "text",
        "What `iss` of a token must be. Set it when the key signs for several issuers.",
    ),
    key(
        "CHATZZ_JWT_AUDIENCE",
        told("none; tokens with `aud` are refused", "chat"),
        "list of texts",
        "One of these must be in `aud` of a token.",
    ),
    key(
        "CHATZZ_JWT_LEEWAY",
        text("0s"),
        "duration",
        "How far `exp` and `nbf` are stretched. Raise it when the clocks differ.",
    ),
    key(
        "CHATZZ_JWT_USER_CLAIM",
        text("sub"),
        "name",
        "The claim that holds the user's _id, a string or an integer.",
    ),
    key(
        "CHATZZ_JWT_REQUIRE_EXPIRY",
        text("true"),
        "`true` or `false`",
        "Whether a token must have `exp`. With `false`, one without it is good for ever.",
    ),
    key(
        "CHATZZ_WEBHOOK_URL",
        told("none", "https://app.example.org/internal/chatzz-login"),
        "URL",
        "Where the application is asked whose a token is. Required for `webhook`.",
    ),
    key(
        "CHATZZ_WEBHOOK_SECRET",
        told("none", "write-32-other-random-bytes-here"),
        "text",
        "Secret. What the requests to the application are signed with, at least 32 bytes.",
    ),
    key(
        "CHATZZ_WEBHOOK_SECRET_FILE",
        told("none", "/run/secrets/chatzz-webhook"),
        "path",
        "A file that holds the secret, instead of CHATZZ_WEBHOOK_SECRET.",
    ),
    key(
        "CHATZZ_WEBHOOK_HEADERS",
        told("none", "user-agent,x-forwarded-for"),
        "list of header names",
        "The headers of the handshake that the application is told. Never `cookie`.",
    ),
    key(
        "CHATZZ_WEBHOOK_TIMEOUT",
        text("3s"),
        "duration",
        "How long the application may take. Keep it below CHATZZ_REQUEST_TIMEOUT.",
    ),
    key(
        "CHATZZ_WEBHOOK_CACHE",
        text("10s"),
        "duration",
        "How long a login that the application granted is believed. 0 asks every time.",
    ),
];
