//! The configuration: defaults, mistakes and warnings.

mod auth;
mod contradictions;
mod documentation;
#[cfg(unix)]
mod nats;
mod reports;
mod sources;
mod values;

use std::collections::BTreeMap;
use std::time::Duration;

use chatzz::config::{
    AllowedOrigins, AuthMode, BlockedSends, Config, ConfigError, ConfigErrors, IdType, LogFormat,
    Mode, StatusEvent, Warning,
};

type Read = Result<(Config, Vec<Warning>), ConfigErrors>;

fn read(pairs: &[(&str, &str)], mode: Mode) -> Read {
    let values: BTreeMap<&str, &str> = pairs.iter().copied().collect();
    let names: Vec<String> = values.keys().map(ToString::to_string).collect();
    let lookup = |name: &str| values.get(name).map(ToString::to_string);
    Config::from_lookup(lookup, names.into_iter(), mode)
}

fn config(pairs: &[(&str, &str)]) -> Config {
    read(pairs, Mode::Dev).unwrap().0
}

fn warnings(pairs: &[(&str, &str)]) -> Vec<String> {
    let (_, warnings) = read(pairs, Mode::Dev).unwrap();
    warnings.iter().map(ToString::to_string).collect()
}

fn mistakes(pairs: &[(&str, &str)]) -> Vec<String> {
    match read(pairs, Mode::Dev) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

/// Asserts that the value is refused in one line which begins with the key.
fn refused(key: &str, value: &str) -> String {
    let lines = mistakes(&[(key, value)]);
    assert_eq!(lines.len(), 1, "{key}={value}: {lines:?}");
    assert!(lines[0].starts_with(&format!("{key}: ")), "{}", lines[0]);
    assert!(!lines[0].contains('\n'), "{}", lines[0]);
    lines[0].clone()
}

#[test]
fn without_any_key_every_default_holds() {
    let config = config(&[]);
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:3000");
    let metrics = config.http.metrics_listen.unwrap();
    assert_eq!(metrics.to_string(), "127.0.0.1:9464");
    assert_eq!(config.http.allowed_origins, AllowedOrigins::SameHost);
    assert_eq!(config.socket.path, "/socket.io");
    assert_eq!(config.socket.ping_interval, Duration::from_secs(25));
    assert_eq!(
        config.socket.status_event,
        StatusEvent::ChatUserStatusChanged
    );
    assert_eq!(config.socket.outbox_bytes.bytes(), 262_144);
    assert_eq!(config.mongodb.user_database, "chatzz");
    assert_eq!(config.mongodb.nodes_collection(), "chatzz_nodes");
    assert_eq!(config.mongodb.meta_collection(), "chatzz_meta");
    assert!(config.mongodb.migrate_on_start);
    assert_eq!(config.users.id_type, IdType::Auto);
    assert_eq!(config.users.fields.len(), 8);
    assert!(matches!(config.auth.mode, AuthMode::Trusted));
    assert_eq!(config.presence.node_id, None);
    assert_eq!(config.lanes.lanes, None);
    assert!((2..=16).contains(&config.lanes.count()));
    assert_eq!(config.timeouts.request, Duration::from_millis(4_500));
    assert_eq!(config.log.format, LogFormat::Text);
    assert_eq!(config.privacy.blocked_sends, BlockedSends::Refuse);
}

#[test]
fn serving_requires_a_mode_of_authentication() {
    let errors = read(&[], Mode::Serve).unwrap_err();
    let text = errors.to_string();
    assert_eq!(errors.iter().count(), 1, "{text}");
    assert!(text.contains("CHATZZ_AUTH=trusted"), "{text}");
    assert!(read(&[("CHATZZ_AUTH", "trusted")], Mode::Serve).is_ok());
    assert!(read(&[], Mode::Migrate).is_ok());
}

#[test]
fn an_unknown_mode_of_authentication_is_answered_with_the_known_ones() {
    let line = refused("CHATZZ_AUTH", "oauth");
    for word in ["`oauth`", "`jwt`", "`webhook`", "`trusted`"] {
        assert!(line.contains(word), "{line}");
    }
}

#[test]
fn all_mistakes_are_reported_together_one_line_for_each_key() {
    let pairs = [
        ("CHATZZ_LISTEN", "localhost"),
        ("CHATZZ_PING_INTERVAL", "soon"),
        ("CHATZZ_MONGODB_URI", "postgres://anna:geheim@db"),
        ("CHATZZ_HISTORY_MAX", "5001"),
    ];
    let errors = read(&pairs, Mode::Serve).unwrap_err();
    let keys: Vec<&str> = errors.iter().map(ConfigError::key).collect();
    let expected = [
        "CHATZZ_LISTEN",
        "CHATZZ_PING_INTERVAL",
        "CHATZZ_MONGODB_URI",
        "CHATZZ_AUTH",
        "CHATZZ_HISTORY_MAX",
    ];
    assert_eq!(keys, expected);
    let text = errors.to_string();
    assert_eq!(text.lines().count(), 1 + expected.len(), "{text}");
    assert!(!text.contains("geheim") && !text.contains("anna"), "{text}");
}

#[test]
fn numbers_that_contradict_each_other_name_both_keys() {
    let lines = mistakes(&[
        ("CHATZZ_HISTORY_DEFAULT", "600"),
        ("CHATZZ_MISSED_PER_CONTACT", "2000"),
        ("CHATZZ_MONGODB_POOL", "4"),
        ("CHATZZ_METRICS_LISTEN", "0.0.0.0:3000"),
    ]);
    let begins = [
        "CHATZZ_LISTEN and CHATZZ_METRICS_LISTEN: ",
        "CHATZZ_MONGODB_POOL_MIN and CHATZZ_MONGODB_POOL: ",
        "CHATZZ_HISTORY_DEFAULT and CHATZZ_HISTORY_MAX: ",
        "CHATZZ_MISSED_PER_CONTACT and CHATZZ_MISSED_TOTAL: ",
    ];
    assert_eq!(lines.len(), begins.len(), "{lines:?}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
}

#[test]
fn two_keys_for_one_collection_are_both_named() {
    let lines = mistakes(&[
        ("CHATZZ_MESSAGE_COLLECTION", "chatrooms"),
        ("CHATZZ_CHAT_USER_COLLECTION", "chatzz_meta"),
    ]);
    assert_eq!(
        lines,
        [
            "CHATZZ_CHAT_USER_COLLECTION and CHATZZ_META_PREFIX: both make the collection \
             `chatzz_meta`; give each its own name",
            "CHATZZ_CHAT_ROOM_COLLECTION and CHATZZ_MESSAGE_COLLECTION: both make the collection \
             `chatrooms`; give each its own name",
        ]
    );
}

#[test]
fn the_users_collection_clashes_only_within_one_database() {
    let shared = ("CHATZZ_CHAT_USER_COLLECTION", "users");
    let lines = mistakes(&[shared]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("CHATZZ_USER_COLLECTION and CHATZZ_CHAT_USER_COLLECTION: "));
    let apart = [shared, ("CHATZZ_USER_DATABASE", "app")];
    assert_eq!(mistakes(&apart), Vec::<String>::new());
    let together = [apart[0], apart[1], ("CHATZZ_DATABASE", "app")];
    assert_eq!(mistakes(&together).len(), 1);
}

#[test]
fn an_unknown_key_is_warned_about_with_the_one_that_was_meant() {
    let suggested = |name: &str| match read(&[(name, "x")], Mode::Dev).unwrap().1.as_slice() {
        [Warning::UnknownKey { suggestion, .. }] => *suggestion,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(suggested("CHATZZ_LISTN"), Some("CHATZZ_LISTEN"));
    assert_eq!(suggested("CHATZZ_MONGO_URI"), Some("CHATZZ_MONGODB_URI"));
    assert_eq!(
        suggested("CHATZZ_PING_INTERVALL"),
        Some("CHATZZ_PING_INTERVAL")
    );
    assert_eq!(suggested("chatzz_auth"), Some("CHATZZ_AUTH"));
    assert_eq!(suggested("CHATZZ_COMPLETELY_DIFFERENT"), None);
    let reported = warnings(&[("CHATZZ_LISTN", "x")]);
    assert_eq!(
        reported,
        ["CHATZZ_LISTN is not a key; did you mean CHATZZ_LISTEN?"]
    );
}

#[test]
fn variables_of_others_are_not_warned_about() {
    let reported = warnings(&[
        ("PATH", "/bin"),
        ("CHATZ", "é"),
        ("CHATZZ_SERVICE_HOST", "10.0.0.1"),
        ("CHATZZ_PORT", "tcp://10.0.0.1:3000"),
        ("CHATZZ_PORT_3000_TCP_ADDR", "10.0.0.1"),
        ("CHATZZ_PEER_TOKEN", "x"),
    ]);
    assert_eq!(reported, Vec::<String>::new());
    assert_eq!(warnings(&[("CHATZZ_PORT", "3000")]).len(), 1);
}
