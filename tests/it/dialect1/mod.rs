//! Dialect 1: front ends that were written for the npm package chatzz 1.1.5.

mod client_file;
mod golden;
mod login;
mod mixed;
mod readme;
mod replay;
mod rows;
mod status;

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
    let query = query
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let options = ConnectOptions {
        query: query.collect(),
        ..ConnectOptions::new(server.addr())
    };
    Client::connect(options).await.unwrap()
}

/// A user who logs in on a socket of a dialect, and the `user-details`.
pub(crate) async fn arrive_in(server: &Server, dialect: &str, id: &Value) -> (Person, Value) {
    let client = client_with(server, &[("dialect", dialect)]).await;
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
