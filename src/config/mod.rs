//! The settings of an operator: one section for each part of the server.
//!
//! Each key is declared once, in a `section!`: that generates the field, the code that
//! reads it, and its place in `.env.example` and `docs/configuration.md`. After a change
//! run `cargo run -- config --write`, which writes both; a test compares them. All
//! mistakes are reported together, so that a deployment can be corrected in one go.
//!
//! Durations are written `500ms`, `5s`, `2m` or `1h`, a bare number is seconds;
//! sizes `512B`, `256KiB` or `1MiB`, a bare number is bytes.

#[macro_use]
mod section;

mod api;
mod api_keys;
mod auth;
mod contact_rule;
mod environment;
mod error;
mod event_type;
mod events;
mod hooks;
mod http;
mod jwt;
mod key;
mod kinds;
mod lanes;
mod limits;
mod log;
mod messages;
mod mongo_uri;
mod mongodb;
mod names;
mod nats;
mod nats_url;
mod parse;
mod presence;
mod privacy;
mod proxies;
mod reader;
mod render;
mod secret;
mod service_url;
mod signing_secrets;
mod socket;
mod timeouts;
mod tls;
mod user_fields;
mod users;
mod warning;
mod webhook;

use std::time::Duration;

pub use api::ApiConfig;
pub use api_keys::{ApiKey, ApiScope, digest_of, new_api_key};
pub use auth::{AuthConfig, AuthMode};
pub use contact_rule::ContactRule;
pub use environment::{key_of_caller, url_of_caller};
pub use error::{ConfigError, ConfigErrors};
pub use event_type::EventType;
pub use events::EventsConfig;
pub use hooks::{Hook, HookFailure, HooksConfig};
pub use http::{AllowedOrigin, AllowedOrigins, HttpConfig};
pub use jwt::{JwtAlgorithm, JwtConfig, JwtKey};
pub use key::{DefaultValue, Key, KeyFile, Section};
pub use kinds::{KindRefusal, Kinds};
pub use lanes::LanesConfig;
pub use limits::{Caps, LimitsConfig, Rate, Rates};
pub use log::{LogConfig, LogFormat};
pub use messages::{MESSAGE_MAX_BYTES, MessagesConfig, PagingConfig};
pub use mongo_uri::MongoUri;
pub use mongodb::MongoDbConfig;
pub use names::parse_database;
pub use nats::NatsConfig;
pub use nats_url::{NatsLogin, NatsUrl};
pub use parse::ByteSize;
pub use presence::PresenceConfig;
pub use privacy::{BlockedSends, PrivacyConfig};
pub use proxies::{ProxiesConfig, ProxyHeader};
pub use render::{env_example, markdown};
pub use service_url::ServiceUrl;
pub use signing_secrets::SigningSecrets;
pub use socket::{BaseDialect, SocketConfig, StatusEvent};
pub use timeouts::TimeoutsConfig;
pub use tls::{TlsConfig, TlsFiles};
pub(crate) use user_fields::RESERVED as RESERVED_USER_FIELDS;
pub use users::{IdType, UsersConfig, UuidOrder};
pub use warning::Warning;
pub use webhook::WebhookConfig;

use reader::Reader;

/// Every key, in the order of the documentation.
pub const SECTIONS: &[Section] = &[
    HttpConfig::SECTION,
    TlsConfig::SECTION,
    ApiConfig::SECTION,
    EventsConfig::SECTION,
    SocketConfig::SECTION,
    MongoDbConfig::SECTION,
    NatsConfig::SECTION,
    UsersConfig::SECTION,
    auth::AuthChoice::SECTION,
    jwt::KeySources::SECTION,
    JwtConfig::SECTION,
    WebhookConfig::SECTION,
    HooksConfig::SECTION,
    MessagesConfig::SECTION,
    PagingConfig::SECTION,
    PresenceConfig::SECTION,
    PrivacyConfig::SECTION,
    LanesConfig::SECTION,
    TimeoutsConfig::SECTION,
    LogConfig::SECTION,
    limits::Switch::SECTION,
    LimitsConfig::SECTION,
    ProxiesConfig::SECTION,
];

