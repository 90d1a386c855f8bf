//! The addresses of NATS, and how to log in there.

use std::fmt;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::{Host, Url};

use super::parse::{Parsed, Refusal, comma_list};

/// The most servers of one cluster that are named.
const MAX_SERVERS: usize = 32;

/// One or more `nats://` or `tls://` URLs, and the login that they contain.
#[derive(Clone)]
pub struct NatsUrl {
    servers: Vec<Url>,
    login: Option<NatsLogin>,
}

/// How a server logs in to NATS.
#[derive(Clone)]
pub enum NatsLogin {
    /// `nats://user:password@host`.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// `nats://token@host`.
    Token(SecretString),
}

impl NatsUrl {
    /// A server of this machine that lets everybody in.
    ///
    /// # Errors
    /// None: a port makes a URL.
    pub fn local(port: u16) -> Result<Self, url::ParseError> {
        let servers = vec![Url::parse(&format!("nats://127.0.0.1:{port}"))?];
        Ok(Self {
            servers,
            login: None,
        })
    }

    /// The URLs without user, password and token: nothing in them is secret.
    pub fn servers(&self) -> &[Url] {
        &self.servers
    }

    /// The login that the URLs contain.
    pub fn login(&self) -> Option<&NatsLogin> {
        self.login.as_ref()
    }

    /// Whether TLS is demanded of every server.
    pub fn is_encrypted(&self) -> bool {
        self.servers.iter().all(|url| url.scheme() == "tls")
    }

    /// Whether others on the network could read a login that is sent.
    pub(super) fn is_exposed(&self) -> bool {
        let is_open = |url: &Url| url.scheme() != "tls" && !is_local(url);
        self.servers.iter().any(is_open)
    }

    /// Reads a list with commas between; the error does not repeat it.
    pub(super) fn parse(text: &str) -> Parsed<Self> {
        let mut servers = Vec::new();
        let mut logins: Vec<(String, Option<String>)> = Vec::new();
        for text in comma_list(text) {
            let mut url = Url::parse(text).map_err(|_| unusable())?;
            let is_plain = url.has_host() && matches!(url.path(), "" | "/");
            let is_known = matches!(url.scheme(), "nats" | "tls");
            if !is_plain || !is_known || url.query().is_some() || url.fragment().is_some() {
                return Err(unusable());
            }
            if !url.username().is_empty() {
                let password = url.password().map(decoded).transpose()?;
                logins.push((decoded(url.username())?, password));
            } else if url.password().is_some() {
                return Err(unusable());
            }
            // cannot fail: it has a host
            let _ = url.set_username("");
            let _ = url.set_password(None);
            servers.push(url);
        }
        if servers.is_empty() || servers.len() > MAX_SERVERS {
            return Err(unusable());
        }
        logins.dedup();
        if logins.len() > 1 {
            return Err(Refusal::new(
                "its URLs have different logins (the value is not shown); all servers of a \
                 cluster take the same one, so write it in one of them",
            ));
        }
        let login = logins.pop().map(|(user, password)| match password {
            Some(password) => NatsLogin::Password {
                user,
                password: password.into(),
            },
            None => NatsLogin::Token(user.into()),
        });
        Ok(Self { servers, login })
    }
}

fn unusable() -> Refusal {
    Refusal::new(
        "this is not an address of NATS (its value is not shown); write `nats://host:4222`, or \
         `tls://user:password@host:4222`, several with commas between them; write `%40` for a \
         `@` inside a password",
    )
}

/// A part of a URL as it is meant.
fn decoded(part: &str) -> Parsed<String> {
    let decoded = percent_decode_str(part).decode_utf8();
    decoded.map(Into::into).map_err(|_| unusable())
}

/// Whether it points to this machine.
fn is_local(url: &Url) -> bool {
    match url.host() {
        // of a scheme that is not of the web, an address is a name for the parser
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name
                    .parse()
                    .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The servers alone: what may be logged.
impl fmt::Display for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<&str> = self.servers.iter().map(Url::as_str).collect();
        f.write_str(&servers.join(","))
    }
}

impl fmt::Debug for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NatsUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn the_login_is_taken_out_of_the_addresses() {
        let url = "nats://a%40b:p%2Fw@one:4222, nats://two:4222";
        let url = NatsUrl::parse(url).unwrap();
        assert_eq!(url.to_string(), "nats://one:4222,nats://two:4222");
        assert_eq!(format!("{url:?}"), format!("NatsUrl({url})"));
        let Some(NatsLogin::Password { user, password }) = url.login() else {
            panic!("no password");
        };
        assert_eq!((user.as_str(), password.expose_secret()), ("a@b", "p/w"));
        let token = NatsUrl::parse("tls://s3cret@one").unwrap();
        let Some(NatsLogin::Token(token)) = token.login() else {
            panic!("no token");
        };
        assert_eq!(token.expose_secret(), "s3cret");
    }

    #[test]
    fn tls_and_this_machine_are_told_apart() {
        let of = |text: &str| NatsUrl::parse(text).unwrap();
        assert!(of("tls://a,tls://b").is_encrypted());
        assert!(!of("tls://a,nats://b").is_encrypted());
        assert!(of("tls://a,nats://b").is_exposed());
        for local in ["nats://127.0.0.9:1", "nats://localhost", "nats://[::1]:1"] {
            assert!(!of(local).is_exposed(), "{local}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_shown() {
        for text in [
            "",
            "host:4222",
            "http://u:geheim@host",
            "nats://",
            "nats://:geheim@host",
            "nats://u:geheim@host/path",
            "nats://u:geheim@host?a=b",
            "nats://u:geheim@a,nats://v:geheim@b",
        ] {
            let refused = NatsUrl::parse(text).unwrap_err().sentence();
            assert!(!refused.contains("geheim"), "{refused}");
        }
    }
}
