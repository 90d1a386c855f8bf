//! How many sockets there may be, and how long one may take to come.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::limited;
use crate::support::frame::{Client, ConnectError, ConnectOptions, Eio, Transport, WIRES};
use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::user::{Person, code};

/// The text of the `connect_error`.
async fn refused(options: ConnectOptions) -> String {
    match Client::connect(options).await {
        Err(ConnectError::Refused { message }) => message,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the handshake was accepted"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_only_so_many_sockets_and_may_have_another_when_one_is_gone() {
    let server = limited(&[("CHATZZ_LIMIT_SOCKETS", "user=2")]).await;
    let alice = server.user("alice").await;
    let (first, _second) = (server.login(&alice).await, server.login(&alice).await);
    let third = server.socket_of(&alice).await;
    assert_eq!(code(third.login().await), "overloaded");
    first.login().await.expect("it has its place already");
    server.person("bob").await;
    first.client.close().await;
    eventually("the place is free", async || third.login().await.ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_only_so_many_sockets_over_every_wire() {
    let server = limited(&[("CHATZZ_LIMIT_SOCKETS", "address=4")]).await;
    let mut clients = Vec::new();
    for wire in WIRES {
        let options = ConnectOptions::new(server.addr()).over(wire);
        clients.push(Client::connect(options).await.unwrap());
    }
    for wire in [WIRES[0], WIRES[2]] {
        let message = refused(ConnectOptions::new(server.addr()).over(wire)).await;
        assert!(message.starts_with("overloaded: "), "{message}");
    }
    clients.remove(0).close().await;
    eventually("the place is free", async || {
        let options = ConnectOptions::new(server.addr());
        Client::connect(options).await.ok().map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_all_there_are_only_so_many_sockets_even_without_other_limits() {
    let keys = [
        ("CHATZZ_RATE_LIMITS", "off"),
        ("CHATZZ_LIMIT_SOCKETS", "all=2"),
    ];
    let server = Server::with(&keys).await;
    let _clients = (server.client().await, server.client().await);
    let message = refused(ConnectOptions::new(server.addr())).await;
    assert!(message.starts_with("overloaded: "), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_only_so_many_connections_and_others_are_not_harmed() {
    let server = limited(&[("CHATZZ_LIMIT_SOCKETS", "address=2")]).await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(TcpStream::connect(server.addr()).await.unwrap());
    }
    let mut fifth = TcpStream::connect(server.addr()).await.unwrap();
    let closed = timeout(Duration::from_secs(5), fifth.read(&mut [0])).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
    // of an address of its own
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(server.addr()).await.unwrap();
    let open_still = timeout(Duration::from_millis(300), other.read(&mut [0])).await;
    assert!(open_still.is_err(), "{open_still:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_does_not_join_ends() {
    let keys = [
        ("CHATZZ_CONNECT_TIMEOUT", "300ms"),
        ("CHATZZ_NAMESPACE", "/chat"),
    ];
    let server = Server::with(&keys).await;
    for transport in [Transport::Websocket, Transport::Polling] {
        // of these each joins the root, in which nobody may stay
        let root = ConnectOptions::new(server.addr()).over((Eio::V3, transport));
        let waiting = Client::connect(root).await.unwrap();
        waiting.closed(Duration::from_secs(5)).await.unwrap();

        let chat = ConnectOptions {
            namespace: "/chat".to_owned(),
            ..ConnectOptions::new(server.addr()).over((Eio::V3, transport))
        };
        let joined = Client::connect(chat).await.unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
        joined.assert_silent_for_roundtrip().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_joins_and_does_not_log_in_ends() {
    let server = Server::with(&[("CHATZZ_CONNECT_TIMEOUT", "500ms")]).await;
    let alice = server.user("alice").await;
    for wire in WIRES {
        let options = || ConnectOptions::new(server.addr()).over(wire);
        let logged_in = Person::new(Client::connect(options()).await.unwrap(), alice.clone());
        logged_in.login().await.unwrap();
        let nobodys = Client::connect(options()).await.unwrap();

        nobodys.closed(Duration::from_secs(5)).await.unwrap();

        logged_in.login().await.expect("it is somebody's and stays");
    }
}
