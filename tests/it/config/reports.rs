//! How mistakes reach the operator: for people, and as lines of the JSON log.

use std::io;
use std::sync::Arc;

use chatzz::config::{ConfigError, ConfigErrors, LogFormat, Mode};
use chatzz::telemetry;
use parking_lot::Mutex;
use serde_json::Value;

use super::read;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn reported(errors: &ConfigErrors) -> String {
    let captured = Captured::default();
    let writer = captured.clone();
    telemetry::report(errors, move || writer.clone());
    String::from_utf8(captured.0.lock().clone()).unwrap()
}

const WRONG: [(&str, &str); 4] = [
    ("CHATZZ_LISTEN", "localhost"),
    ("CHATZZ_ATUH", "jwt"),
    ("CHATZZ_MONGODB_URI", "postgres://anna:geheim@db"),
    ("CHATZZ_LOG", "warning"),
];

#[test]
fn unknown_keys_are_named_together_with_the_mistakes() {
    let errors = read(&WRONG, Mode::Serve).unwrap_err();
    let keys: Vec<&str> = errors.iter().map(ConfigError::key).collect();
    let expected = [
        "CHATZZ_LISTEN",
        "CHATZZ_MONGODB_URI",
        "CHATZZ_AUTH",
        "CHATZZ_LOG",
    ];
    assert_eq!(keys, expected);
    let text = reported(&errors);
    assert!(
        text.starts_with("chatzz: the configuration has 4 mistakes:\n"),
        "{text}"
    );
    let last = text.lines().last().unwrap();
    assert_eq!(
        last.trim(),
        "warning: CHATZZ_ATUH is not a key; did you mean CHATZZ_AUTH?"
    );
    assert_eq!(text.lines().count(), 1 + expected.len() + 1, "{text}");
    assert!(!text.contains("geheim"), "{text}");
}

#[test]
fn mistakes_are_json_lines_when_the_log_is() {
    let json = [&WRONG[..], &[("CHATZZ_LOG_FORMAT", " json ")]].concat();
    let errors = read(&json, Mode::Serve).unwrap_err();
    let lines: Vec<Value> = reported(&errors)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 5, "{lines:?}");
    for (line, error) in lines.iter().zip(&errors) {
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["key"], error.key());
        assert_eq!(line["message"], error.to_string());
        assert!(line["timestamp"].is_string());
    }
    assert_eq!(lines[4]["level"], "WARN");
    let message = lines[4]["message"].as_str().unwrap();
    assert!(message.contains("did you mean CHATZZ_AUTH?"), "{message}");
}

#[test]
fn a_format_that_is_wrong_itself_is_reported_as_text() {
    let errors = read(&[("CHATZZ_LOG_FORMAT", "xml")], Mode::Dev).unwrap_err();
    assert_eq!(errors.format(), LogFormat::Text);
    assert!(reported(&errors).starts_with("chatzz: the configuration has a mistake:\n"));
}

#[cfg(unix)]
#[tokio::test]
async fn the_program_reports_them_so_and_ends_with_2() {
    use crate::support::binary::Binary;

    let keys = [("CHATZZ_LOG_FORMAT", "json"), ("CHATZZ_LANES", "0")];
    let ended = Binary::run(&["serve"], &keys).await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let keys: Vec<Value> = ended
        .err
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["key"].take())
        .collect();
    assert_eq!(keys, ["CHATZZ_AUTH", "CHATZZ_LANES"]);
}

#[cfg(unix)]
#[tokio::test]
async fn the_program_prints_every_key() {
    use crate::support::binary::Binary;

    // whatever is set
    let keys = [("CHATZZ_LANES", "0")];
    for (args, made) in [
        (&["config"][..], chatzz::config::env_example()),
        (&["config", "--markdown"], chatzz::config::markdown()),
    ] {
        let ended = Binary::run(args, &keys).await;
        assert!(ended.status.success(), "{ended:?}");
        assert_eq!(ended.out, made);
    }
}
