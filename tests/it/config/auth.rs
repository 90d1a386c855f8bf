//! The keys of `jwt` and `webhook`, and secrets from files.

use std::fs;
use std::path::{Path, PathBuf};

use chatzz::config::{AuthMode, JwtAlgorithm, JwtKey, Mode, keys};
use secrecy::ExposeSecret as _;

use super::{config, mistakes, read, warnings};

const SECRET: &str = "geheim-geheim-geheim-geheim-geheim";
const PEM: &str = include_str!("../../../fixtures/keys/rsa.pub.pem");

/// A file of its own for a test, with these rights.
fn file(name: &str, text: &str, mode: u32) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("config-{name}"));
    fs::write(&path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    path
}

fn jwt<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("CHATZZ_AUTH", "jwt")], more].concat()
}

fn webhook<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let url = "https://app.example.org/login";
    let base = [
        ("CHATZZ_AUTH", "webhook"),
        ("CHATZZ_WEBHOOK_URL", url),
        ("CHATZZ_WEBHOOK_SECRET", SECRET),
    ];
    [&base, more].concat()
}

/// Asserts one mistake that names the key; its line.
fn one(pairs: &[(&str, &str)], key: &str) -> String {
    let lines = mistakes(pairs);
    assert_eq!(lines.len(), 1, "{pairs:?}: {lines:?}");
    assert!(lines[0].starts_with(key), "{}", lines[0]);
    assert!(!lines[0].contains("geheim"), "{}", lines[0]);
    lines[0].clone()
}

#[test]
fn a_shared_secret_is_for_hmac_and_a_public_key_for_the_rest() {
    for (key, value, count) in [
        ("CHATZZ_JWT_SECRET", SECRET, 3),
        ("CHATZZ_JWT_PUBLIC_KEY", PEM, 3),
        ("CHATZZ_JWT_JWKS_URL", "https://login.example.org/keys", 3),
        ("CHATZZ_JWT_JWKS_FILE", "/etc/keys.json", 3),
    ] {
        let AuthMode::Jwt(jwt) = config(&jwt(&[(key, value)])).auth.mode else {
            panic!("another mode");
        };
        assert_eq!(jwt.algorithms.len(), count, "{key}");
        let symmetric = matches!(jwt.key, JwtKey::Secret(_));
        assert!(
            jwt.algorithms
                .iter()
                .all(|algorithm| algorithm.is_symmetric() == symmetric)
        );
        assert_eq!(jwt.user_claim, "sub");
        assert!(jwt.require_expiry && jwt.leeway.is_zero() && jwt.audience.is_empty());
    }
    let listed = jwt(&[
        ("CHATZZ_JWT_PUBLIC_KEY", PEM),
        ("CHATZZ_JWT_ALGORITHMS", "RS256"),
    ]);
    let AuthMode::Jwt(jwt_config) = config(&listed).auth.mode else {
        panic!("another mode");
    };
    assert_eq!(jwt_config.algorithms, [JwtAlgorithm::Rs256]);
    let new_name = jwt(&[
        ("CHATZZ_JWT_PUBLIC_KEY", PEM),
        ("CHATZZ_JWT_ALGORITHMS", "Ed25519"),
    ]);
    let AuthMode::Jwt(jwt_config) = config(&new_name).auth.mode else {
        panic!("another mode");
    };
    assert_eq!(jwt_config.algorithms, [JwtAlgorithm::EdDsa]);
    for (key, value, algorithms) in [
        ("CHATZZ_JWT_SECRET", SECRET, "RS256"),
        ("CHATZZ_JWT_SECRET", SECRET, "HS256,EdDSA"),
        ("CHATZZ_JWT_PUBLIC_KEY", PEM, "RS256,HS256"),
        ("CHATZZ_JWT_JWKS_FILE", "/etc/keys.json", "HS256"),
        ("CHATZZ_JWT_SECRET", SECRET, "none"),
        ("CHATZZ_JWT_SECRET", SECRET, ""),
    ] {
        one(
            &jwt(&[(key, value), ("CHATZZ_JWT_ALGORITHMS", algorithms)]),
            "CHATZZ_JWT_ALGORITHMS: ",
        );
    }
}

#[test]
fn exactly_one_key_is_set() {
    let line = one(&jwt(&[]), "CHATZZ_AUTH: ");
    assert!(line.contains("none is set"), "{line}");
    let both = jwt(&[
        ("CHATZZ_JWT_SECRET", SECRET),
        ("CHATZZ_JWT_PUBLIC_KEY", PEM),
    ]);
    assert!(one(&both, "CHATZZ_AUTH: ").contains("more than one"));
}

#[test]
fn secrets_that_are_short_known_or_of_another_kind_are_refused() {
    let example = |name: &str| keys().find(|key| key.name == name).unwrap().example();
    for name in ["CHATZZ_JWT_SECRET", "CHATZZ_WEBHOOK_SECRET"] {
        for value in ["", "geheim", &SECRET[..31], example(name), PEM] {
            let mut pairs = if name == "CHATZZ_JWT_SECRET" {
                jwt(&[])
            } else {
                webhook(&[])
            };
            pairs.retain(|(key, _)| *key != name);
            pairs.push((name, value));
            one(&pairs, name);
        }
    }
    let private = include_str!("../../../fixtures/keys/rsa.pem");
    one(
        &jwt(&[("CHATZZ_JWT_PUBLIC_KEY", private)]),
        "CHATZZ_JWT_PUBLIC_KEY: ",
    );
}

