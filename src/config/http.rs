//! The listeners and who may connect from a web page.

use std::net::SocketAddr;
use std::time::Duration;

use http::uri::Uri;
use secrecy::SecretString;

use super::parse::{self, Parsed, Refusal, shown, within};
use super::secret::signing;
use super::tls::TlsConfig;

section! {
    /// The listeners and who may connect from a web page.
    pub struct HttpConfig in "HTTP" {
        /// The address where clients connect.
        /// Write `0.0.0.0:3000` to be reached from other machines or from outside a container.
        listen: SocketAddr =
            key("CHATZZ_LISTEN", "address:port", default("127.0.0.1:3000"), parse::address),
        /// The address where metrics are read; `off` disables this listener.
        /// Change it when Prometheus runs on another machine. Never make it public.
        metrics_listen: Option<SocketAddr> =
            key("CHATZZ_METRICS_LISTEN", "address:port or `off`", default("127.0.0.1:9464"),
                parse::address_or_off),
        /// The web pages that may connect.
        /// Set it when the front end is served from another host.
        allowed_origins: AllowedOrigins =
            key("CHATZZ_ALLOWED_ORIGINS", "list of origins or `*`",
                unset("only pages of the same host", AllowedOrigins::SameHost,
                    "https://app.example.org"),
                origins),
        /// The most connections at one time.
        /// Each takes about 30 KiB of memory and one open file.
        max_connections: usize =
            key("CHATZZ_MAX_CONNECTIONS", "count", default("20000"), within("1", "1000000")),
        /// How long a client may take to send the head of a request.
        /// Raise it only for very slow networks: it closes connections that never send anything.
        header_timeout: Duration =
            key("CHATZZ_HEADER_TIMEOUT", "duration", default("10s"), within("100ms", "5m")),
        /// The token with which an administrator ends a user's sockets; at least 32 bytes.
        /// Send such requests to `CHATZZ_METRICS_LISTEN`. Without a token nobody can make them.
        admin_token: Option<SecretString> =
            secret("CHATZZ_ADMIN_TOKEN" or_file "/run/secrets/chatzz-admin", "text",
                unset("none", None, "write-32-random-bytes-of-your-own"), signing),
    }
    with {
        /// The certificate of the clients' listener, if it speaks TLS.
        tls: Option<TlsConfig> = TlsConfig::read_pair,
    }
    check(keys) {
        if let (Ok(Some(_)), Ok(None)) = (&admin_token, metrics_listen) {
            keys.refuse(
                "CHATZZ_ADMIN_TOKEN and CHATZZ_METRICS_LISTEN",
                "an administrator's requests arrive where metrics are read, and that is `off`; \
                 write an address, or remove the token",
            );
        }
        if let (Ok(listen), Ok(Some(metrics))) = (listen, metrics_listen)
            && collide(listen, metrics)
        {
            keys.refuse(
                "CHATZZ_LISTEN and CHATZZ_METRICS_LISTEN",
                format!("both want port {}; give each its own", listen.port()),
            );
        }
    }
}

/// The web pages that may connect, by the `Origin` header of their browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Only pages from the host that the request was sent to.
    SameHost,
    /// Every page.
    Any,
    /// These, in the form that browsers send: lower-case, without a default port.
    Listed(Vec<String>),
}

/// Whether the second listener would find its port in use by the first.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    // Port 0 is a free port that the system chooses.
    a.port() == b.port()
        && a.port() != 0
        && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

fn origins(text: &str) -> Parsed<AllowedOrigins> {
    if text == "*" {
        return Ok(AllowedOrigins::Any);
    }
    let origins: Vec<String> = parse::comma_list(text).map(origin).collect::<Parsed<_>>()?;
    if origins.is_empty() {
        Ok(AllowedOrigins::SameHost)
    } else {
        Ok(AllowedOrigins::Listed(origins))
    }
}

/// One origin in the form browsers send it.
fn origin(text: &str) -> Parsed<String> {
    let refused = || {
        Refusal::new(format!(
            "{} is not an origin; write scheme and host with nothing behind them, such as \
             `https://app.example.org`, several with commas between them, or `*` alone",
            shown(text)
        ))
    };
    let (_, authority) = text.split_once("://").ok_or_else(refused)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    if !authority.chars().all(plain) {
        return Err(refused());
    }
    let uri: Uri = text.parse().map_err(|_| refused())?;
    let scheme = uri.scheme_str().ok_or_else(refused)?.to_ascii_lowercase();
    let host = uri.host().ok_or_else(refused)?.to_ascii_lowercase();
    let explicit_port = authority
        .strip_prefix(uri.host().unwrap_or_default())
        .is_some_and(|rest| !rest.is_empty());
    match (uri.port_u16(), scheme.as_str()) {
        (None, _) if explicit_port => Err(refused()),
        (None, _) | (Some(443), "https") | (Some(80), "http") => Ok(format!("{scheme}://{host}")),
        (Some(port), _) => Ok(format!("{scheme}://{host}:{port}")),
    }
}
