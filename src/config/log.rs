//! What is logged, and how it looks.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::parse::{Parsed, Refusal, choice, shown};

section! {
    /// What is logged, and how it looks.
    pub struct LogConfig in "Log" {
        /// What is logged: a level, or levels by target such as `info,chatzz::store=debug`.
        /// Libraries whose verbose lines contain messages or tokens stay capped regardless. `dev`
        /// logs only warnings unless it is set.
        filter: String = key("CHATZZ_LOG", "filter", default("info"), filter),
        /// The format of log lines.
        /// Write `json` when a program collects the lines.
        format: LogFormat =
            key("CHATZZ_LOG_FORMAT", "`text` or `json`", default("text"),
                choice(&LogFormat::NAMES)),
    }
}

impl LogConfig {
    /// For `chatzz dev`, whose addresses are to stay in sight: warnings alone, and none about
    /// the mode of authentication, which is always the same there.
    pub(super) fn quiet(self) -> Self {
        Self {
            filter: "warn,chatzz::auth=error".to_owned(),
            ..self
        }
    }
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object for each line.
    Json,
}

impl LogFormat {
    const NAMES: [(&str, Self); 2] = [("text", Self::Text), ("json", Self::Json)];

    /// The requested format, as far as it can be read, whatever else is wrong.
    pub(super) fn asked_for(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let text = lookup("CHATZZ_LOG_FORMAT");
        text.and_then(|text| choice(&Self::NAMES)(text.trim()).ok())
            .unwrap_or(Self::Text)
    }
}

fn filter(text: &str) -> Parsed<String> {
    const WRITE: &str = "write a level (`error`, `warn`, `info`, `debug`, `trace`, `off`) or \
                         levels by target, such as `info,chatzz::store=debug`";
    // The library treats spaces before a part as belonging to it.
    let parts = text.split(',').map(str::trim);
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let mut words = parts.iter().filter(|part| !part.contains(['=', '[']));
    // A word that is not a level would be taken for a target, and everything else would be silent.
    if let Some(word) = words.find(|word| word.parse::<LevelFilter>().is_err()) {
        let word = shown(word);
        return Err(Refusal::new(format!("{word} is not a level; {WRITE}")));
    }
    let filter = parts.join(",");
    if parts.is_empty() || EnvFilter::builder().parse(&filter).is_err() {
        let text = shown(text);
        return Err(Refusal::new(format!("{text} is not a filter; {WRITE}")));
    }
    Ok(filter)
}