#[test]
fn secrets_come_from_files_that_not_everybody_can_read() {
    let good = file("good", &format!("{SECRET}\n"), 0o440);
    let pairs = jwt(&[("CHATZZ_JWT_SECRET_FILE", good.to_str().unwrap())]);
    let AuthMode::Jwt(config_of_file) = config(&pairs).auth.mode else {
        panic!("another mode");
    };
    let JwtKey::Secret(secret) = &config_of_file.key else {
        panic!("another key");
    };
    assert_eq!(secret.expose_secret(), SECRET);
    let uri = file("uri", "mongodb://anna:geheim@db\n", 0o600);
    let with_uri = config(&[("CHATZZ_MONGODB_URI_FILE", uri.to_str().unwrap())]);
    assert_eq!(with_uri.mongodb.uri.redacted(), "mongodb://***@db");
    let marked = file("marked", &format!("\u{feff}{SECRET}\r\n"), 0o600);
    let pairs = jwt(&[("CHATZZ_JWT_SECRET_FILE", marked.to_str().unwrap())]);
    let AuthMode::Jwt(config_of_marked) = config(&pairs).auth.mode else {
        panic!("another mode");
    };
    let JwtKey::Secret(secret) = &config_of_marked.key else {
        panic!("another key");
    };
    assert_eq!(
        secret.expose_secret(),
        SECRET,
        "a byte order mark is dropped"
    );
    let pem = file("pem", PEM, 0o644);
    config(&jwt(&[(
        "CHATZZ_JWT_PUBLIC_KEY_FILE",
        pem.to_str().unwrap(),
    )]));

    let name = "CHATZZ_JWT_SECRET_FILE";
    #[cfg(unix)]
    {
        let open = file("open", SECRET, 0o644);
        let line = one(&jwt(&[(name, open.to_str().unwrap())]), name);
        assert!(line.contains("chmod"), "{line}");
        let open = file("open-uri", "mongodb://anna:geheim@db", 0o604);
        let key = "CHATZZ_MONGODB_URI_FILE";
        one(&[(key, open.to_str().unwrap())], key);
    }
    one(&jwt(&[(name, "/no/such/file")]), name);
    let short = file("short", "geheim", 0o600);
    one(
        &jwt(&[(name, short.to_str().unwrap())]),
        "CHATZZ_JWT_SECRET: ",
    );
    let both = jwt(&[
        ("CHATZZ_JWT_SECRET", SECRET),
        (name, good.to_str().unwrap()),
    ]);
    one(&both, "CHATZZ_JWT_SECRET and CHATZZ_JWT_SECRET_FILE: ");
}

#[test]
fn the_webhook_needs_a_url_and_a_secret_and_never_tells_cookies() {
    config(&webhook(&[(
        "CHATZZ_WEBHOOK_HEADERS",
        "User-Agent, x-forwarded-for",
    )]));
    let lines = mistakes(&[("CHATZZ_AUTH", "webhook")]);
    assert_eq!(lines.len(), 2, "{lines:?}");
    for headers in ["cookie", "user-agent,Cookie", "a b", "x,,y"] {
        one(
            &webhook(&[("CHATZZ_WEBHOOK_HEADERS", headers)]),
            "CHATZZ_WEBHOOK_HEADERS: ",
        );
    }
    for url in [
        "app/login",
        "ftp://app/login",
        "https://anna:geheim@app/",
        "https://",
        "",
    ] {
        let mut pairs = webhook(&[]);
        pairs[1].1 = url;
        one(&pairs, "CHATZZ_WEBHOOK_URL: ");
    }
}

#[test]
fn a_url_without_tls_is_warned_of_unless_it_leads_to_this_machine() {
    let reported = |url| {
        let mut pairs = webhook(&[]);
        pairs[1].1 = url;
        warnings(&pairs).len()
    };
    assert_eq!(reported("http://app:3000/login"), 1);
    for url in [
        "https://app/",
        "http://127.0.0.1:80/",
        "http://localhost/",
        "http://[::1]/",
    ] {
        assert_eq!(reported(url), 0, "{url}");
    }
    let url = ("CHATZZ_JWT_JWKS_URL", "http://login/keys");
    assert_eq!(warnings(&jwt(&[url])).len(), 1);
}

#[test]
fn secrets_are_never_shown_and_migrating_needs_none() {
    let url = ("CHATZZ_JWT_JWKS_URL", "https://login/keys?key=geheim");
    for pairs in [
        webhook(&[]),
        jwt(&[("CHATZZ_JWT_SECRET", SECRET)]),
        jwt(&[url]),
    ] {
        let debug = format!("{:?}", config(&pairs));
        assert!(!debug.contains("geheim"), "{debug}");
    }
    read(&[("CHATZZ_AUTH", "jwt")], Mode::Migrate).unwrap();
}
