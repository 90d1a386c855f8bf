//! The proxies in front of the server, which name the address of a client.

use std::net::IpAddr;

use ipnet::IpNet;

use super::parse::{Parsed, Refusal, choice, comma_list, shown};

section! {
    /// The proxies in front of the server, which name the address of a client.
    pub struct ProxiesConfig in "Limits" {
        /// The proxies that may name the address of a client.
        /// Set it behind a proxy: otherwise all clients share the proxy's address and its limits.
        trusted: Vec<IpNet> =
            key("CHATZZ_TRUSTED_PROXIES", "list of addresses or networks",
                unset("none", Vec::new(), "10.0.0.0/8"), networks),
        /// The header in which they name it; any other may be forged by the client.
        /// `forwarded` is RFC 7239.
        header: ProxyHeader =
            key("CHATZZ_PROXY_HEADER", "`x-forwarded-for` or `forwarded`",
                default("x-forwarded-for"), choice(&ProxyHeader::NAMES)),
    }
}

/// A header in which proxies name the client that they speak for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For: client, proxy`.
    XForwardedFor,
    /// `Forwarded: for=client, for=proxy`, RFC 7239.
    Forwarded,
}

impl ProxyHeader {
    const NAMES: [(&str, Self); 2] = [
        (Self::XForwardedFor.as_str(), Self::XForwardedFor),
        (Self::Forwarded.as_str(), Self::Forwarded),
    ];

    /// The header's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

fn networks(text: &str) -> Parsed<Vec<IpNet>> {
    comma_list(text).map(network).collect()
}

/// A network such as `10.0.0.0/8`, or one address.
fn network(text: &str) -> Parsed<IpNet> {
    let one = || text.parse::<IpAddr>().map(IpNet::from);
    let network = text.parse().or_else(|_| one()).map_err(|_| {
        Refusal::new(format!(
            "{} is neither an address nor a network; write for example `10.0.0.0/8` or \
             `192.0.2.7`, with commas between several",
            shown(text)
        ))
    })?;
    Ok(canonical(network))
}

/// Bits before the IPv4 address in an IPv6 address that is mapped from one.
const MAPPED_BITS: u8 = 96;

/// An IPv4 network for one that is written `::ffff:10.0.0.0/104`: the addresses that are
/// compared with it are IPv4.
fn canonical(network: IpNet) -> IpNet {
    let address = network.addr().to_canonical();
    let bits = network.prefix_len().checked_sub(MAPPED_BITS);
    match bits {
        Some(bits) if address.is_ipv4() && network.addr().is_ipv6() => {
            IpNet::new(address, bits).unwrap_or(network)
        }
        _ => network,
    }
}