/// Every key, in the order of the documentation.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// The command that the configuration is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `chatzz serve`: everything a deployment must decide is required.
    Serve,
    /// `chatzz dev`: nothing is required.
    Dev,
    /// `chatzz hook test`: the application is asked as for `serve`, and nobody is served.
    Hooks,
    /// `chatzz migrate` and `chatzz verify`: they serve nobody, so no authentication mode
    /// is required.
    Migrate,
}

section! {
    /// The whole configuration, read and checked.
    pub struct Config {
        /// The listeners and who may connect from a web page.
        http: HttpConfig = HttpConfig::read,
        /// The HTTP API for the application's back end.
        api: ApiConfig = ApiConfig::read,
        /// Pushing events to the application.
        events: EventsConfig = EventsConfig::read,
        /// The socket.io endpoint and the bounds of one socket.
        socket: SocketConfig = SocketConfig::read,
        /// The database, its collections and its connections.
        mongodb: MongoDbConfig = MongoDbConfig::read,
        /// NATS, for several servers.
        nats: NatsConfig = NatsConfig::read,
        /// How the application's own users are read.
        users: UsersConfig = UsersConfig::read,
        /// How a client proves its identity.
        auth: AuthConfig = AuthConfig::read,
        /// The hooks, where the application decides.
        hooks: HooksConfig = HooksConfig::read,
        /// The bounds of one message.
        messages: MessagesConfig = MessagesConfig::read,
        /// How many messages one answer contains.
        paging: PagingConfig = PagingConfig::read,
        /// Presence, and the node that reports it.
        presence: PresenceConfig = PresenceConfig::read,
        /// Who may write to whom.
        privacy: PrivacyConfig = PrivacyConfig::read,
        /// The lanes that number and store messages.
        lanes: LanesConfig = LanesConfig::read,
        /// How long an answer and a shutdown may take.
        timeouts: TimeoutsConfig = TimeoutsConfig::read,
        /// What is logged, and how it looks.
        log: LogConfig = LogConfig::read,
        /// How much one client, one user and one address may ask for.
        limits: LimitsConfig = LimitsConfig::read_all,
        /// The proxies in front of the server.
        proxies: ProxiesConfig = ProxiesConfig::read,
    }
}

impl Config {
    /// Reads every key through `lookup`; unset keys have their defaults.
    ///
    /// `names` are all variable names that are set: those that begin with `CHATZZ_` but
    /// are not a key become warnings, which are reported with the mistakes, if any.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every mistake there is, not only the first.
    pub fn from_lookup(
        lookup: impl Fn(&str) -> Option<String>,
        names: impl Iterator<Item = String>,
        mode: Mode,
    ) -> Result<(Self, Vec<Warning>), ConfigErrors> {
        let mut reader = Reader::new(&lookup, mode);
        reader.warn_of_unknown(names);
        let config = Self::read(&mut reader);
        let (errors, warnings) = reader.finish();
        match config {
            Ok(mut config) if errors.is_empty() => {
                if mode == Mode::Dev && lookup("CHATZZ_LOG").is_none() {
                    config.log = config.log.quiet();
                }
                Ok((config.settled(mode), warnings))
            }
            _ => Err(ConfigErrors {
                errors,
                warnings,
                format: LogFormat::asked_for(&lookup),
            }),
        }
    }

    /// Lowers defaults that would exceed a short request time-out; explicit values were checked.
    fn settled(mut self, mode: Mode) -> Self {
        let request = self.timeouts.request;
        let settle = |time: &mut Duration| {
            if *time >= request {
                *time = request * 2 / 3;
            }
        };
        if mode != Mode::Migrate {
            settle(&mut self.mongodb.selection_timeout);
            settle(&mut self.hooks.timeout);
            if let AuthMode::Webhook(webhook) = &mut self.auth.mode {
                settle(&mut webhook.timeout);
            }
        }
        self
    }
}
