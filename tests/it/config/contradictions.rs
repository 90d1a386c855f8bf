//! Values that are fine alone and contradict each other.

use std::time::Duration;

use chatzz::config::{AuthMode, Hook, HookFailure, Mode};

use super::{config, mistakes, read};

const SECRET: &str = "geheim-geheim-geheim-geheim-geheim";
const WEBHOOK: [(&str, &str); 3] = [
    ("CHATZZ_AUTH", "webhook"),
    ("CHATZZ_WEBHOOK_URL", "https://app.example.org/login"),
    ("CHATZZ_WEBHOOK_SECRET", SECRET),
];

/// Asserts one mistake that names both keys and no value.
fn contradict(pairs: &[(&str, &str)], keys: &str) {
    let lines = mistakes(pairs);
    assert_eq!(lines.len(), 1, "{pairs:?}: {lines:?}");
    assert!(lines[0].starts_with(&format!("{keys}: ")), "{}", lines[0]);
    assert!(!lines[0].contains("geheim"), "{}", lines[0]);
}

#[test]
fn waiting_for_the_database_ends_before_the_request_does() {
    let keys = "CHATZZ_MONGODB_SELECTION_TIMEOUT and CHATZZ_REQUEST_TIMEOUT";
    let selection = |text| ("CHATZZ_MONGODB_SELECTION_TIMEOUT", text);
    contradict(&[selection("4500ms")], keys);
    contradict(&[selection("2s"), ("CHATZZ_REQUEST_TIMEOUT", "1s")], keys);
    config(&[selection("4499ms")]);
    config(&[selection("20s"), ("CHATZZ_REQUEST_TIMEOUT", "30s")]);
    // nobody waits for an answer of these
    let migrating = read(&[selection("20s")], Mode::Migrate).unwrap().0;
    assert_eq!(migrating.mongodb.selection_timeout, Duration::from_secs(20));
}

#[test]
fn events_are_posted_with_a_url_and_a_secret_or_not_at_all() {
    let keys = "CHATZZ_EVENTS_URL and CHATZZ_EVENTS_SECRET";
    let url = ("CHATZZ_EVENTS_URL", "https://app.example.org/events");
    let secret = (
        "CHATZZ_EVENTS_SECRET",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    );
    contradict(&[url], keys);
    contradict(&[secret], keys);
    config(&[url, secret]);
    let lines = mistakes(&[url, ("CHATZZ_EVENTS_SECRET", "whsec_geheim")]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("CHATZZ_EVENTS_SECRET: "), "{lines:?}");
    assert!(!lines[0].contains("geheim"), "{lines:?}");
}

