//! That `.env.example` and `docs/configuration.md` are what the declarations say.

use std::cell::RefCell;
use std::collections::BTreeSet;

use chatzz::config::{Config, DefaultValue, Mode, env_example, keys, markdown};

use super::{mistakes, read};

const ENV_EXAMPLE: &str = include_str!("../../../.env.example");
const PAGE: &str = include_str!("../../../docs/configuration.md");

#[test]
fn every_declared_key_is_read_and_no_other() {
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
    let names: Vec<String> = keys()
        .flat_map(|key| key.names().map(str::to_owned))
        .collect();
    let listed: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(asked.into_inner(), listed);
    assert_eq!(listed.len(), names.len(), "a key stands twice");
}

#[test]
fn the_committed_files_are_what_the_declarations_make() {
    for (path, committed, made) in [
        (".env.example", ENV_EXAMPLE, env_example()),
        ("docs/configuration.md", PAGE, markdown()),
    ] {
        let difference = difference(committed, &made);
        assert!(
            difference.is_empty(),
            "{path} is not current; run `cargo run -- config --write`:\n{}",
            difference.join("\n")
        );
    }
}

/// The lines to remove from `old` (`-`) and to add (`+`), in the order of the files.
fn difference(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // the length of what is common to the rests that begin at two lines
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(format!("{:4} -{}", i + 1, old[i]));
            i += 1;
        } else {
            lines.push(format!("{:4} +{}", j + 1, new[j]));
            j += 1;
        }
    }
    lines
}

#[test]
fn a_difference_names_the_lines_that_differ_and_no_others() {
    let lines = difference("a\nb\nc\nd\n", "a\nx\nc\nd\ne\n");
    assert_eq!(lines, ["   2 -b", "   2 +x", "   5 +e"]);
    assert_eq!(difference("a\nb", "a\nb\n"), Vec::<String>::new());
}

#[test]
fn both_files_state_each_key_with_default_kind_and_meaning() {
    for key in keys() {
        let name = key.name;
        let default = match key.default {
            DefaultValue::Text(text) => text,
            DefaultValue::Rule { rule, .. } => rule,
        };
        let row = PAGE
            .lines()
            .find(|row| row.starts_with(&format!("| `{name}`")));
        let row = row.unwrap_or_else(|| panic!("{name} is missing"));
        let before = |rest: &str| rest.lines().rev().take(8).collect::<Vec<_>>().join("\n");
        let (block, _) = ENV_EXAMPLE.split_once(&format!("\n#{name}=")).unwrap();
        for text in [row, &before(block)] {
            assert!(text.contains(default) && text.contains(key.unit), "{text}");
            for line in key.docs {
                assert!(text.contains(line.trim()), "{name}: {text}");
            }
        }
        for name in key.names() {
            assert!(row.contains(&format!("`{name}`")), "{row}");
            let set = format!("\n#{name}=");
            assert_eq!(ENV_EXAMPLE.matches(&set).count(), 1, "{name}");
        }
        let last = key.docs.last().unwrap();
        assert!(last.ends_with('.'), "{name}: {last} is no sentence");
    }
}

#[test]
fn defaults_lie_within_the_bounds_and_the_bounds_can_be_set() {
    for key in keys() {
        let Some((low, high)) = key.bounds else {
            continue;
        };
        for value in [low, high] {
            // a bound may contradict another key, and is never refused by itself
            let itself = format!("{}: ", key.name);
            let lines = mistakes(&[(key.name, value)]);
            assert!(
                !lines.iter().any(|line| line.starts_with(&itself)),
                "{lines:?}"
            );
        }
    }
}

/// What `.env.example` sets, as read by its users.
fn examples() -> Vec<(&'static str, &'static str)> {
    ENV_EXAMPLE
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        .map(|(name, value)| (name, value.trim_matches('\'')))
        .filter(|(name, _)| name.starts_with("CHATZZ_"))
        .collect()
}

#[test]
fn the_values_of_the_env_example_can_be_used() {
    // there are no such files here, a secret that everybody knows is refused, and so is
    // what is for another mode
    let elsewhere = |name: &str| {
        name.ends_with("_FILE")
            || name.starts_with("CHATZZ_ADMIN_TOKEN")
            || name.starts_with("CHATZZ_JWT_")
            || name.starts_with("CHATZZ_WEBHOOK_")
            || name.starts_with("CHATZZ_HOOK")
            || name == "CHATZZ_NATS_URL"
            || name == "CHATZZ_EVENTS_SECRET"
    };
    let mut pairs = examples();
    assert!(pairs.len() > keys().count());
    pairs.retain(|(name, _)| !elsewhere(name));
    let secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    pairs.push(("CHATZZ_EVENTS_SECRET", secret));
    let (_, warnings) = read(&pairs, Mode::Serve).unwrap();
    assert_eq!(warnings, []);
}

#[test]
fn the_values_of_the_env_example_can_be_used_for_each_mode() {
    for (mode, prefix, instead) in [
        (
            "jwt",
            "CHATZZ_JWT_",
            ("CHATZZ_JWT_SECRET", "CHATZZ_JWT_PUBLIC_KEY"),
        ),
        ("webhook", "CHATZZ_WEBHOOK_", ("CHATZZ_WEBHOOK_SECRET", "")),
    ] {
        let mut pairs = examples();
        pairs.retain(|(name, _)| {
            // of the keys of `jwt` exactly one is set
            let other_key = name.contains("JWKS_URL") || name.contains("JWKS_FILE");
            name.starts_with(prefix)
                && !name.ends_with("_FILE")
                && !other_key
                && *name != instead.0
                && *name != instead.1
        });
        assert!(pairs.len() >= 4, "{pairs:?}");
        pairs.retain(|(name, _)| *name != "CHATZZ_JWT_ALGORITHMS");
        pairs.push((instead.0, "a-secret-of-this-test-of-32-bytes-or-more"));
        pairs.push(("CHATZZ_AUTH", mode));
        let (_, warnings) = read(&pairs, Mode::Serve).unwrap();
        assert_eq!(warnings, []);
    }
}
