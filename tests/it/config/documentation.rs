//! That the key table, `.env.example` and the doc comments say the same.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use chatzz::config::{Config, DefaultValue, KEYS, Key, Mode};

use super::read;

const ENV_EXAMPLE: &str = include_str!("../../../.env.example");

#[test]
fn every_key_of_the_table_is_read_and_no_other() {
    let asked = RefCell::new(BTreeSet::new());
    for mode in ["trusted", "jwt", "webhook"] {
        let lookup = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            (name == "CHATZZ_AUTH").then(|| mode.to_owned())
        };
        // without what they need, `jwt` and `webhook` are refused, after everything was read
        let read = Config::from_lookup(lookup, std::iter::empty(), Mode::Dev);
        assert_eq!(read.is_ok(), mode == "trusted");
    }
    let listed: BTreeSet<String> = KEYS.iter().map(|key| key.name.to_owned()).collect();
    assert_eq!(asked.into_inner(), listed);
    assert_eq!(listed.len(), KEYS.len(), "a key stands twice");
}

/// The default as the documentation writes it.
fn default_of(key: &Key) -> &'static str {
    match key.default {
        DefaultValue::Text(text) => text,
        DefaultValue::Told { rule, .. } => rule,
    }
}

#[test]
fn the_env_example_lists_every_key_with_default_and_unit() {
    let mut rest = ENV_EXAMPLE;
    for key in KEYS {
        let Key {
            name, unit, help, ..
        } = key;
        let block = format!(
            "\n# {help}\n# {unit}; default: {}\n#{name}={}\n",
            default_of(key),
            key.example()
        );
        let Some(at) = rest.find(&block) else {
            panic!(".env.example lacks, at this place, these lines:\n{block}");
        };
        rest = &rest[at + block.len() - 1..];
    }
    let set = |line: &&str| line.trim_start_matches('#').starts_with("CHATZZ_");
    assert_eq!(ENV_EXAMPLE.lines().filter(set).count(), KEYS.len());
}

#[test]
fn the_values_of_the_env_example_can_be_used() {
    let pairs: Vec<(&str, &str)> = ENV_EXAMPLE
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        // as whoever reads the file does
        .map(|(name, value)| (name, value.trim_matches('\'')))
        .filter(|(name, _)| name.starts_with("CHATZZ_"))
        .collect();
    assert_eq!(pairs.len(), KEYS.len());
    // there are no such files here, and a secret that everybody knows is refused
    let elsewhere = |name: &str| {
        name == "CHATZZ_MONGODB_URI_FILE"
            || name.starts_with("CHATZZ_TLS_")
            || name.starts_with("CHATZZ_ADMIN_TOKEN")
    };
    let pairs: Vec<_> = pairs
        .into_iter()
        .filter(|(name, _)| !elsewhere(name))
        .collect();
    let (_, warnings) = read(&pairs, Mode::Serve).unwrap();
    assert_eq!(warnings, []);
}

#[test]
fn the_doc_comment_of_each_field_states_key_default_and_unit() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config");
    let docs: String = fs::read_dir(folder)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let docs = docs.replace("///", " ");
    let docs = docs.split_whitespace().collect::<Vec<_>>().join(" ");
    for key in KEYS {
        let default = match key.default {
            DefaultValue::Text(text) => format!("default `{text}`"),
            DefaultValue::Told { rule, .. } => format!("default: {rule}"),
        };
        let sentence = format!("`{}`, {default}, {}.", key.name, key.unit);
        assert!(docs.contains(&sentence), "no field says: {sentence}");
    }
}
