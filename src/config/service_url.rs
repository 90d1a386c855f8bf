//! The address of another service.

use std::fmt;

use url::{Host, Url};

use super::parse::{Parsed, Refusal};

/// An `http` or `https` URL; when displayed it has no query, which may contain a key.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceUrl(Url);

impl ServiceUrl {
    /// The whole URL, for requests.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Whether TLS protects the data that is sent.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it points to this machine.
    fn is_local(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Whether others on the network could read and change the data that is sent.
    pub(super) fn is_exposed(&self) -> bool {
        !self.is_encrypted() && !self.is_local()
    }

    /// Reads a URL that stands on a command line.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(Refusal::sentence)
    }

    pub(super) fn parse(text: &str) -> Parsed<Self> {
        let url = Url::parse(text).ok().filter(|url| {
            let known = matches!(url.scheme(), "http" | "https");
            known && url.has_host() && url.username().is_empty() && url.password().is_none()
        });
        url.map(Self).ok_or_else(|| {
            Refusal::new(
                "this is not a URL that can be used (its value is not shown); write \
                 `https://host/path`, without a user or password",
            )
        })
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.0.origin().ascii_serialization();
        write!(f, "{origin}{}", self.0.path())
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceUrl({self})")
    }
}
