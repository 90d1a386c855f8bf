//! Log lines: where they go, how they look, and what must never be in them.

use std::io::{self, IsTerminal, Write as _};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt, ParseError, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Registry, fmt};

use crate::config::{ConfigErrors, LogConfig, LogFormat};

/// How fine the lines of a library may be, by the beginning of their target.
///
/// Seen in socketioxide 0.18.9 and engineioxide 0.17.9: DEBUG and TRACE print whole
/// packets and the `auth` of the handshake, and the handlers print the error of a
/// payload that does not fit its type at ERROR, an error which quotes the payload.
/// The prefix also covers `socketioxide_core`, `hyper_util`, `hickory_resolver` ….
const CAPS: [(&str, LevelFilter); 15] = [
    ("socketioxide", LevelFilter::WARN),
    ("socketioxide::handler", LevelFilter::OFF),
    ("engineioxide", LevelFilter::WARN),
    ("tungstenite", LevelFilter::INFO),
    ("tokio", LevelFilter::INFO),
    ("hyper", LevelFilter::INFO),
    ("h2", LevelFilter::INFO),
    ("axum", LevelFilter::INFO),
    ("tower", LevelFilter::INFO),
    ("mio", LevelFilter::INFO),
    ("mongodb", LevelFilter::INFO),
    ("async_nats", LevelFilter::WARN),
    ("hickory", LevelFilter::INFO),
    ("rustls", LevelFilter::INFO),
    ("reqwest", LevelFilter::INFO),
];

/// Why logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter of `CHATZZ_LOG` cannot be understood.
    #[error("the log filter cannot be understood")]
    Filter(#[from] ParseError),
    /// Something else already receives the log lines of this process.
    #[error("logging is already started")]
    AlreadyStarted(#[from] TryInitError),
}

/// Sends the log lines of this process to standard error.
///
/// # Errors
/// [`TelemetryError::Filter`] for a filter that was not read by the configuration,
/// [`TelemetryError::AlreadyStarted`] at the second call.
pub fn init(config: &LogConfig) -> Result<(), TelemetryError> {
    let colours = io::stderr().is_terminal();
    build(config, io::stderr, colours)?.try_init()?;
    Ok(())
}

/// A subscriber that writes what `config` asks for to `writer`, without colours.
///
/// What libraries may say is capped whatever the filter asks for.
///
/// # Errors
/// [`TelemetryError::Filter`] for a filter that was not read by the configuration.
pub fn subscriber<W>(
    config: &LogConfig,
    writer: W,
) -> Result<impl Subscriber + Send + Sync + use<W>, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    build(config, writer, false)
}

/// Writes what is wrong with the configuration, before anything is logged: for people, or
/// as lines of the JSON log if that is the format asked for.
pub fn report<W>(errors: &ConfigErrors, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let log = LogConfig {
        filter: "warn".to_owned(),
        format: errors.format(),
    };
    if errors.format() == LogFormat::Text {
        // a closed terminal is no failure
        let _ = writeln!(writer.make_writer(), "chatzz: {errors}");
    } else if let Ok(subscriber) = subscriber(&log, writer) {
        tracing::subscriber::with_default(subscriber, || {
            for error in errors {
                tracing::error!(key = error.key(), "{error}");
            }
            for warning in errors.warnings() {
                tracing::warn!("{warning}");
            }
        });
    }
}

fn build<W>(
    config: &LogConfig,
    writer: W,
    colours: bool,
) -> Result<impl Subscriber + Send + Sync + use<W>, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let asked = EnvFilter::builder().parse(&config.filter)?;
    let caps = Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_targets(CAPS);
    let lines = fmt::layer().with_writer(writer);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match config.format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        // Left alone, the layer follows NO_COLOR.
        LogFormat::Text if colours => lines.boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    // A line passes when both agree, so no filter can lift a cap.
    Ok(tracing_subscriber::registry().with(lines.with_filter(asked.and(caps))))
}
