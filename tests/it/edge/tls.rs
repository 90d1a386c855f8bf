//! Clients that speak TLS with the server itself.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{Certificate, folder, text};
use crate::support::poll::eventually;
use crate::support::server::Server;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with this certificate, and some keys more.
async fn server(certificate: &Certificate, keys: &[(&str, &str)]) -> Server {
    started(certificate, keys).await.unwrap()
}

async fn started(certificate: &Certificate, keys: &[(&str, &str)]) -> Result<Server, String> {
    let (cert, key) = certificate.write(&folder());
    let mut all = vec![
        ("CHATZZ_TLS_CERT_FILE", text(&cert)),
        ("CHATZZ_TLS_KEY_FILE", text(&key)),
    ];
    all.extend(keys);
    let uri = crate::support::mongod::shared_uri().await;
    let name = format!("test_{}", bson::oid::ObjectId::new().to_hex());
    Server::try_on_database(&uri, &name, &all).await
}

/// A TLS connection that believes this certificate and no other.
async fn connect(
    addr: SocketAddr,
    trusted: &CertificateDer<'static>,
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(addr).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    timeout(PATIENCE, connector.connect(name, stream)).await?
}

/// One GET over TLS, read to the end of the connection.
async fn get(addr: SocketAddr, trusted: &CertificateDer<'static>, target: &str) -> String {
    let mut stream = connect(addr, trusted).await.unwrap();
    let head = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(PATIENCE, read).await.unwrap().unwrap();
    answer
}

async fn packet(socket: &mut WebSocketStream<TlsStream<TcpStream>>) -> String {
    let packet = timeout(PATIENCE, socket.next()).await.unwrap();
    packet.unwrap().unwrap().into_text().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_both_transports_work_and_plain_http_is_not_spoken() {
    let certificate = Certificate::new();
    let server = server(&certificate, &[]).await;
    let alice = server.user("alice").await;

    let polled = get(
        server.addr(),
        &certificate.der,
        "/socket.io/?EIO=4&transport=polling",
    )
    .await;
    assert!(polled.starts_with("HTTP/1.1 200"), "{polled}");
    assert!(polled.contains(r#""sid":""#), "{polled}");

    let stream = connect(server.addr(), &certificate.der).await.unwrap();
    let url = "ws://localhost/socket.io/?EIO=4&transport=websocket";
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    socket.send(Message::text("40")).await.unwrap();
    while !packet(&mut socket).await.starts_with("40") {}
    let login = json!(["connect-user", { "userId": alice }]);
    let login = Message::text(format!("420{login}"));
    socket.send(login).await.unwrap();
    let ack = loop {
        if let Some(ack) = packet(&mut socket).await.strip_prefix("430") {
            break serde_json::from_str::<Value>(ack).unwrap();
        }
    };
    assert_eq!(ack[0], Value::Null);
    assert_eq!(ack[1]["userId"], alice);

    let mut plain = TcpStream::connect(server.addr()).await.unwrap();
    plain
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    // closed or reset, but never answered in HTTP
    let _ = timeout(PATIENCE, plain.read_to_end(&mut answer))
        .await
        .unwrap();
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_shake_hands_is_closed() {
    let keys = [("CHATZZ_HEADER_TIMEOUT", "300ms")];
    let server = server(&Certificate::new(), &keys).await;
    let mut silent = TcpStream::connect(server.addr()).await.unwrap();
    let mut nothing = Vec::new();
    let ended = timeout(PATIENCE, silent.read_to_end(&mut nothing)).await;
    ended.expect("it is closed").unwrap();
    assert_eq!(nothing, b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shakes_hands_and_sends_no_request_is_closed() {
    let keys = [("CHATZZ_HEADER_TIMEOUT", "300ms")];
    let certificate = Certificate::new();
    let server = server(&certificate, &keys).await;
    let mut silent = connect(server.addr(), &certificate.der).await.unwrap();
    let mut nothing = Vec::new();
    let ended = timeout(PATIENCE, silent.read_to_end(&mut nothing)).await;
    // with or without the goodbye of TLS
    let _ = ended.expect("it is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_is_cut_over_tls_too() {
    let keys = [("CHATZZ_STALL_TIMEOUT", "500ms")];
    let certificate = Certificate::new();
    let server = server(&certificate, &keys).await;
    let mut deaf = connect(server.addr(), &certificate.der).await.unwrap();
    let request = b"GET /version HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(200);
    let refused = async {
        // until the buffers of both ends are full, and then the cut
        while deaf.write_all(&request).await.is_ok() {}
    };
    timeout(Duration::from_mins(1), refused)
        .await
        .expect("its writes fail");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_used_without_a_restart() {
    let (old, new) = (Certificate::new(), Certificate::new());
    let folder = folder();
    let (cert, key) = old.write(&folder);
    let keys = [
        ("CHATZZ_TLS_CERT_FILE", text(&cert)),
        ("CHATZZ_TLS_KEY_FILE", text(&key)),
    ];
    let server = Server::with(&keys).await;
    connect(server.addr(), &old.der).await.unwrap();
    connect(server.addr(), &new.der).await.unwrap_err();

    std::fs::write(&cert, "half of a certif").unwrap();
    new.write(&folder);

    eventually("the new certificate", async || {
        connect(server.addr(), &new.der).await.ok()
    })
    .await;
    connect(server.addr(), &old.der).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_does_not_fit_refuses_the_start() {
    let (one, other) = (Certificate::new(), Certificate::new());
    let mixed = Certificate {
        key: other.key,
        ..one
    };
    let refusal = started(&mixed, &[]).await.err().unwrap();
    assert!(refusal.contains("CHATZZ_TLS_KEY_FILE"), "{refusal}");
    let no_pem = Certificate {
        cert: "certificate".to_owned(),
        ..Certificate::new()
    };
    let refusal = started(&no_pem, &[]).await.err().unwrap();
    assert!(refusal.starts_with("CHATZZ_TLS_CERT_FILE: "), "{refusal}");
}

#[test]
fn a_key_that_everybody_can_read_and_half_a_pair_are_mistakes() {
    let (cert, key) = Certificate::new().write(&folder());
    let read = |keys: &[(&str, &str)]| {
        let lookup = |name: &str| {
            let found = keys.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let mode = chatzz::config::Mode::Dev;
        let read = chatzz::config::Config::from_lookup(lookup, std::iter::empty(), mode);
        read.map(drop).map_err(|errors| errors.to_string())
    };
    let both = [
        ("CHATZZ_TLS_CERT_FILE", text(&cert)),
        ("CHATZZ_TLS_KEY_FILE", text(&key)),
    ];
    read(&both).unwrap();
    assert!(read(&both[..1]).unwrap_err().contains("both"));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o604)).unwrap();
    let mistake = read(&both).unwrap_err();
    assert!(
        mistake.contains("CHATZZ_TLS_KEY_FILE: everybody"),
        "{mistake}"
    );
}