#[test]
fn a_time_out_is_contradicted_though_its_section_has_another_mistake() {
    let lines = mistakes(&[
        ("CHATZZ_MONGODB_SELECTION_TIMEOUT", "9s"),
        ("CHATZZ_DATABASE", "admin"),
        ("CHATZZ_AUTH", "webhook"),
        ("CHATZZ_WEBHOOK_TIMEOUT", "8s"),
        ("CHATZZ_WEBHOOK_SECRET", SECRET),
    ]);
    let begins = [
        "CHATZZ_DATABASE: ",
        "CHATZZ_MONGODB_SELECTION_TIMEOUT and ",
        "CHATZZ_WEBHOOK_URL: ",
        "CHATZZ_WEBHOOK_TIMEOUT and ",
    ];
    assert_eq!(lines.len(), begins.len(), "{lines:?}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
}

#[test]
fn the_application_answers_before_the_request_ends() {
    let keys = "CHATZZ_WEBHOOK_TIMEOUT and CHATZZ_REQUEST_TIMEOUT";
    let timeout = ("CHATZZ_WEBHOOK_TIMEOUT", "5s");
    contradict(&[&WEBHOOK[..], &[timeout]].concat(), keys);
    let longer = ("CHATZZ_REQUEST_TIMEOUT", "6s");
    config(&[&WEBHOOK[..], &[timeout, longer]].concat());
    config(&[timeout]);
}

const HOOKS: [(&str, &str); 4] = [
    ("CHATZZ_HOOKS", "before-send, before-add,before-send"),
    ("CHATZZ_HOOK_URL", "https://app.example.org/hook"),
    (
        "CHATZZ_HOOK_SECRET",
        "whsec_Z2VoZWltLWdlaGVpbS1nZWhlaW0tZ2VoZWlt",
    ),
    ("CHATZZ_HOOK_FAILURE", "allow"),
];

#[test]
fn hooks_need_to_know_where_and_how_to_ask_and_what_holds_without_an_answer() {
    let hooks = config(&HOOKS).hooks;
    assert_eq!(hooks.hooks, [Hook::BeforeSend, Hook::BeforeAdd]);
    assert_eq!(hooks.failure, Some(HookFailure::Allow));
    for missing in [1, 2, 3] {
        let mut keys = HOOKS.to_vec();
        let (key, _) = keys.remove(missing);
        contradict(&keys, key);
        // alone it is for nothing
        contradict(&[HOOKS[missing]], &format!("CHATZZ_HOOKS and {key}"));
    }
    for wrong in ["login", "stored", "before-send;before-add"] {
        let mut keys = HOOKS.to_vec();
        keys[0].1 = wrong;
        contradict(&keys, "CHATZZ_HOOKS");
    }
    let mut keys = HOOKS.to_vec();
    keys[3].1 = "maybe";
    contradict(&keys, "CHATZZ_HOOK_FAILURE");
    let late = [&HOOKS[..], &[("CHATZZ_HOOK_TIMEOUT", "5s")]].concat();
    contradict(&late, "CHATZZ_HOOK_TIMEOUT and CHATZZ_REQUEST_TIMEOUT");
}

#[test]
fn defaults_give_way_to_a_short_request() {
    let short = [("CHATZZ_REQUEST_TIMEOUT", "900ms")];
    let config = config(&[&WEBHOOK[..], &short].concat());
    let shorter = Duration::from_millis(600);
    assert_eq!(config.mongodb.selection_timeout, shorter);
    assert_eq!(config.hooks.timeout, shorter);
    let AuthMode::Webhook(webhook) = config.auth.mode else {
        panic!("another mode");
    };
    assert_eq!(webhook.timeout, shorter);
}

#[test]
fn what_checks_tokens_is_refused_where_nothing_checks_them() {
    let trusted = ("CHATZZ_AUTH", "trusted");
    for (key, value) in [
        ("CHATZZ_JWT_SECRET", SECRET),
        ("CHATZZ_JWT_SECRET_FILE", "/run/secrets/chatzz-jwt"),
        ("CHATZZ_JWT_PUBLIC_KEY", "geheim"),
        ("CHATZZ_JWT_PUBLIC_KEY_FILE", "/etc/geheim.pem"),
        ("CHATZZ_JWT_JWKS_FILE", "/etc/geheim.json"),
        ("CHATZZ_JWT_JWKS_URL", "https://login.example.org/geheim"),
        ("CHATZZ_JWT_ISSUER", "geheim"),
        ("CHATZZ_WEBHOOK_URL", "https://app.example.org/geheim"),
        ("CHATZZ_WEBHOOK_SECRET", SECRET),
        ("CHATZZ_WEBHOOK_SECRET_FILE", "/run/secrets/geheim"),
    ] {
        contradict(&[trusted, (key, value)], &format!("CHATZZ_AUTH and {key}"));
    }
    let several = [
        trusted,
        ("CHATZZ_JWT_SECRET", SECRET),
        ("CHATZZ_JWT_AUDIENCE", "geheim"),
    ];
    contradict(
        &several,
        "CHATZZ_AUTH and CHATZZ_JWT_SECRET, CHATZZ_JWT_AUDIENCE",
    );
}

#[test]
fn the_keys_of_one_mode_are_refused_beside_the_other() {
    let jwt = [("CHATZZ_AUTH", "jwt"), ("CHATZZ_JWT_SECRET", SECRET)];
    config(&jwt);
    let url = "CHATZZ_WEBHOOK_URL";
    let stray = [(url, "https://app.example.org/")];
    contradict(
        &[&jwt[..], &stray].concat(),
        &format!("CHATZZ_AUTH and {url}"),
    );
    let stray = [("CHATZZ_JWT_ISSUER", "geheim")];
    let keys = "CHATZZ_AUTH and CHATZZ_JWT_ISSUER";
    contradict(&[&WEBHOOK[..], &stray].concat(), keys);
}

#[test]
fn what_decides_nothing_may_stand_beside_another_mode() {
    // keys that have a default, and keys of a mode that nobody has chosen
    for pairs in [
        &[("CHATZZ_AUTH", "trusted"), ("CHATZZ_JWT_LEEWAY", "5s")][..],
        &[("CHATZZ_AUTH", "trusted"), ("CHATZZ_WEBHOOK_CACHE", "0")],
        &[("CHATZZ_JWT_SECRET", SECRET)],
    ] {
        config(pairs);
    }
    let stray = [("CHATZZ_AUTH", "trusted"), ("CHATZZ_JWT_SECRET", SECRET)];
    read(&stray, Mode::Migrate).unwrap();
}
