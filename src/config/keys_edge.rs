//! The keys of TLS and of the administrator's requests, behind those of the limits.

use super::key::{Key, join, key, told};
use super::keys_limits::LIMITS;

/// The limits, and what else stands between the server and those who reach it.
pub(super) const BOUNDS: &[Key] = &join::<{ LIMITS.len() + EDGE.len() }>(LIMITS, EDGE);

const EDGE: &[Key] = &[
    key(
        "CHATZZ_TLS_CERT_FILE",
        told("none", "/etc/chatzz/tls/cert.pem"),
        "path",
        "The certificate chain of the clients' listener, PEM. Not needed behind a proxy that speaks TLS.",
    ),
    key(
        "CHATZZ_TLS_KEY_FILE",
        told("none", "/etc/chatzz/tls/key.pem"),
        "path",
        "The private key of that certificate, PEM. Both files are read anew when they change.",
    ),
    key(
        "CHATZZ_ADMIN_TOKEN",
        told("none", "write-32-random-bytes-of-your-own"),
        "text",
        "Secret. Lets whoever shows it end a user's sockets, on CHATZZ_METRICS_LISTEN; at least 32 bytes.",
    ),
    key(
        "CHATZZ_ADMIN_TOKEN_FILE",
        told("none", "/run/secrets/chatzz-admin"),
        "path",
        "A file that holds the token, instead of CHATZZ_ADMIN_TOKEN.",
    ),
];
