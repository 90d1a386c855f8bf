//! `chatzz dev`: servers on the playground of `chatzz-dev`.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use bson::DateTime;
use chatzz::adopt;
use chatzz::app::{App, Operator};
use chatzz::cli::DevArgs;
use chatzz::config::{
    AllowedOrigins, ApiKey, ApiScope, Config, EventType, Kinds, NatsConfig, NatsUrl, new_api_key,
};
use chatzz::id::UserId;
use chatzz::operator::{After, EventQuery, EventsError};
use chatzz::service::{Content, IdInput, Imported, Occurred, ToImport};
use chatzz::store::Store;
use chatzz::store::adopt::Adoption;
use chatzz_dev::{
    DEMO_KINDS, DemoMessage, Playground, Progress, Users, free_or_any, is_free, nats,
};
use futures::future::{FutureExt as _, join_all};

/// Where the HTTP API listens, if nothing else is configured and the port is free.
const API_PORT: u16 = 3001;
/// Who has the key that is made.
const KEY_NAME: &str = "dev";
/// Events that are read at once for the person at the terminal.
const EVENTS_AT_ONCE: usize = 100;
/// How long they are waited for.
const EVENTS_WAIT: Duration = Duration::from_secs(20);
/// The pause when they cannot be read.
const EVENTS_PAUSE: Duration = Duration::from_secs(1);
/// Ports that are tried for a further server before any other is taken.
const PORTS_TRIED: u16 = 16;

/// Development servers with a database of their own.
pub(crate) struct Dev {
    /// At least one.
    apps: Vec<App>,
    playground: Playground,
    /// The key of the HTTP API, unless the developer has configured their own.
    key: Option<String>,
    /// Whether the database was one of chatzz 1.x.
    was_old: bool,
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
        if args.from_1x {
            adopt_old(&playground, &config, progress).await?;
        }
        if config.socket.serve_client.is_none() {
            config.socket.serve_client = playground.client_folder()?;
        }
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
        if config.messages.kinds.is_none() {
            // those that the demo shows
            config.messages.kinds = Some(Kinds::parse(DEMO_KINDS).map_err(anyhow::Error::msg)?);
        }
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, API_PORT));
        let port = if is_free(wanted) { API_PORT } else { 0 };
        let usual = SocketAddr::new(wanted.ip(), port);
        config.api.listen.get_or_insert(usual);
        let key = if config.api.keys_file.is_none() {
            let (key, file) = api_key(&args.dir)?;
            config.api.keys_file = Some(file);
            Some(key)
        } else {
            None
        };
        let pages = playground.pages(config.messages.max_chars);
        let first = App::build(config.clone(), pages.clone()).await?;
        if !args.empty && !args.from_1x {
            // before anybody is served: whoever comes finds them
            begin_conversations(&first.operator(), playground.conversations()?, progress).await?;
        }
        let mut apps = vec![first];
        for number in 2..=args.servers {
            let before = apps.last().map_or(config.http.listen, App::addr);
            let config = of_further(&config, number, before, progress);
            apps.push(App::build(config, pages.clone()).await?);
        }
        let addrs: Vec<SocketAddr> = apps.iter().map(App::addr).collect();
        playground.announce(&addrs);
        Ok(Self {
            apps,
            playground,
            key,
            was_old: args.from_1x,
        })
    }

    /// A first call of the HTTP API, for a terminal.
    pub(crate) fn first_call(&self) -> Option<String> {
        let (addr, key) = (self.apps.first()?.api_addr()?, self.key.as_ref()?);
        let [from, to] = self.playground.two_users()?;
        Some(format!(
            "curl http://{addr}/v1/messages -H 'Authorization: Bearer {key}' \\\n    \
             -d '{{\"from\": \"{from}\", \"to\": \"{to}\", \"message\": \"Your order has shipped.\", \
             \"key\": \"order-17\"}}'"
        ))
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
        let old = if self.was_old {
            format!("Alice by a front end of chatzz 1.x:\n  {first}old?as=alice\n")
        } else {
            String::new()
        };
        format!(
            "\n{beginning}\n  {first}duo\n{old}Or each in a window:\n  {first}?as=alice\n  \
             {second}?as=bob\nCtrl-C ends it."
        )
    }

    /// Serves until `shutdown` resolves, then ends the database as well. Meanwhile it shows
    /// each event in a line.
    pub(crate) async fn run_until(
        self,
        shutdown: impl Future<Output = ()> + Send,
        show: impl Fn(&str) + Send,
    ) {
        let shutdown = shutdown.shared();
        let (shown, until) = (self.apps.first().map(App::operator), shutdown.clone());
        let showing = async {
            if let Some(operator) = shown {
                // a server that stops lets nobody wait: this must not go round meanwhile
                tokio::select! {
                    () = until => {}
                    () = show_events(operator, show) => {}
                }
            }
        };
        let servers = self.apps.into_iter();
        let serving = join_all(servers.map(|app| Box::pin(app.run_until(shutdown.clone()))));
        tokio::join!(serving, showing);
        self.playground.stop().await;
    }
}

