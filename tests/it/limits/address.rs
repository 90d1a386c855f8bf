//! Whose address counts, behind proxies and without.

use super::limited;
use crate::support::frame::{Client, ConnectError, ConnectOptions, WIRES};
use crate::support::server::Server;

/// Opens a session with a header; whether it was let in.
async fn comes(server: &Server, header: &str, value: &str) -> bool {
    let mut options = ConnectOptions::new(server.addr());
    options.headers = vec![(header.to_owned(), value.to_owned())];
    match Client::connect(options).await {
        Ok(_) => true,
        Err(ConnectError::Http { status: 429, .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

const ONE_EACH: (&str, &str) = ("CHATZZ_LIMIT_CONNECTS", "address=1/1h");
const XFF: &str = "x-forwarded-for";

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_says_where_its_clients_are() {
    let trusted = ("CHATZZ_TRUSTED_PROXIES", "::ffff:127.0.0.0/104, 10.0.0.0/8");
    let server = limited(&[ONE_EACH, trusted]).await;
    assert!(comes(&server, XFF, "192.0.2.1").await);
    assert!(!comes(&server, XFF, "192.0.2.1").await);
    assert!(comes(&server, XFF, "192.0.2.2, 10.0.0.1").await);
    assert!(!comes(&server, XFF, "192.0.2.2").await);
    // what a client writes itself stands to the left of what the proxy saw
    assert!(!comes(&server, XFF, "198.51.100.9, 192.0.2.1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_may_say_where_somebody_is() {
    let elsewhere = ("CHATZZ_TRUSTED_PROXIES", "10.0.0.0/8");
    for trusted in [None, Some(elsewhere)] {
        let keys: Vec<_> = [ONE_EACH].into_iter().chain(trusted).collect();
        let server = limited(&keys).await;
        assert!(comes(&server, XFF, "192.0.2.1").await);
        assert!(!comes(&server, XFF, "192.0.2.2").await);
        assert!(!comes(&server, "forwarded", "for=192.0.2.3").await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_header_that_the_proxy_sets_is_read() {
    let trusted = ("CHATZZ_TRUSTED_PROXIES", "127.0.0.1");
    let header = ("CHATZZ_PROXY_HEADER", "forwarded");
    let server = limited(&[ONE_EACH, trusted, header]).await;
    assert!(comes(&server, "forwarded", "for=192.0.2.1").await);
    assert!(comes(&server, "forwarded", "for=\"[2001:db8::1]:4711\"").await);
    assert!(!comes(&server, "forwarded", "for=\"[2001:db8::2]\"").await);
    assert!(comes(&server, XFF, "192.0.2.7").await, "as the proxy's own");
    assert!(!comes(&server, XFF, "192.0.2.8").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_behind_a_proxy_have_their_own_sockets_over_every_wire() {
    let trusted = ("CHATZZ_TRUSTED_PROXIES", "127.0.0.1");
    let server = limited(&[("CHATZZ_LIMIT_SOCKETS", "address=1"), trusted]).await;
    let mut clients = Vec::new();
    for (number, wire) in WIRES.into_iter().enumerate() {
        let mut options = ConnectOptions::new(server.addr()).over(wire);
        options.headers = vec![(XFF.to_owned(), format!("192.0.2.{number}"))];
        clients.push(Client::connect(options.clone()).await.unwrap());
        let second = Client::connect(options).await.err().expect("one too many");
        assert!(matches!(second, ConnectError::Refused { .. }), "{second}");
    }
}
