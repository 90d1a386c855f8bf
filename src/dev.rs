//! `chatzz dev`: a server on the playground of `chatzz-dev`.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use chatzz::app::App;
use chatzz::cli::DevArgs;
use chatzz::config::{AllowedOrigins, ApiKey, ApiScope, Config, new_api_key};
use chatzz_dev::{Playground, Progress, Users, free_or_any, is_free};

/// Where the HTTP API listens, if nothing else is configured and the port is free.
const API_PORT: u16 = 3001;
/// Who has the key that is made.
const KEY_NAME: &str = "dev";

/// A development server with a database of its own.
pub(crate) struct Dev {
    app: App,
    playground: Playground,
    /// The key of the HTTP API, unless the developer has configured their own.
    key: Option<String>,
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
        let key = if config.api.listen.is_none() {
            let (key, file) = api_key(&args.dir)?;
            let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, API_PORT));
            let port = if is_free(wanted) { API_PORT } else { 0 };
            config.api.listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
            config.api.keys_file = Some(file);
            Some(key)
        } else {
            None
        };
        let app = App::build(config, playground.pages()).await?;
        playground.announce(&url(&app));
        Ok(Self {
            app,
            playground,
            key,
        })
    }

    /// A first call of the HTTP API, for a terminal.
    pub(crate) fn first_call(&self) -> Option<String> {
        let (addr, key) = (self.app.api_addr()?, self.key.as_ref()?);
        let [from, to] = self.playground.two_users()?;
        Some(format!(
            "curl http://{addr}/v1/messages -H 'Authorization: Bearer {key}' \\\n    \
             -d '{{\"from\": \"{from}\", \"to\": \"{to}\", \"message\": \"Your order has shipped.\", \
             \"key\": \"order-17\"}}'"
        ))
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

/// The key of the HTTP API that is kept in a folder, made at the first start, and the file
/// that the server reads.
fn api_key(dir: &Path) -> anyhow::Result<(String, std::path::PathBuf)> {
    let (kept, lines) = (dir.join("api-key"), dir.join("api-keys"));
    let scopes = ApiScope::ALL;
    let key = match fs::read_to_string(&kept) {
        Ok(key) => key.trim().to_owned(),
        Err(_) => {
            new_api_key(KEY_NAME, &scopes)
                .map_err(anyhow::Error::msg)?
                .0
        }
    };
    let line = ApiKey::new(KEY_NAME, scopes.to_vec(), &key).map_err(anyhow::Error::msg)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(&kept)?.write_all(key.as_bytes())?;
    fs::write(&lines, line.line())?;
    Ok((key, lines))
}
