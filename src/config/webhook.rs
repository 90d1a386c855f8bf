//! The application, asked whose a token is.

use std::time::Duration;

use http::HeaderName;
use http::header::COOKIE;
use secrecy::SecretString;

use super::parse::{self, Parsed, Refusal, shown};
use super::reader::Reader;
use super::secret;
use super::service_url::ServiceUrl;
use super::warning::Warning;

/// The application, asked whose a token is.
#[derive(Debug, Clone)]
pub struct WebhookConfig {
    /// Where the application is asked.
    ///
    /// `CHATZZ_WEBHOOK_URL`, default: none, URL. Required for `webhook`.
    pub url: ServiceUrl,
    /// What requests are signed with, so that the application knows who asks.
    ///
    /// `CHATZZ_WEBHOOK_SECRET`, default: none, text. Or in a file:
    /// `CHATZZ_WEBHOOK_SECRET_FILE`, default: none, path. Required for `webhook`.
    pub secret: SecretString,
    /// The headers of the handshake that the application is told.
    ///
    /// `CHATZZ_WEBHOOK_HEADERS`, default: none, list of header names. Cookies are no
    /// proof of who opened a socket: browsers send them for every page.
    pub headers: Vec<HeaderName>,
    /// How long the application may take to answer.
    ///
    /// `CHATZZ_WEBHOOK_TIMEOUT`, default `3s`, duration. Keep it below
    /// `CHATZZ_REQUEST_TIMEOUT`.
    pub timeout: Duration,
    /// How long a login that was granted is believed without asking again.
    ///
    /// `CHATZZ_WEBHOOK_CACHE`, default `10s`, duration. Lower it when a logout must
    /// count at once; `0` asks every time.
    pub cache: Duration,
}

impl WebhookConfig {
    /// Reads the keys; `None` is a mistake, noted.
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let url = keys.read("CHATZZ_WEBHOOK_URL", ServiceUrl::parse);
        let name = "CHATZZ_WEBHOOK_SECRET";
        let secret = secret::signing(keys, name, "CHATZZ_WEBHOOK_SECRET_FILE").ok();
        if matches!(secret, Some(None)) {
            keys.refuse(name, "it is not set; write 32 or more random bytes");
        }
        let headers = keys.read_set("CHATZZ_WEBHOOK_HEADERS", |text| {
            parse::comma_list(text).map(header).collect()
        });
        let timeout = keys.read("CHATZZ_WEBHOOK_TIMEOUT", |text| {
            parse::duration(text, Duration::from_millis(50)..=Duration::from_secs(10))
        });
        let cache = keys.read("CHATZZ_WEBHOOK_CACHE", |text| {
            parse::duration(text, Duration::ZERO..=Duration::from_hours(1))
        });
        if url.as_ref().is_some_and(ServiceUrl::is_exposed) {
            keys.warn(Warning::Exposed {
                key: "CHATZZ_WEBHOOK_URL",
            });
        }
        Some(Self {
            url: url?,
            secret: secret??,
            headers: headers.ok()?.unwrap_or_default(),
            timeout: timeout?,
            cache: cache?,
        })
    }
}

fn header(text: &str) -> Parsed<HeaderName> {
    match HeaderName::try_from(text) {
        Ok(name) if name != COOKIE => Ok(name),
        Ok(_) => Err(Refusal::new(
            "`cookie` is not told: browsers send cookies for every page, so they prove nothing; \
             let the front end send a token",
        )),
        Err(_) => Err(Refusal::new(format!(
            "{} is not the name of a header; write a list such as `user-agent,x-forwarded-for`",
            shown(text)
        ))),
    }
}
