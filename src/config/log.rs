//! What is logged, and how it looks.

use tracing_subscriber::EnvFilter;

use super::parse::{self, Parsed, Refusal, shown};
use super::reader::Reader;

/// What is logged, and how it looks.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// What is logged: a level, or levels by target.
    ///
    /// `CHATZZ_LOG`, default `info`, filter. Change it to `debug` or
    /// `info,chatzz::store=debug` to look for something; libraries whose finer lines
    /// hold messages or tokens stay capped whatever it says.
    pub filter: String,
    /// How a line looks.
    ///
    /// `CHATZZ_LOG_FORMAT`, default `text`, choice. Change it to `json` when a machine
    /// collects the lines.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object for each line.
    Json,
}

impl LogConfig {
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let filter = keys.read("CHATZZ_LOG", filter);
        let format = keys.read("CHATZZ_LOG_FORMAT", |text| parse::choice(text, &formats));
        Some(Self {
            filter: filter?,
            format: format?,
        })
    }
}

fn filter(text: &str) -> Parsed<String> {
    match EnvFilter::builder().parse(text) {
        Ok(_) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(Refusal::new(format!(
            "{} is not a filter; write a level (`error`, `warn`, `info`, `debug`, `trace`, `off`) \
             or levels by target, such as `info,chatzz::store=debug`",
            shown(text)
        ))),
    }
}
