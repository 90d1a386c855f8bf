//! Where values come from: the environment over a `.env` file.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use chatzz::config::{Config, ConfigError, LogFormat, Mode};

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
fn a_broken_line_is_reported_by_its_place_and_never_by_its_value() {
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

#[test]
fn a_file_in_another_encoding_is_one_clear_mistake_even_if_it_sets_what_is_required() {
    let latin = b"CHATZZ_AUTH=trusted\n# f\xfcr uns\nCHATZZ_LANES=4\n";
    let file = dotenv("latin", latin);
    let errors = Config::from_sources([], &file, Mode::Serve).unwrap_err();
    assert_eq!(errors.iter().count(), 1, "{errors}");
    let text = errors.to_string();
    assert!(text.contains("line 2 is not UTF-8 text"), "{text}");

    let utf_16: Vec<u8> = "\u{feff}CHATZZ_AUTH=trusted\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let file = dotenv("utf-16", &utf_16);
    // what the environment itself sets is looked at all the same
    let set = variables(&[("CHATZZ_LANES", "0"), ("CHATZZ_LOG_FORMAT", "json")]);
    let errors = Config::from_sources(set, &file, Mode::Serve).unwrap_err();
    let keys: Vec<&str> = errors.iter().map(ConfigError::key).collect();
    assert_eq!(keys, [file.to_str().unwrap(), "CHATZZ_LANES"]);
    assert_eq!(errors.format(), LogFormat::Json);
}

#[test]
fn a_byte_order_mark_before_the_file_is_dropped() {
    let file = dotenv(
        "marked",
        "\u{feff}CHATZZ_DATABASE=file\r\nCHATZZ_LANES=4\r\n".as_bytes(),
    );
    let (config, warnings) = Config::from_sources([], &file, Mode::Dev).unwrap();
    assert_eq!(config.mongodb.database, "file");
    assert_eq!(config.lanes.lanes, Some(4));
    assert_eq!(warnings, []);
}

#[test]
fn a_file_with_mistakes_still_says_how_they_are_printed() {
    let file = dotenv(
        "json",
        b"CHATZZ_LOG_FORMAT=json\nCHATZZ_DATABASE=a b c\nCHATZZ_LSTEN=1\n",
    );
    let errors = Config::from_sources([], &file, Mode::Dev).unwrap_err();
    assert_eq!(errors.format(), LogFormat::Json);
    assert_eq!(errors.warnings().len(), 1, "{errors}");
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

/// The mistakes of a file with these rights and settings.
#[cfg(unix)]
fn mistakes_with_mode(mode: u32, text: &str) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = dotenv(&format!("mode-{mode:o}-{}", text.len()), text.as_bytes());
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    let read = Config::from_sources([], &file, Mode::Serve);
    // one that may not be written is no good for the next run
    fs::remove_file(&file).unwrap();
    match read {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[cfg(unix)]
#[test]
fn a_file_with_secrets_that_everybody_can_read_is_refused() {
    let secret = "0123456789012345678901234567890123456789";
    let with_secret = format!("CHATZZ_AUTH=jwt\nCHATZZ_JWT_SECRET={secret}\n");
    let login = "CHATZZ_AUTH=trusted\nCHATZZ_MONGODB_URI=mongodb://anna:geheim@db\n";
    let token = format!("CHATZZ_AUTH=trusted\nCHATZZ_ADMIN_TOKEN={secret}\n");
    for (text, name) in [
        (with_secret.as_str(), "CHATZZ_JWT_SECRET"),
        (login, "CHATZZ_MONGODB_URI"),
        (token.as_str(), "CHATZZ_ADMIN_TOKEN"),
    ] {
        for mode in [0o644, 0o604, 0o646] {
            let mistakes = mistakes_with_mode(mode, text);
            assert_eq!(mistakes.len(), 1, "{mode:o}: {mistakes:?}");
            for word in [name, "everybody", "chmod o-rwx", ".env"] {
                assert!(mistakes[0].contains(word), "no {word} in {}", mistakes[0]);
            }
            assert!(!mistakes[0].contains("geheim") && !mistakes[0].contains(secret));
        }
        for mode in [0o600, 0o640, 0o440] {
            assert_eq!(mistakes_with_mode(mode, text), Vec::<String>::new());
        }
    }
    // nothing in these is a secret
    for open in [
        "CHATZZ_AUTH=trusted\nCHATZZ_MONGODB_URI=mongodb://127.0.0.1:27017\n",
        "CHATZZ_AUTH=trusted\nCHATZZ_MONGODB_URI_FILE=/no/such/file\nCHATZZ_DATABASE=a\n",
    ] {
        let mistakes = mistakes_with_mode(0o644, open).join("\n");
        assert!(!mistakes.contains("everybody"), "{mistakes}");
    }
}
