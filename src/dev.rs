//! `chatzz dev`: servers on the playground of `chatzz-dev`.

use std::net::SocketAddr;

use chatzz::app::App;
use chatzz::cli::DevArgs;
use chatzz::config::{AllowedOrigins, Config, NatsConfig, NatsUrl};
use chatzz_dev::{Playground, Progress, Users, free_or_any, is_free, nats};
use futures::future::{FutureExt as _, join_all};

/// Development servers with a database of their own.
pub(crate) struct Dev {
    /// At least one.
    apps: Vec<App>,
    playground: Playground,
}

impl Dev {
    /// Prepares the playground and builds the servers on it.
    ///
    /// # Errors
    /// With a sentence for the developer.
    pub(crate) async fn build(
        args: &DevArgs,
        mut config: Config,
        progress: Progress<'_>,
    ) -> anyhow::Result<Self> {
        // first: what is missing is said before anything is fetched
        let nats = args.nats.then(nats::locate).transpose()?;
        let users = Users {
            database: &config.mongodb.user_database,
            collection: &config.mongodb.user_collection,
        };
        let mut playground = Playground::prepare(&args.dir, args.fresh, users, progress).await?;
        config.mongodb.uri = playground.uri().into();
        if let Some(program) = nats {
            let port = playground.start_nats(&program).await?;
            config.nats = NatsConfig {
                url: Some(NatsUrl::local(port)?),
                credentials_file: None,
                ca_file: None,
                ..config.nats
            };
        }
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
        let mut apps = vec![App::build(config.clone(), playground.pages()).await?];
        for number in 2..=args.servers {
            let before = apps.last().map_or(config.http.listen, App::addr);
            let config = of_further(&config, number, before, progress);
            apps.push(App::build(config, playground.pages()).await?);
        }
        let addrs: Vec<SocketAddr> = apps.iter().map(App::addr).collect();
        playground.announce(&addrs);
        Ok(Self { apps, playground })
    }

    /// Where everything is, for the person at the terminal.
    pub(crate) fn greeting(&self) -> String {
        let urls: Vec<String> = self.apps.iter().map(url).collect();
        let (Some(first), Some(second)) = (urls.first(), urls.get(1).or(urls.first())) else {
            return String::new();
        };
        let beginning = if urls.len() == 1 {
            "chatzz runs. Two people side by side:".to_owned()
        } else {
            let servers = urls.join("\n  ");
            format!(
                "chatzz runs, {} servers on one database:\n  {servers}\n\
                 Two people side by side, at different servers:",
                urls.len()
            )
        };
        format!(
            "\n{beginning}\n  {first}duo\nOr each in a window:\n  {first}?as=alice\n  \
             {second}?as=bob\nCtrl-C ends it."
        )
    }

    /// Serves until `shutdown` resolves, then ends the database as well.
    pub(crate) async fn run_until(self, shutdown: impl Future<Output = ()> + Send) {
        let shutdown = shutdown.shared();
        let servers = self.apps.into_iter();
        join_all(servers.map(|app| Box::pin(app.run_until(shutdown.clone())))).await;
        self.playground.stop().await;
    }
}

/// The configuration of a server after the first, at the port after another one's.
fn of_further(config: &Config, number: u16, before: SocketAddr, progress: Progress<'_>) -> Config {
    let mut config = config.clone();
    let next = SocketAddr::new(before.ip(), before.port().saturating_add(1));
    config.http.listen = free_or_any(None, next, progress);
    // those of the first are those of the process
    config.http.metrics_listen = None;
    if let Some(id) = &mut config.presence.node_id {
        *id = format!("{id}-{number}");
    }
    config
}

fn url(app: &App) -> String {
    format!("http://{}/", app.addr())
}