/// Stores a database of chatzz 1.x, takes it over, and says what became of it.
async fn adopt_old(
    playground: &Playground,
    config: &Config,
    progress: Progress<'_>,
) -> anyhow::Result<()> {
    let names = &config.mongodb;
    let database = &names.database;
    let collections = [
        names.chat_user_collection.as_str(),
        names.chat_room_collection.as_str(),
        names.message_collection.as_str(),
    ];
    playground.store_old(database, collections).await?;
    progress("stored a database as chatzz 1.1.5 left it; `chatzz adopt` says:\n");
    let adoption = Adoption::new(Store::connect(config).await?, database, config)?;
    let options = adopt::Options {
        // nobody else knows of the database
        watch: Duration::from_millis(10),
        ..adopt::Options::default()
    };
    let report = adopt::run(&adoption, &options).await;
    adoption.store.close().await;
    progress(&report?.to_string());
    Ok(())
}

/// Stores what the demo users have written, if nobody has written anything yet.
async fn begin_conversations(
    operator: &Operator,
    messages: Vec<DemoMessage>,
    progress: Progress<'_>,
) -> anyhow::Result<()> {
    if operator.stats().await?.sizes.chat_rooms > 0 {
        return Ok(());
    }
    let now = operator.clock().now().timestamp_millis();
    let messages = messages.into_iter().zip(1..).map(|(one, number)| {
        let ago = i64::try_from(one.ago.as_millis())?;
        Ok(ToImport {
            from: IdInput::Text(one.from),
            to: IdInput::Text(one.to),
            content: Content::of_text(one.message),
            created_at: DateTime::from_millis(now - ago),
            key: format!("demo-{number}"),
            is_unread: one.is_unread,
        })
    });
    let messages = messages.collect::<anyhow::Result<Vec<_>>>()?;
    let outcomes = operator.import(messages).await?;
    // such as texts that are longer than the developer has allowed
    let missing = outcomes.iter().filter(|one| **one != Imported::Stored);
    match missing.count() {
        0 => progress("the demo users have written to each other (--empty begins without)"),
        count => progress(&format!(
            "{count} messages of the demo users are not stored"
        )),
    }
    Ok(())
}

/// Shows what happens, each event in a line, as the application could hear of it.
async fn show_events(operator: Operator, show: impl Fn(&str)) {
    let usual = EventType::ALL.into_iter().filter(|one| one.is_usual());
    let mut query = EventQuery {
        after: After::Head,
        limit: EVENTS_AT_ONCE,
        types: usual.collect(),
        part: (0, 1),
        wait: EVENTS_WAIT,
    };
    loop {
        match operator.events(&query).await {
            Ok(page) => {
                for (_, now, _) in &page.events {
                    show(&line_of(now));
                }
                query.after = After::Cursor(page.cursor);
            }
            // what was missed was for a person who watches
            Err(EventsError::Gone(_)) => query.after = After::Head,
            // the log of the server says what is wrong
            Err(_) => tokio::time::sleep(EVENTS_PAUSE).await,
        }
    }
}

/// An event as the developer sees it; the texts are in the demo.
fn line_of(event: &Occurred) -> String {
    let name = UserId::to_key;
    let about = match event {
        Occurred::MessageCreated(stored) => {
            let [from, to] = [&stored.from.id, &stored.to.id].map(name);
            format!("{from} to {to}, no. {}", stored.message.seq)
        }
        Occurred::MessageRead {
            reader,
            sender,
            up_to,
            ..
        } => format!("{} from {}, up to no. {up_to}", name(reader), name(sender)),
        Occurred::ContactAdded(opened) => {
            let [one, other] = opened.members.each_ref().map(name);
            format!("{one} and {other}")
        }
        Occurred::Blocked { by, who, .. } => format!("{} {}", name(by), name(who)),
        Occurred::NotificationDue { user, badge, .. } => format!("{}, {badge} unread", name(user)),
        Occurred::NotificationWithdrawn { user, .. } => name(user),
        _ => String::new(),
    };
    let event = event.event_type().as_str();
    format!("{event}  {about}").trim_end().to_owned()
}

/// The configuration of a server after the first, at the port after another one's.
fn of_further(config: &Config, number: u16, before: SocketAddr, progress: Progress<'_>) -> Config {
    let mut config = config.clone();
    let next = |further: u16| SocketAddr::new(before.ip(), before.port().saturating_add(further));
    // the HTTP API may have the very next one
    let free = (1..=PORTS_TRIED).map(next).find(|addr| is_free(*addr));
    config.http.listen = free_or_any(None, free.unwrap_or(next(1)), progress);
    // those of the first are those of the process
    config.http.metrics_listen = None;
    config.api.listen = None;
    config.api.keys_file = None;
    if let Some(id) = &mut config.presence.node_id {
        *id = format!("{id}-{number}");
    }
    config
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
