//! The address of a client: the other end of its connection, or what trusted proxies say.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use http::HeaderMap;

use crate::config::{ProxiesConfig, ProxyHeader};
use crate::transport::{ClientAddress, Peer};

/// The proxies, and whether a request arrived from one that is not among them.
struct Known {
    proxies: ProxiesConfig,
    warned: AtomicBool,
}

/// Adds the client's address to every request.
pub(crate) fn locate(router: Router, proxies: ProxiesConfig) -> Router {
    let known = Arc::new(Known {
        proxies,
        warned: AtomicBool::new(false),
    });
    router.layer(middleware::from_fn_with_state(known, note))
}

async fn note(State(known): State<Arc<Known>>, mut request: Request, next: Next) -> Response {
    if let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() {
        let peer = peer.ip().to_canonical();
        let headers = request.headers();
        if is_trusted(&known.proxies, peer) {
            let address = client(&known.proxies, peer, headers);
            request.extensions_mut().insert(ClientAddress(address));
        } else {
            known.warn_of_proxy(headers);
            request.extensions_mut().insert(ClientAddress(peer));
        }
    }
    next.run(request).await
}

impl Known {
    /// Behind a proxy that is not trusted, everybody shares one address.
    fn warn_of_proxy(&self, headers: &HeaderMap) {
        if headers.contains_key(self.proxies.header.as_str())
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                "a request came through a proxy that is not in CHATZZ_TRUSTED_PROXIES: if it \
                 is yours, list it, or all its clients share the limits of one address"
            );
        }
    }
}

fn is_trusted(proxies: &ProxiesConfig, address: IpAddr) -> bool {
    proxies.trusted.iter().any(|net| net.contains(&address))
}

/// Goes back from proxy to proxy as long as each of them is trusted. Anything beyond the
/// first that is not trusted may be forged.
fn client(proxies: &ProxiesConfig, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let values = headers.get_all(proxies.header.as_str());
    let text: Vec<&str> = values
        .iter()
        .map(|value| value.to_str().unwrap_or_default())
        .collect();
    let mut at = peer;
    for hop in text.join(",").rsplit(',') {
        if !is_trusted(proxies, at) {
            break;
        }
        let named = match proxies.header {
            ProxyHeader::XForwardedFor => address(hop),
            ProxyHeader::Forwarded => forwarded_for(hop).and_then(address),
        };
        match named {
            Some(named) => at = named,
            None => break,
        }
    }
    at
}

/// The value of `for` in one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    })
}

/// An address, with or without quotes, brackets and port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let address = if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else if let Ok(address) = text.parse::<std::net::SocketAddr>() {
        address.ip()
    } else {
        text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()?
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(header: ProxyHeader, values: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "::1/128"].map(|net| net.parse().unwrap());
        let proxies = ProxiesConfig {
            trusted: trusted.to_vec(),
            header,
        };
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header.as_str(), value.parse().unwrap());
        }
        client(&proxies, "10.0.0.1".parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_client_is_the_first_address_from_the_right_that_is_no_proxy() {
        let found = |values: &[&str]| found(ProxyHeader::XForwardedFor, values);
        assert_eq!(found(&["192.0.2.7"]), "192.0.2.7");
        assert_eq!(found(&["198.51.100.1, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(found(&["198.51.100.1", "192.0.2.7,10.1.1.1"]), "192.0.2.7");
        assert_eq!(found(&["192.0.2.7:4711, 10.1.1.1:80"]), "192.0.2.7");
        assert_eq!(found(&["2001:db8::7"]), "2001:db8::7");
        assert_eq!(found(&["[2001:db8::7]:4711, ::1"]), "2001:db8::7");
        assert_eq!(found(&["::ffff:192.0.2.7"]), "192.0.2.7");
    }

    #[test]
    fn what_is_no_address_ends_the_way_back() {
        let found = |values: &[&str]| found(ProxyHeader::XForwardedFor, values);
        assert_eq!(found(&[]), "10.0.0.1");
        assert_eq!(found(&[""]), "10.0.0.1");
        assert_eq!(found(&["192.0.2.7, unknown"]), "10.0.0.1");
        assert_eq!(found(&["192.0.2.7, ,10.1.1.1"]), "10.1.1.1");
        assert_eq!(found(&["10.2.2.2, 10.1.1.1"]), "10.2.2.2");
    }

    #[test]
    fn the_standard_header_is_read_if_it_is_the_one_asked_for() {
        let found = |values: &[&str]| found(ProxyHeader::Forwarded, values);
        assert_eq!(
            found(&["for=198.51.100.1, proto=https;For=\"192.0.2.7:80\""]),
            "192.0.2.7"
        );
        assert_eq!(
            found(&["for=\"[2001:db8::7]:80\";by=10.0.0.1"]),
            "2001:db8::7"
        );
        assert_eq!(found(&["for=_hidden"]), "10.0.0.1");
        assert_eq!(found(&["by=192.0.2.7"]), "10.0.0.1");
    }
}
