//! The application, asked whose a token is.

use std::time::Duration;

use http::HeaderName;
use http::header::COOKIE;
use secrecy::SecretString;

use super::parse::{Parsed, Refusal, comma_list, shown, within};
use super::secret::signing;
use super::service_url::ServiceUrl;
use super::warning::Warning;

section! {
    /// The application, asked whose a token is.
    pub struct WebhookConfig in "Authentication: `CHATZZ_AUTH=webhook`" {
        /// The URL where the application is asked whose a token is. Required for `webhook`.
        url: ServiceUrl =
            key("CHATZZ_WEBHOOK_URL", "URL",
                required("none", "https://app.example.org/internal/chatzz-login"),
                ServiceUrl::parse),
        /// The secret that signs the requests to the application, at least 32 bytes.
        /// By it the application knows who asks. Required for `webhook`.
        secret: SecretString =
            secret("CHATZZ_WEBHOOK_SECRET" or_file "/run/secrets/chatzz-webhook", "text",
                required("none", "write-32-other-random-bytes-here"), signing),
        /// The headers of the handshake that are passed on to the application.
        /// Never `cookie`: browsers send cookies for every page, so they prove nothing. The client's
        /// address is passed on anyway; clients can write any `x-forwarded-for`.
        headers: Vec<HeaderName> =
            key("CHATZZ_WEBHOOK_HEADERS", "list of header names",
                unset("none", Vec::new(), "user-agent,x-tenant"), headers),
        /// How long the application may take to answer.
        /// Must be below `CHATZZ_REQUEST_TIMEOUT`; the default is lowered if necessary.
        timeout: Duration =
            key("CHATZZ_WEBHOOK_TIMEOUT", "duration", default("3s"), within("50ms", "10s")),
        /// How long a login that the application granted is cached.
        /// Lower it when a logout must take effect sooner; `0` asks every time.
        cache: Duration =
            key("CHATZZ_WEBHOOK_CACHE", "duration", default("10s"), within("0s", "1h")),
    }
    check(keys) {
        keys.refuse_late("CHATZZ_WEBHOOK_TIMEOUT");
        if url.as_ref().is_ok_and(ServiceUrl::is_exposed) {
            let key = "CHATZZ_WEBHOOK_URL";
            keys.warn(Warning::Exposed { key });
        }
    }
}

fn headers(text: &str) -> Parsed<Vec<HeaderName>> {
    comma_list(text).map(header).collect()
}

fn header(text: &str) -> Parsed<HeaderName> {
    match HeaderName::try_from(text) {
        Ok(name) if name != COOKIE => Ok(name),
        Ok(_) => Err(Refusal::new(
            "`cookie` is not passed on: browsers send cookies for every page, so they prove nothing; \
             let the front end send a token",
        )),
        Err(_) => Err(Refusal::new(format!(
            "{} is not the name of a header; write a list such as `user-agent,x-tenant`",
            shown(text)
        ))),
    }
}
