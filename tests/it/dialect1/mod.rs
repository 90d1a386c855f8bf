//! Dialect 1: front ends that were written for the npm package chatzz 1.1.5.

mod bounds;
mod client_file;
mod confirmed;
mod golden;
mod login;
mod mixed;
mod modern;
mod readme;
mod replay;
mod rows;
mod status;
mod two_servers;

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::frame::{Client, ConnectOptions};
use crate::support::server::Server;
use crate::support::user::Person;

/// A server all of whose sockets speak dialect 1 unless they ask for another.
pub(crate) async fn server() -> Server {
    Server::with(&[("CHATZZ_DIALECT", "1")]).await
}

/// A client with this query.
async fn client_with(server: &Server, query: &[(&str, &str)]) -> Client {
    client_at(server.addr(), query).await
}

async fn client_at(addr: SocketAddr, query: &[(&str, &str)]) -> Client {
    let query = query
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let options = ConnectOptions {
        query: query.collect(),
        ..ConnectOptions::new(addr)
    };
    Client::connect(options).await.unwrap()
}

/// A user who logs in on a socket of a dialect, and the `user-details`.
pub(crate) async fn arrive_in(server: &Server, dialect: &str, id: &Value) -> (Person, Value) {
    arrive_at(server.addr(), dialect, id).await
}

/// The same at any server.
pub(crate) async fn arrive_at(addr: SocketAddr, dialect: &str, id: &Value) -> (Person, Value) {
    let client = client_at(addr, &[("dialect", dialect)]).await;
    let person = Person::new(client, id.clone());
    person.login().await.unwrap();
    let details = person.client.expect_envelope("user-details").await;
    (person, details)
}

/// A new user on a socket of a dialect.
async fn person_in(server: &Server, dialect: &str, name: &str) -> Person {
    let id = server.user(name).await;
    arrive_in(server, dialect, &id).await.0
}
