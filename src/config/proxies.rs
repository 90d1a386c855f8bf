//! The proxies in front of the server, which say where a client is.

use std::net::IpAddr;

use ipnet::IpNet;

use super::parse::{self, Parsed, Refusal, shown};
use super::reader::Reader;

/// The proxies in front of the server, which say where a client is.
#[derive(Debug, Clone)]
pub struct ProxiesConfig {
    /// The networks of the proxies whose word is taken.
    ///
    /// `CHATZZ_TRUSTED_PROXIES`, default: none, list of addresses or networks. Set it
    /// behind a proxy: otherwise all clients have the proxy's address, and share its
    /// limits.
    pub trusted: Vec<IpNet>,
    /// The header in which they say it. Any other is the client's own invention.
    ///
    /// `CHATZZ_PROXY_HEADER`, default `x-forwarded-for`, choice. Change it to `forwarded`
    /// for proxies that write RFC 7239.
    pub header: ProxyHeader,
}

/// A header in which proxies say for whom they speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For: client, proxy`.
    XForwardedFor,
    /// `Forwarded: for=client, for=proxy`, RFC 7239.
    Forwarded,
}

impl ProxyHeader {
    /// The header's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

impl ProxiesConfig {
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let trusted = keys.read_set("CHATZZ_TRUSTED_PROXIES", |text| {
            parse::comma_list(text).map(network).collect()
        });
        let header = keys.read("CHATZZ_PROXY_HEADER", |text| {
            let known = [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded];
            parse::choice(text, &known.map(|header| (header.as_str(), header)))
        });
        Some(Self {
            trusted: trusted.ok()?.unwrap_or_default(),
            header: header?,
        })
    }
}

/// A network such as `10.0.0.0/8`, or one address.
fn network(text: &str) -> Parsed<IpNet> {
    let one = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| one()).map_err(|_| {
        Refusal::new(format!(
            "{} is neither an address nor a network; write for example `10.0.0.0/8` or \
             `192.0.2.7`, with commas between several",
            shown(text)
        ))
    })
}
