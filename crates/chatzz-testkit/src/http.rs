//! Plain HTTP requests, each over its own connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a response may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A response, read to the end of the connection.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    head: String,
    /// The body.
    pub body: String,
}

impl Response {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// Sends a GET without headers of its own.
pub async fn get(addr: SocketAddr, target: &str) -> Response {
    request(addr, "GET", target, &[]).await
}

/// Sends a POST with a text.
pub async fn post(addr: SocketAddr, target: &str, body: &str) -> Response {
    let length = body.len().to_string();
    let headers = [("content-type", "text/plain"), ("content-length", &length)];
    exchange(addr, "POST", target, &headers, body).await
}

/// Sends a request without a body.
pub async fn request(
    addr: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Response {
    exchange(addr, method, target, headers, "").await
}

/// Sends a request with a body of JSON.
pub async fn send(
    addr: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let length = body.len().to_string();
    let about = [
        ("content-type", "application/json"),
        ("content-length", length.as_str()),
    ];
    exchange(addr, method, target, &[headers, &about].concat(), body).await
}

async fn exchange(
    addr: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let answer = attempt(addr, method, target, headers, body);
    let answer = timeout(PATIENCE, answer).await.expect("it is answered");
    answer.expect("it is a whole answer")
}

/// Sends a request that may fail.
///
/// # Errors
/// When there is no connection, or it ends before a head of text has come.
pub async fn attempt(
    addr: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Response> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.extend(["\r\n", body]);
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(head.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let is_no_answer = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(is_no_answer)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut response = Response {
        status: status.ok_or_else(is_no_answer)?,
        head: head.to_owned(),
        body: String::new(),
    };
    response.body = match response.header("transfer-encoding") {
        Some("chunked") => joined(body),
        _ => body.to_owned(),
    };
    Ok(response)
}

/// The chunks of a body, as far as it was not cut off.
fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    while let Some((length, rest)) = chunks.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).expect("it has a length");
        let end = length.min(rest.len());
        body.push_str(&rest[..end]);
        chunks = rest[end..].trim_start_matches("\r\n");
    }
    body
}
