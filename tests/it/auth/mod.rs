//! Who a socket speaks for: tokens, the application that is asked, and the end of both.

mod ending;
mod handshake;
mod hostile;
#[cfg(unix)]
mod logs;
mod published;
mod webhook;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bson::doc;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::canary;
use crate::support::frame::{Client, ConnectError, ConnectOptions, Eio, Transport};
use crate::support::server::Server;
use crate::support::user::Person;

/// What tokens are signed with.
const SECRET: &str = canary::JWT;
const RSA: &str = include_str!("../../../fixtures/keys/rsa.pem");
const RSA_OTHER: &str = include_str!("../../../fixtures/keys/rsa-other.pem");
const RSA_PUBLIC: &str = include_str!("../../../fixtures/keys/rsa.pub.pem");

const WIRE: (Eio, Transport) = (Eio::V4, Transport::Websocket);

/// A server that believes tokens signed with [`SECRET`].
async fn jwt_server(keys: &[(&str, &str)]) -> Server {
    let mut all = vec![("CHATZZ_AUTH", "jwt"), ("CHATZZ_JWT_SECRET", SECRET)];
    all.extend(keys);
    Server::with(&all).await
}

#[expect(
    clippy::disallowed_methods,
    reason = "tokens are made beside the server"
)]
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs()
}

/// Claims of a user whose token is good for this many seconds.
fn claims(id: &Value, seconds: u64) -> Value {
    json!({ "sub": id, "exp": now() + seconds })
}

fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

/// A token of a user, good for an hour.
fn token(id: &Value) -> String {
    signed(&claims(id, 3_600))
}

/// How a client of this wire shows its token: `auth`, which Engine.IO 3 does not have,
/// else the query.
fn options(server: &Server, wire: (Eio, Transport), token: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(server.addr()).over(wire);
    match wire.0 {
        Eio::V4 => options.auth = Some(json!({ "token": token })),
        Eio::V3 => options.query = vec![("token".to_owned(), token.to_owned())],
    }
    options
}

async fn connect(
    server: &Server,
    wire: (Eio, Transport),
    token: &str,
) -> Result<Client, ConnectError> {
    Client::connect(options(server, wire, token)).await
}

/// The text of the `connect_error`.
async fn refused(server: &Server, wire: (Eio, Transport), token: &str) -> String {
    refused_with(options(server, wire, token)).await
}

async fn refused_with(options: ConnectOptions) -> String {
    match Client::connect(options).await {
        Err(ConnectError::Refused { message }) => message,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the handshake was accepted"),
    }
}

/// A user who shows a token and logs in; `user-details` still waits.
async fn login(server: &Server, id: &Value, token: &str) -> Person {
    let client = connect(server, WIRE, token).await.unwrap();
    let person = Person::new(client, id.clone());
    person.login().await.unwrap();
    person
}

/// The bound of the contract for the end of a socket whose token is over.
const END: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_collation_holds_for_the_token_and_for_whoever_is_named_alike() {
    let server = jwt_server(&[]).await;
    let create = doc! { "create": "users", "collation": { "locale": "en", "strength": 2 } };
    server.database().run_command(create).await.unwrap();
    let users = ["alice", "bob"].map(|id| doc! { "_id": id, "username": id });
    server.collection("users").insert_many(users).await.unwrap();
    for (subject, named, wanted) in [
        ("alice", "alice", Ok(())),
        ("ALICE", "alice", Ok(())),
        ("ALICE", "ALICE", Ok(())),
        ("alice", "Alice", Ok(())),
        ("alice", "bob", Err("forbidden")),
        ("alice", "BOB", Err("forbidden")),
    ] {
        let client = connect(&server, WIRE, &token(&json!(subject))).await;
        let person = Person::new(client.unwrap(), json!(named));
        let login = person.login().await.map(drop);
        let login = login.map_err(|error| error["code"].as_str().unwrap().to_owned());
        assert_eq!(login, wanted.map_err(str::to_owned), "{subject} as {named}");
    }
}
