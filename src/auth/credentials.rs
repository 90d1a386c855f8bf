//! The credentials that a client presents: the token, and where it comes from.

use std::net::IpAddr;

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::form_urlencoded;

use super::refused;
use crate::callout;
use crate::hooks::LoginAsked;
use crate::service::Error;

/// Longest accepted token, in bytes: longer than any header that common servers and
/// proxies let through.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The credentials that a client presents; its `Debug` does not show the token.
#[derive(Clone, Debug)]
pub struct Credentials {
    token: Result<SecretString, Error>,
    headers: HeaderMap,
    /// The address of the TCP peer.
    pub address: Option<IpAddr>,
}

/// The payload of CONNECT. Other fields are the application's own.
#[derive(Deserialize)]
struct AuthPayload {
    #[serde(default)]
    token: Option<serde_json::Value>,
}

impl Credentials {
    /// The credentials of a handshake: the token is `auth.token`, else the
    /// `Authorization: Bearer` header, else the query's `token`.
    pub fn of_handshake(request: &Parts, auth: Option<&str>, address: Option<IpAddr>) -> Self {
        let found = in_auth(auth)
            .or_else(|| in_header(&request.headers))
            .or_else(|| in_query(request.uri.query().unwrap_or_default()));
        Self {
            token: found.unwrap_or_else(|| Err(refused("there is no token"))),
            headers: request.headers.clone(),
            address,
        }
    }

    /// The credentials of the same client with another token.
    #[must_use]
    pub fn with_token(self, token: SecretString) -> Self {
        Self {
            token: checked(token),
            ..self
        }
    }

    /// The token.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when there is none, or the value cannot be one.
    pub fn token(&self) -> Result<&SecretString, Error> {
        self.token.as_ref().map_err(Clone::clone)
    }

    /// The credentials as a hook is asked about them.
    pub(super) fn as_asked(&self) -> LoginAsked {
        let names = self.headers.keys();
        let headers = names.filter_map(|name| Some((name.to_string(), self.header(name)?)));
        LoginAsked {
            token: self.token.as_ref().ok().cloned(),
            headers: headers.collect(),
            address: self.address,
        }
    }

    /// A header of the handshake, if it is text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<String> {
        let values: Vec<&str> = self
            .headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}

type Found = Option<Result<SecretString, Error>>;

fn checked(token: SecretString) -> Result<SecretString, Error> {
    match token.expose_secret().len() {
        0 => Err(refused("the token is empty")),
        1..=MAX_TOKEN_BYTES => Ok(token),
        _ => Err(refused("the token is too long")),
    }
}

fn in_auth(auth: Option<&str>) -> Found {
    let auth = auth.filter(|auth| auth.trim() != "null")?;
    let Some(payload) = callout::object::<AuthPayload>(auth.as_bytes()) else {
        return Some(Err(refused("auth is not an object")));
    };
    match payload.token? {
        serde_json::Value::Null => None,
        serde_json::Value::String(token) => Some(checked(token.into())),
        _ => Some(Err(refused("auth.token is no string"))),
    }
}

fn in_header(headers: &HeaderMap) -> Found {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| checked(token.trim().to_owned().into()))
}

fn in_query(query: &str) -> Found {
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "token")
        .map(|(_, token)| checked(token.into_owned().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(auth: Option<&str>, header: Option<&str>, query: &str) -> Result<String, String> {
        let mut request = http::Request::builder().uri(format!("/socket.io/?EIO=4{query}"));
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let credentials = Credentials::of_handshake(&parts, auth, None);
        let token = credentials.token().map_err(|error| error.to_string())?;
        Ok(token.expose_secret().to_owned())
    }

    #[test]
    fn the_token_is_in_auth_else_in_the_header_else_in_the_query() {
        let auth = Some(r#"{"token":"a","more":1}"#);
        let (header, query) = (Some("Bearer h"), "&token=q%2B&token=z");
        assert_eq!(token(auth, header, query).unwrap(), "a");
        assert_eq!(token(None, header, query).unwrap(), "h");
        assert_eq!(token(None, None, query).unwrap(), "q+");
        assert_eq!(
            token(Some(r#"{"token":null}"#), header, query).unwrap(),
            "h"
        );
        assert_eq!(token(None, Some("bearer  h"), "").unwrap(), "h");
        assert_eq!(token(None, Some("Basic h"), query).unwrap(), "q+");
    }

    #[test]
    fn what_cannot_be_a_token_is_refused_and_nothing_else_is_tried() {
        let query = "&token=q";
        for auth in [
            r#"{"token":5}"#,
            r#"{"token":{"$ne":1}}"#,
            r#"{"token":""}"#,
        ] {
            token(Some(auth), None, query).unwrap_err();
        }
        for auth in [r#"["a"]"#, "[]", r#""a""#, "5", "true", "{", ""] {
            let refused = token(Some(auth), None, query).unwrap_err();
            assert_eq!(refused, "auth is not an object", "{auth}");
        }
        let long = format!(r#"{{"token":"{}"}}"#, "x".repeat(MAX_TOKEN_BYTES + 1));
        assert_eq!(
            token(Some(&long), None, query).unwrap_err(),
            "the token is too long"
        );
        assert_eq!(token(None, None, "").unwrap_err(), "there is no token");
        for auth in ["null", "{}", r#"{"token":null}"#] {
            let refused = token(Some(auth), None, "").unwrap_err();
            assert_eq!(refused, "there is no token", "{auth}");
            assert_eq!(token(Some(auth), None, query).unwrap(), "q");
        }
    }

    #[test]
    fn debugging_shows_no_token() {
        let request = http::Request::builder()
            .uri("/?token=canary")
            .body(())
            .unwrap();
        let credentials = Credentials::of_handshake(&request.into_parts().0, None, None);
        assert!(!format!("{credentials:?}").contains("canary"));
    }
}
