//! `chatzz dev`: a server on the playground of `chatzz-dev`.

use chatzz::app::App;
use chatzz::cli::DevArgs;
use chatzz::config::{AllowedOrigins, Config};
use chatzz_dev::{Playground, Progress, Users, free_or_any, is_free};

/// A development server with a database of its own.
pub(crate) struct Dev {
    app: App,
    playground: Playground,
}

impl Dev {
    /// Prepares the playground and builds the server on it.
    ///
    /// # Errors
    /// With a sentence for the developer.
    pub(crate) async fn build(
        args: &DevArgs,
        mut config: Config,
        progress: Progress<'_>,
    ) -> anyhow::Result<Self> {
        let users = Users {
            database: &config.mongodb.user_database,
            collection: &config.mongodb.user_collection,
        };
        let mut playground = Playground::prepare(&args.dir, args.fresh, users, progress).await?;
        config.mongodb.uri = playground.uri().into();
        config.http.listen = free_or_any(args.listen, config.http.listen, progress);
        if let Some(addr) = config.http.metrics_listen
            && !is_free(addr)
        {
            progress(&format!("{addr} is in use: there are no metrics"));
            config.http.metrics_listen = None;
        }
        if config.http.allowed_origins == AllowedOrigins::SameHost {
            // a front end under development is served from another port of this machine
            config.http.allowed_origins = AllowedOrigins::Local;
        }
        let app = App::build(config, playground.pages()).await?;
        playground.announce(&url(&app));
        Ok(Self { app, playground })
    }

    /// Where the demo application is.
    pub(crate) fn url(&self) -> String {
        url(&self.app)
    }

    /// Serves until `shutdown` resolves, then ends the database as well.
    pub(crate) async fn run_until(self, shutdown: impl Future<Output = ()> + Send) {
        self.app.run_until(shutdown).await;
        self.playground.stop().await;
    }
}

fn url(app: &App) -> String {
    format!("http://{}/", app.addr())
}
