//! The keys of the limits, and of what tells addresses apart.

use super::key::{Key, key, text, told};

/// How much clients may ask for.
pub(super) const LIMITS: &[Key] = &[
    key(
        "CHATZZ_RATE_LIMITS",
        text("on"),
        "`on` or `off`",
        "Whether the limits below hold; `off` leaves only the number of sockets in all.",
    ),
    key(
        "CHATZZ_LIMIT_CONNECTS",
        text("socket=10/1m,user=60/1m,address=1200/1m"),
        "rates",
        "New sessions and logins. Raise it when many people share an address.",
    ),
    key(
        "CHATZZ_LIMIT_SENDS",
        text("socket=100/10s,user=150/10s,address=5000/10s"),
        "rates",
        "Messages sent.",
    ),
    key(
        "CHATZZ_LIMIT_ADDS",
        text("socket=200/1m,user=300/1m,address=3000/1m"),
        "rates",
        "Contacts added.",
    ),
    key(
        "CHATZZ_LIMIT_HISTORY",
        text("socket=200/10s,user=400/10s,address=5000/10s"),
        "rates",
        "Pages of history and of contacts online.",
    ),
    key(
        "CHATZZ_LIMIT_TYPING",
        text("socket=20/10s,user=40/10s,address=10000/10s"),
        "rates",
        "Notices that somebody types.",
    ),
    key(
        "CHATZZ_LIMIT_SIGNALS",
        text("socket=100/10s,user=150/10s,address=5000/10s"),
        "rates",
        "Signals, which are told and not stored.",
    ),
    key(
        "CHATZZ_LIMIT_EVENTS",
        text("socket=300/10s,user=600/10s,address=20000/10s"),
        "rates",
        "All other events.",
    ),
    key(
        "CHATZZ_LIMIT_REQUESTS",
        text("20000/10s"),
        "rate or `off`",
        "HTTP requests of one address to the socket.io endpoint.",
    ),
    key(
        "CHATZZ_LIMIT_ERRORS",
        text("20/10s"),
        "rate or `off`",
        "Errors that are a client's fault; so many within the time close its socket.",
    ),
    key(
        "CHATZZ_LIMIT_SOCKETS",
        text("user=50,address=2000,all=20000"),
        "caps",
        "The most sockets of a user, of an address and in all; TCP connections of an address: twice that.",
    ),
    key(
        "CHATZZ_TRUSTED_PROXIES",
        told("none", "10.0.0.0/8"),
        "list of addresses or networks",
        "The proxies that may say where a client is. Behind one, set it: limits go by address.",
    ),
    key(
        "CHATZZ_PROXY_HEADER",
        text("x-forwarded-for"),
        "choice",
        "Where they say it: `x-forwarded-for`, or `forwarded` (RFC 7239).",
    ),
];
