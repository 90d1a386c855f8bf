//! NATS: its address, the login, and what contradicts it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{config, mistakes, refused, warnings};

const URL: &str = "CHATZZ_NATS_URL";
const CREDENTIALS: &str = "CHATZZ_NATS_CREDENTIALS_FILE";
const CA: &str = "CHATZZ_NATS_CA_FILE";

/// A file of a test's own, for the server only.
fn file(text: &str) -> PathBuf {
    let name = format!("config-nats-{}", uuid::Uuid::new_v4());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Asserts one mistake that begins so and repeats no secret.
fn one_mistake(pairs: &[(&str, &str)], begin: &str) {
    let lines = mistakes(pairs);
    assert_eq!(lines.len(), 1, "{pairs:?}: {lines:?}");
    assert!(lines[0].starts_with(begin), "{}", lines[0]);
    assert!(!lines[0].contains("geheim"), "{}", lines[0]);
}

#[test]
fn without_its_url_there_is_no_nats() {
    let config = config(&[]);
    assert!(config.nats.url.is_none());
    assert_eq!(config.nats.prefix, "chatzz.");
}

#[test]
fn an_address_is_taken_and_a_wrong_one_is_not_repeated() {
    let url = "nats://u:geheim@127.0.0.1:4222,nats://127.0.0.2:4222";
    let config = config(&[(URL, url), ("CHATZZ_NATS_PREFIX", "team-1.chat.")]);
    let shown = format!("{:?}", config.nats);
    assert!(
        shown.contains("nats://127.0.0.2:4222") && !shown.contains("geheim"),
        "{shown}"
    );
    assert_eq!(config.nats.prefix, "team-1.chat.");
    for wrong in [
        "",
        "geheim",
        "http://u:geheim@host",
        "nats://u:geheim@h?x=1",
    ] {
        assert!(!refused(URL, wrong).contains("geheim"));
    }
    // a password that is in `.env.example` is one that everybody knows
    let example = "tls://chatzz:write-a-password@nats.example.org:4222";
    assert!(refused(URL, example).contains("everybody knows"));
}

#[test]
fn a_prefix_is_words_with_dots_behind_them() {
    for wrong in [
        "", ".", "chatzz", "a..", "a b.", "a.*.", "a.>.", "$SYS.", "ü.",
    ] {
        refused("CHATZZ_NATS_PREFIX", wrong);
    }
    refused("CHATZZ_NATS_PREFIX", &format!("{}.", "a".repeat(64)));
}

#[test]
fn files_for_a_nats_that_is_not_named_are_refused() {
    for key in [CREDENTIALS, CA] {
        let path = file("whatever");
        let path = path.to_str().unwrap();
        one_mistake(&[(key, path)], &format!("{URL} and {key}: "));
    }
}

#[test]
fn credentials_are_a_file_that_only_the_server_reads_and_the_only_login() {
    let path = file("-----BEGIN NATS USER JWT-----\ngeheim\n------END NATS USER JWT------\n");
    let credentials = (CREDENTIALS, path.to_str().unwrap());
    config(&[(URL, "tls://host"), credentials]);
    let login = (URL, "tls://u:geheim@host");
    one_mistake(&[login, credentials], &format!("{URL} and {CREDENTIALS}: "));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let begin = format!("{CREDENTIALS}: everybody on this machine can read it");
    one_mistake(&[(URL, "tls://host"), credentials], &begin);
    let other = file("geheim");
    let other = (CREDENTIALS, other.to_str().unwrap());
    one_mistake(
        &[(URL, "tls://host"), other],
        &format!("{CREDENTIALS}: it is not"),
    );
    let missing = (CREDENTIALS, "/nowhere/nats.creds");
    one_mistake(
        &[(URL, "tls://host"), missing],
        &format!("{CREDENTIALS}: cannot be read"),
    );
}

#[test]
fn authorities_are_for_tls_and_certificates() {
    let path = file("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n");
    let authorities = (CA, path.to_str().unwrap());
    config(&[(URL, "tls://host"), authorities]);
    let plain = (URL, "tls://one,nats://two");
    one_mistake(&[plain, authorities], &format!("{URL} and {CA}: "));
    let other = file("geheim");
    let other = (CA, other.to_str().unwrap());
    one_mistake(
        &[(URL, "tls://host"), other],
        &format!("{CA}: it holds no certificate"),
    );
}

#[test]
fn a_login_that_others_could_read_is_warned_of() {
    let warned = warnings(&[(URL, "nats://u:geheim@nats.example.org")]);
    assert!(
        warned.len() == 1 && warned[0].starts_with(URL),
        "{warned:?}"
    );
    assert!(!warned[0].contains("geheim"));
    for fine in [
        "nats://u:geheim@127.0.0.1",
        "tls://u:geheim@host",
        "nats://host",
    ] {
        assert_eq!(warnings(&[(URL, fine)]), Vec::<String>::new());
    }
}
