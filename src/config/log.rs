//! What is logged, and how it looks.

use tracing_subscriber::EnvFilter;

use super::parse::{Parsed, Refusal, choice, shown};

section! {
    /// What is logged, and how it looks.
    pub struct LogConfig in "Log" {
        /// What is logged: a level, or levels by target such as `info,chatzz::store=debug`.
        /// Libraries whose finer lines hold messages or tokens stay capped whatever it says.
        filter: String = key("CHATZZ_LOG", "filter", default("info"), filter),
        /// How a log line looks.
        /// Write `json` when a machine collects the lines.
        format: LogFormat =
            key("CHATZZ_LOG_FORMAT", "`text` or `json`", default("text"),
                choice(&LogFormat::NAMES)),
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object for each line.
    Json,
}

impl LogFormat {
    const NAMES: [(&str, Self); 2] = [("text", Self::Text), ("json", Self::Json)];
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
