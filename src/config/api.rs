//! The HTTP API for the application's back end.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Mode;
use super::api_keys::{self, ApiKey};
use super::limits::{Rate, rate_or_off};
use super::parse::{self, within};

section! {
    /// The HTTP API for the application's back end.
    pub struct ApiConfig in "HTTP API" {
        /// The address where the application's back end calls the HTTP API; `off` disables it.
        /// Never make it public: whoever has a key speaks for every user. With a certificate
        /// (`CHATZZ_TLS_CERT_FILE`) it speaks TLS, too.
        listen: Option<SocketAddr> =
            key("CHATZZ_API_LISTEN", "address:port or `off`", default("off"),
                parse::address_or_off),
        /// The file of the keys that may call it, one a line: `name scopes sha256 [expires]`.
        /// `chatzz key new` makes a key and its line. A changed file is used within 5 s. Required
        /// with `CHATZZ_API_LISTEN`, but for `dev`, which makes a key.
        keys_file: Option<PathBuf> =
            key("CHATZZ_API_KEYS_FILE", "path", unset("none", None, "/etc/chatzz/api-keys"),
                parse::file),
        /// How much each key may ask for; each message of a batch counts, too.
        requests: Option<Rate> =
            key("CHATZZ_API_LIMIT", "rate or `off`", default("20000/10s"), rate_or_off),
        /// The most calls, and messages of batches, that are worked on at one time.
        /// Further ones wait: so the API leaves the lanes to the sockets. Lower it when sends by
        /// HTTP make sends by socket slow.
        concurrency: u32 =
            key("CHATZZ_API_CONCURRENCY", "count", default("256"), within("1", "100000")),
    }
    check(keys) {
        match (&listen, &keys_file) {
            // it has an address and a key of its own
            _ if keys.mode() == Mode::Dev => {}
            (Ok(Some(_)), Ok(None)) => {
                keys.refuse(
                    "CHATZZ_API_LISTEN and CHATZZ_API_KEYS_FILE",
                    "without keys nobody could call the API; `chatzz key new` makes one",
                );
            }
            (Ok(None), Ok(Some(_))) => {
                keys.refuse(
                    "CHATZZ_API_LISTEN and CHATZZ_API_KEYS_FILE",
                    "there are keys, but the API is `off`; write an address, or remove the file",
                );
            }
            _ => {}
        }
        if let Ok(Some(path)) = &keys_file
            && let Err(mistakes) = api_keys::load(path)
        {
            for mistake in mistakes {
                keys.refuse("CHATZZ_API_KEYS_FILE", mistake);
            }
        }
    }
}

impl ApiConfig {
    /// Reads the keys; none without a file.
    ///
    /// # Errors
    /// Every mistake of the file.
    pub fn load_keys(&self) -> Result<Vec<ApiKey>, Vec<String>> {
        self.keys_file
            .as_ref()
            .map_or(Ok(Vec::new()), api_keys::load)
    }
}
