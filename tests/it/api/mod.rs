//! The HTTP API: a back end calls, people hear of it, and every answer is as documented.

mod authority;
mod batch;
mod bounds;
mod canaries;
mod commands;
mod erase;
mod erase_cut;
pub(crate) mod events;
mod export;
mod hanging;
mod import;
mod keys;
mod lines;
mod manage;
mod objects;
mod odd;
mod openapi;
mod privacy_page;
mod read;
mod redact;
mod send;
mod servers;
mod settings;

use std::net::SocketAddr;
use std::path::PathBuf;

use bson::oid::ObjectId;
use serde_json::{Value, json};

use crate::support::http::{self, Response};
use crate::support::places;
use crate::support::server::Server;
use crate::support::tied::free_port;
use chatzz::config::{ApiScope, new_api_key};

/// The back end of an application, which has a key for everything.
pub(crate) struct BackEnd {
    pub(crate) addr: SocketAddr,
    key: String,
}

/// What a call was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    response: Response,
}

impl Answer {
    /// The status, and the code of the problem, if it is one.
    pub(crate) fn outcome(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or("ok"))
    }

    /// The lines of an answer that has many.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let lines = self.response.body.lines();
        let read = |line| serde_json::from_str(line).expect("a line is JSON");
        lines.map(read).collect()
    }

    /// The value of a header.
    fn header(&self, name: &str) -> Option<&str> {
        self.response.header(name)
    }
}

/// An address that is free at this moment.
pub(crate) fn free_addr() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

/// A file of keys, and a key for each list of scopes.
pub(crate) fn key_file(scopes: &[&[ApiScope]]) -> (PathBuf, Vec<String>) {
    let folder = places::temporary().join("api-keys");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(ObjectId::new().to_hex());
    let made = scopes.iter().enumerate();
    let made = made.map(|(number, scopes)| new_api_key(&format!("key-{number}"), scopes).unwrap());
    let (keys, lines): (Vec<String>, Vec<String>) = made.unzip();
    std::fs::write(&path, lines.join("\n")).unwrap();
    (path, keys)
}

/// A server with the API, and its back end.
pub(crate) async fn server() -> (Server, BackEnd) {
    server_with(&[]).await
}

/// The same with more keys of the configuration.
pub(crate) async fn server_with(more: &[(&str, &str)]) -> (Server, BackEnd) {
    let (file, mut keys) = key_file(&[&ApiScope::ALL]);
    let addr = free_addr();
    let listen = addr.to_string();
    let mut settings = vec![
        ("CHATZZ_API_LISTEN", listen.as_str()),
        ("CHATZZ_API_KEYS_FILE", file.to_str().unwrap()),
    ];
    settings.extend(more);
    let server = Server::with(&settings).await;
    let key = keys.remove(0);
    (server, BackEnd { addr, key })
}

impl BackEnd {
    /// The back end of this key.
    pub(crate) fn new(addr: SocketAddr, key: &str) -> Self {
        let key = key.to_owned();
        Self { addr, key }
    }

    /// Calls, with a body of JSON, or without one if it is null. The answer must be one that
    /// is documented.
    pub(crate) async fn call(&self, method: &str, target: &str, body: &Value) -> Answer {
        let body = match body {
            Value::Null => String::new(),
            _ => body.to_string(),
        };
        self.call_as(method, target, &[], &body).await
    }

    /// Gets.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.call_as("GET", target, &[], "").await
    }

    /// Calls with further headers and any body.
    pub(crate) async fn call_as(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let bearer = format!("Bearer {}", self.key);
        let headers = [headers, &[("authorization", bearer.as_str())]].concat();
        let response = http::send(self.addr, method, target, &headers, body).await;
        Self::answer(method, target, response)
    }

    /// Calls with a body of so many bytes, of which none is sent.
    async fn promise(&self, method: &str, target: &str, bytes: usize) -> Answer {
        let (bearer, bytes) = (format!("Bearer {}", self.key), bytes.to_string());
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-length", bytes.as_str()),
        ];
        let response = http::request(self.addr, method, target, &headers).await;
        Self::answer(method, target, response)
    }

    /// What the answer says, which must be documented.
    fn answer(method: &str, target: &str, response: Response) -> Answer {
        let answer = Answer {
            status: response.status,
            body: serde_json::from_str(&response.body).unwrap_or_default(),
            response,
        };
        openapi::check(method, target, &answer);
        answer
    }

    /// Sends a text from one user to another under a key.
    pub(crate) async fn send(&self, from: &Value, to: &Value, text: &str, key: &str) -> Answer {
        let send = json!({ "from": from, "to": to, "message": text, "key": key });
        self.call("POST", "/v1/messages", &send).await
    }
}
