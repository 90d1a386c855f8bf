//! What an operator can set: one section per part of the server.
//!
//! Every key stands in [`KEYS`] with its default, unit and help; the parsers,
//! `.env.example` and the unknown-key warning all use that table. All mistakes
//! are reported together, so that a deployment is corrected in one go.
//!
//! Durations are written `500ms`, `5s`, `2m` or `1h`, a bare number is seconds;
//! sizes `512B`, `256KiB` or `1MiB`, a bare number is bytes.

mod auth;
mod contact_rule;
mod environment;
mod error;
mod http;
mod jwt;
mod key;
mod keys;
mod keys_auth;
mod keys_edge;
mod keys_limits;
mod keys_privacy;
mod lanes;
mod limits;
mod log;
mod messages;
mod mongodb;
mod names;
mod parse;
mod presence;
mod privacy;
mod proxies;
mod reader;
mod secret;
mod service_url;
mod socket;
mod timeouts;
mod tls;
mod user_fields;
mod users;
mod warning;
mod webhook;

pub use auth::{AuthConfig, AuthMode};
pub use contact_rule::ContactRule;
pub use error::{ConfigError, ConfigErrors};
pub use http::{AllowedOrigins, HttpConfig};
pub use jwt::{JwtAlgorithm, JwtConfig, JwtKey};
pub use key::{DefaultValue, Key};
pub use keys::KEYS;
pub use lanes::LanesConfig;
pub use limits::{Caps, LimitsConfig, Rate, Rates};
pub use log::{LogConfig, LogFormat};
pub use messages::{MESSAGE_MAX_BYTES, MessagesConfig, PagingConfig};
pub use mongodb::MongoDbConfig;
pub use parse::ByteSize;
pub use presence::PresenceConfig;
pub use privacy::{BlockedSends, PrivacyConfig};
pub use proxies::{ProxiesConfig, ProxyHeader};
pub use service_url::ServiceUrl;
pub use socket::{SocketConfig, StatusEvent};
pub use timeouts::TimeoutsConfig;
pub use tls::{TlsConfig, TlsFiles};
pub use users::{IdType, UsersConfig};
pub use warning::Warning;
pub use webhook::WebhookConfig;

use reader::Reader;

/// What the configuration is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `chatzz serve`: everything a deployment must decide is required.
    Serve,
    /// `chatzz dev`: nothing is required.
    Dev,
    /// `chatzz migrate` and `chatzz verify`: serve nobody, so no authentication mode is required.
    Migrate,
}

/// The whole configuration, read and checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The listeners and who may connect from a web page.
    pub http: HttpConfig,
    /// The socket.io endpoint and the bounds of one socket.
    pub socket: SocketConfig,
    /// The database, its collections and its connections.
    pub mongodb: MongoDbConfig,
    /// How the application's own users are read.
    pub users: UsersConfig,
    /// How a client proves who it is.
    pub auth: AuthConfig,
    /// The bounds of one message.
    pub messages: MessagesConfig,
    /// How many messages one answer holds.
    pub paging: PagingConfig,
    /// Who is online, and which node says so.
    pub presence: PresenceConfig,
    /// Who may write to whom.
    pub privacy: PrivacyConfig,
    /// The lanes that number and store messages.
    pub lanes: LanesConfig,
    /// How long an answer and a shutdown may take.
    pub timeouts: TimeoutsConfig,
    /// What is logged, and how it looks.
    pub log: LogConfig,
    /// How much one client, one user and one address may ask for.
    pub limits: LimitsConfig,
    /// The proxies in front of the server.
    pub proxies: ProxiesConfig,
}

impl Config {
    /// Reads every key through `lookup`; unset keys have their defaults.
    ///
    /// `names` are all the variable names there are: those that begin with
    /// `CHATZZ_` and are no key become warnings.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every mistake there is, not only the first.
    pub fn from_lookup(
        lookup: impl Fn(&str) -> Option<String>,
        names: impl Iterator<Item = String>,
        mode: Mode,
    ) -> Result<(Self, Vec<Warning>), ConfigErrors> {
        let mut reader = Reader::new(&lookup);
        reader.warn_of_unknown(names);
        let config = Self::read(&mut reader, mode);
        let (errors, warnings) = reader.finish();
        match config {
            Some(config) if errors.is_empty() => Ok((config, warnings)),
            _ => Err(ConfigErrors::new(errors)),
        }
    }

    /// The sections; `None` when one of them has a mistake.
    fn read(keys: &mut Reader<'_>, mode: Mode) -> Option<Self> {
        // Every section is read before the first `?`, so that all mistakes are found.
        let http = HttpConfig::read(keys);
        let socket = SocketConfig::read(keys);
        let mongodb = MongoDbConfig::read(keys);
        let users = UsersConfig::read(keys);
        let auth = AuthConfig::read(keys, mode);
        let messages = MessagesConfig::read(keys);
        let paging = PagingConfig::read(keys);
        let presence = PresenceConfig::read(keys);
        let privacy = PrivacyConfig::read(keys);
        let lanes = LanesConfig::read(keys);
        let timeouts = TimeoutsConfig::read(keys);
        let log = LogConfig::read(keys);
        let limits = LimitsConfig::read(keys);
        let proxies = ProxiesConfig::read(keys);
        Some(Self {
            http: http?,
            socket: socket?,
            mongodb: mongodb?,
            users: users?,
            auth: auth?,
            messages: messages?,
            paging: paging?,
            presence: presence?,
            privacy: privacy?,
            lanes: lanes?,
            timeouts: timeouts?,
            log: log?,
            limits: limits?,
            proxies: proxies?,
        })
    }
}
