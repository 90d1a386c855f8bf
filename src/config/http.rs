//! The listeners and who may connect from a web page.

use std::net::SocketAddr;
use std::time::Duration;

use http::uri::Uri;
use secrecy::SecretString;

use super::parse::{self, Parsed, Refusal, shown};
use super::reader::Reader;
use super::secret;
use super::tls::TlsConfig;

/// The listeners and who may connect from a web page.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Where clients connect.
    ///
    /// `CHATZZ_LISTEN`, default `127.0.0.1:3000`, address:port. Change it to
    /// `0.0.0.0:3000` to be reached from other machines or out of a container.
    pub listen: SocketAddr,
    /// Where metrics are read; `None` when it is `off`.
    ///
    /// `CHATZZ_METRICS_LISTEN`, default `127.0.0.1:9464`, address:port or `off`.
    /// Change it when Prometheus reads from another machine; never make it public.
    pub metrics_listen: Option<SocketAddr>,
    /// The web pages that may connect.
    ///
    /// `CHATZZ_ALLOWED_ORIGINS`, default: only pages of the same host, list of
    /// origins or `*`. Change it when the front end is served from another host.
    pub allowed_origins: AllowedOrigins,
    /// The most connections at one time.
    ///
    /// `CHATZZ_MAX_CONNECTIONS`, default `20000`, count. Change it with the memory
    /// (about 30 KiB for each) and the limit of open files.
    pub max_connections: usize,
    /// How long a client may take to send the head of a request.
    ///
    /// `CHATZZ_HEADER_TIMEOUT`, default `10s`, duration. Raise it for very slow
    /// networks only: it is what closes connections that never say anything.
    pub header_timeout: Duration,
    /// The certificate of the clients' listener, if it speaks TLS.
    pub tls: Option<TlsConfig>,
    /// What an administrator shows to end a user's sockets; without it nobody can.
    ///
    /// `CHATZZ_ADMIN_TOKEN`, default: none, text. Or a file that holds it:
    /// `CHATZZ_ADMIN_TOKEN_FILE`, default: none, path. The requests are taken where
    /// metrics are read.
    pub admin_token: Option<SecretString>,
}

/// The web pages that may connect, by the `Origin` header of their browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Only pages whose host is the one the request was sent to.
    SameHost,
    /// Every page.
    Any,
    /// These, in the form browsers send: lower-case, without a default port.
    Listed(Vec<String>),
}

impl HttpConfig {
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let timeout = Duration::from_millis(100)..=Duration::from_mins(5);
        let listen = keys.read("CHATZZ_LISTEN", parse::address);
        let metrics_listen = keys.read("CHATZZ_METRICS_LISTEN", parse::address_or_off);
        let allowed_origins = keys.read_set("CHATZZ_ALLOWED_ORIGINS", origins);
        let max_connections = keys.read("CHATZZ_MAX_CONNECTIONS", |text| {
            parse::number(text, 1..=1_000_000)
        });
        let header_timeout = keys.read("CHATZZ_HEADER_TIMEOUT", |text| {
            parse::duration(text, timeout)
        });
        let tls = TlsConfig::read(keys);
        let admin_token = secret::signing(keys, "CHATZZ_ADMIN_TOKEN", "CHATZZ_ADMIN_TOKEN_FILE");
        if matches!((&admin_token, metrics_listen), (Ok(Some(_)), Some(None))) {
            keys.refuse(
                "CHATZZ_ADMIN_TOKEN and CHATZZ_METRICS_LISTEN",
                "the requests of an administrator are taken where metrics are read, and that is \
                 `off`; write an address, or remove the token",
            );
        }
        if let (Some(listen), Some(Some(metrics))) = (listen, metrics_listen)
            && collide(listen, metrics)
        {
            keys.refuse(
                "CHATZZ_LISTEN and CHATZZ_METRICS_LISTEN",
                format!("both want port {}; give each its own", listen.port()),
            );
        }
        Some(Self {
            listen: listen?,
            metrics_listen: metrics_listen?,
            allowed_origins: allowed_origins.ok()?.unwrap_or(AllowedOrigins::SameHost),
            max_connections: max_connections?,
            header_timeout: header_timeout?,
            tls: tls.ok()?,
            admin_token: admin_token.ok()?,
        })
    }
}

/// Whether the second listener would find its port taken by the first.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    // Port 0 is a free one of the system's choice.
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
