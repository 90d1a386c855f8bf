//! Where values come from: the environment over a `.env` file.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use chatzz::config::{Config, Mode};

/// A file of its own for a test, in the target folder.
fn dotenv(name: &str, text: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.env"));
    fs::write(&path, text).unwrap();
    path
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(n, v)| (n.into(), v.into())).collect()
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = dotenv(
        "wins",
        b"# mine\nCHATZZ_DATABASE=file\nexport CHATZZ_META_PREFIX='a#b_'\nCHATZZ_LSTEN=1\nOTHER=1\n",
    );
    let set = variables(&[("CHATZZ_DATABASE", "environment")]);
    let (config, warnings) = Config::from_sources(set, &file, Mode::Dev).unwrap();
    assert_eq!(config.mongodb.database, "environment");
    assert_eq!(config.mongodb.meta_prefix, "a#b_");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[test]
fn a_missing_file_is_no_mistake() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("there-is-no-such.env");
    assert!(Config::from_sources([], &file, Mode::Dev).is_ok());
}

#[test]
fn a_broken_line_is_told_by_its_place_and_never_by_its_value() {
    let file = dotenv(
        "broken",
        b"CHATZZ_LOG=info\nCHATZZ_MONGODB_URI=mongodb://a:geheim @db x\nCHATZZ_LANES=0\n",
    );
    let errors = Config::from_sources([], &file, Mode::Dev).unwrap_err();
    let text = errors.to_string();
    assert!(
        text.contains("the setting after CHATZZ_LOG cannot"),
        "{text}"
    );
    assert!(text.contains("CHATZZ_LANES: "), "{text}");
    assert!(!text.contains("geheim"), "{text}");
}

#[test]
fn a_file_that_is_not_text_is_one_mistake() {
    let file = dotenv("binary", b"CHATZZ_LANES=\xff\xfe\n");
    let errors = Config::from_sources([], &file, Mode::Dev).unwrap_err();
    assert_eq!(errors.iter().count(), 1, "{errors}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_one_mistake() {
    use std::os::unix::ffi::OsStringExt;
    let file = dotenv("empty", b"");
    let set = [("CHATZZ_AUTH".into(), OsString::from_vec(vec![0xff]))];
    let errors = Config::from_sources(set, &file, Mode::Serve).unwrap_err();
    assert_eq!(errors.iter().count(), 1, "{errors}");
    assert!(errors.to_string().contains("UTF-8"), "{errors}");
}
