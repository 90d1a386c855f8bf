//! `chatzz serve` with a bug on purpose; without one it serves as `chatzz` does.
//! For the tests, and on Unix only.

use std::io::Write as _;
use std::process::ExitCode;

use chatzz::app::App;
use chatzz::bugs::{self, Bug};
use chatzz::config::{Config, Mode, Warning};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// The variable that names the bug; no key of the configuration.
const VARIABLE: &str = "CHATZZ_SEEDED_BUG";
/// Exit code of a command line or configuration that cannot be used.
const USAGE: u8 = 2;

/// chatzz with a bug on purpose, for testing the tests. Never for users.
#[derive(Debug, Parser)]
struct Cli {
    /// Which bug; nothing said is none
    #[arg(long, value_name = "NAME", env = VARIABLE)]
    bug: Option<Bug>,
    /// What to do; `serve` is all there is
    #[arg(value_parser = ["serve"], default_value = "serve")]
    command: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    announce(cli.bug);
    if let Some(bug) = cli.bug {
        bugs::choose(bug);
    }
    let (config, warnings) = match Config::from_env(Mode::Serve) {
        Ok(read) => read,
        Err(errors) => {
            chatzz::telemetry::report(&errors, std::io::stderr);
            return ExitCode::from(USAGE);
        }
    };
    if let Err(error) = chatzz::telemetry::init(&config.log) {
        complain(&error);
        return ExitCode::from(USAGE);
    }
    // in a `.env` file it has no effect, and the warning stays
    let is_heard =
        |warning: &Warning| matches!(warning, Warning::UnknownKey { name, .. } if name == VARIABLE);
    for warning in warnings {
        if !(cli.bug.is_some() && is_heard(&warning)) {
            tracing::warn!("{warning}");
        }
    }
    match Box::pin(serve(config)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let app = App::build(config, axum::Router::new()).await?;
    let ready = format!("listening on http://{}\n", app.addr());
    std::io::stdout().write_all(ready.as_bytes())?;
    app.run_until(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
    .await;
    Ok(())
}

fn announce(bug: Option<Bug>) {
    let Some(bug) = bug else {
        return complain(&"no bug is chosen; this serves as chatzz does");
    };
    complain(&format_args!(
        "BROKEN ON PURPOSE by `{bug}`, against {}: {}",
        bug.breaks().join(", "),
        bug.description()
    ));
}

fn complain(line: &impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "chatzz-seeded: {line}");
}
