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
        /// Set it when the front end is served from another host. `https://*.preview.example.org` is
        /// every host below that name; `null` is what sandboxed frames send, `file://` what files do.
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
        /// How long a connection stays open for another request.
        /// Keep it above what your load balancer keeps connections for, mostly 60 to 75 s: if the
        /// server closes one first, the balancer answers 502 now and then.
        keep_alive_timeout: Duration =
            key("CHATZZ_KEEP_ALIVE_TIMEOUT", "duration", default("90s"), within("1s", "1h")),
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
    /// Pages from this machine, if the request was sent to an address or to `localhost`: a
    /// name that somebody has turned to this machine is refused. For `chatzz dev`.
    Local,
    /// These.
    Listed(Vec<AllowedOrigin>),
}

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigin {
    /// In the form that browsers send: lower-case, without a default port; `null` for
    /// sandboxed frames, `file://` for files.
    Exactly(String),
    /// Every host below a domain, with this scheme and port.
    Below {
        /// Such as `https://`.
        scheme: String,
        /// Such as `.preview.example.org:8443`, the dot included.
        domain: String,
    },
}

impl AllowedOrigin {
    /// Whether this entry allows an origin.
    pub fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Exactly(listed) => listed == origin,
            Self::Below { scheme, domain } => origin
                .strip_prefix(scheme)
                .and_then(|host| host.strip_suffix(domain))
                .is_some_and(|host| !host.is_empty() && !host.contains(['/', ':'])),
        }
    }
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
    let origins = parse::comma_list(text).map(entry).collect::<Parsed<_>>();
    let origins: Vec<AllowedOrigin> = origins?;
    if origins.is_empty() {
        Ok(AllowedOrigins::SameHost)
    } else {
        Ok(AllowedOrigins::Listed(origins))
    }
}

/// One entry of the list.
fn entry(text: &str) -> Parsed<AllowedOrigin> {
    if text == "null" || text == "file://" {
        return Ok(AllowedOrigin::Exactly(text.to_owned()));
    }
    let Some((scheme, domain)) = text.split_once("://*.") else {
        return origin(text).map(AllowedOrigin::Exactly);
    };
    let listed = origin(&format!("{scheme}://{domain}"))?;
    let (scheme, domain) = listed.split_once("://").unwrap_or_default();
    // every host of a top-level domain is everybody
    if !domain.contains('.') {
        return Err(Refusal::new(format!(
            "{} would allow everybody; write at least two names after the `*`, such as \
             `https://*.preview.example.org`",
            shown(text)
        )));
    }
    Ok(AllowedOrigin::Below {
        scheme: format!("{scheme}://"),
        domain: format!(".{domain}"),
    })
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
