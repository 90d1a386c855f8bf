//! A chatzz server of your own: that of `chatzz serve`, with hooks that are part of the
//! program.

mod rules;

use std::sync::Arc;

use anyhow::Context as _;
use chatzz::app::App;
use chatzz::config::{Config, Mode, SigningSecrets};
use chatzz::hooks::{HookFailure, InProcess};

use rules::Rules;

#[tokio::main]
#[expect(
    clippy::disallowed_methods,
    reason = "a key of this program, not of chatzz"
)]
async fn main() -> anyhow::Result<()> {
    let (config, warnings) = Config::from_env(Mode::Serve)?;
    chatzz::telemetry::init(&config.log)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let secrets = std::env::var("OWN_HOOKS_SECRET").context("set OWN_HOOKS_SECRET")?;
    let hooks = InProcess {
        hooks: Arc::new(Rules::default()),
        // these rules always answer; what asks another service has to choose
        failure: HookFailure::Refuse,
        secrets: SigningSecrets::parse(&secrets).map_err(anyhow::Error::msg)?,
    };
    let app = App::build_with(config, axum::Router::new(), Some(hooks)).await?;
    tracing::info!("listening on {}", app.url());
    let interrupted = async {
        // without a handler nothing but a signal ends the program
        let _ = tokio::signal::ctrl_c().await;
    };
    // a server is a large future: on the heap it costs the stack nothing
    Box::pin(app.run_until(interrupted)).await;
    Ok(())
}
